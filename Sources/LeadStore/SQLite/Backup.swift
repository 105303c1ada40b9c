internal import GRDB
internal import Glibc

/// A copy of a store.
///
/// `VACUUM INTO` reads one snapshot over a connection of its own that cannot write, and writes a
/// file without free pages: what was erased is not in it. The copy is made under another name,
/// synced, and only then given its own, which must be free: a file of that name is whole.
///
/// The other name is locked for as long as the copy is made. What stands there and is not locked was
/// left by a process that was killed, and is removed: but only when it is of this account, closed to
/// all others, and begins as a copy does, which is with zeros until it is nearly whole. Anything else
/// is somebody's, and stays.
///
/// A name is refused that SQLite or a store gives to what stands beside it (`BackupName`), and one
/// beside which such a file stands already: SQLite would take it for the copy's own.
struct Backup {
    /// So many bytes of a file tell what it is: SQLite's header.
    private static let headerBytes = 100

    private let source: String
    private let target: String
    private var part: String { target + LedgerCopy.unfinishedSuffix }
    /// What SQLite writes beside a file that it makes.
    private var journal: String { part + "-journal" }

    init(of source: String, to target: String) {
        self.source = source
        self.target = target
    }

    func run() throws(StoreError) -> LedgerCopy {
        try BackupName(target).check(besides: source)
        guard access(target, F_OK) != 0 else { throw exists() }
        let hadRemains = try removeRemains()
        // Closed last: SQLite must not lose its locks by that, nor we ours.
        let descriptor = try reserve()
        defer { _ = close(descriptor) }
        do {
            try copy()
            try publish(descriptor)
        } catch {
            unlink(journal)
            unlink(part)
            throw StoreError(error)
        }
        return LedgerCopy(
            bytes: Int64(StoreFile.size(of: target) ?? 0), hadRemains: hadRemains)
    }

    /// Whether there was something to remove.
    private func removeRemains() throws(StoreError) -> Bool {
        let descriptor = open(part, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw errno == ENOTDIR ? Backup.failed("cannot create", part) : foreign()
        }
        defer { _ = close(descriptor) }
        guard Backup.isRemains(descriptor) else { throw foreign() }
        // Whoever has finished meanwhile has given the file its own name.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isStillThere(descriptor) else {
            throw busy()
        }
        unlink(journal)
        unlink(part)
        return true
    }

    private static func isRemains(_ descriptor: Int32) -> Bool {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
            status.st_uid == geteuid(), status.st_mode & 0o077 == 0
        else { return false }
        var header = [UInt8](repeating: 0, count: headerBytes)
        let count = pread(descriptor, &header, headerBytes, 0)
        if header.allSatisfy({ $0 == 0 }) { return count >= 0 }
        let id = withUnsafeBytes(of: Schema.applicationID.bigEndian) { Array($0) }
        return header.starts(with: "SQLite format 3\0".utf8) && Array(header[68..<72]) == id
    }

    /// Whether the name still means the file that is open.
    private func isStillThere(_ descriptor: Int32) -> Bool {
        var ours = stat()
        var named = stat()
        return fstat(descriptor, &ours) == 0 && lstat(part, &named) == 0
            && ours.st_dev == named.st_dev && ours.st_ino == named.st_ino
    }

    /// An empty file that is the owner's alone: leads are personal data.
    private func reserve() throws(StoreError) -> Int32 {
        let descriptor = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw errno == EEXIST ? busy() : Backup.failed("cannot create", part)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isStillThere(descriptor) else {
            _ = close(descriptor)
            throw busy()
        }
        return descriptor
    }

    private func copy() throws {
        var configuration = Configuration()
        configuration.readonly = true
        let queue = try DatabaseQueue(path: source, configuration: configuration)
        try queue.inDatabase { db in
            try db.execute(sql: "VACUUM INTO ?", arguments: [part])
        }
        try queue.close()
    }

    private func publish(_ descriptor: Int32) throws(StoreError) {
        guard fsync(descriptor) == 0 else { throw Backup.failed("cannot sync", part) }
        try BackupName(target).checkBeside()
        guard link(part, target) == 0 else {
            throw errno == EEXIST ? exists() : Backup.failed("cannot create", target)
        }
        unlink(part)
        try Backup.sync(folder: StoreFile.folder(of: target))
    }

    private static func sync(folder: String) throws(StoreError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failed("cannot open", folder) }
        defer { _ = close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failed("cannot sync", folder) }
    }

    private func exists() -> StoreError { BackupName(target).isTaken }

    private func busy() -> StoreError {
        .unusable("another backup to '\(target)' is being written just now")
    }

    private func foreign() -> StoreError {
        .unusable(
            "'\(part)' is in the way, and is not what a backup of this account left; look what "
                + "it is and move it away, or name another file")
    }

    private static func failed(_ doing: String, _ path: String) -> StoreError {
        .unusable("\(doing) '\(path)': \(String(cString: strerror(errno)))")
    }
}
