internal import Foundation
internal import GRDB
internal import Glibc

/// The file of a store, looked at before SQLite may change it.
struct StoreFile: Sendable {
    /// The absolute path without symbolic links: the lock must be the same by whatever way the
    /// store is named.
    let path: String

    /// Finds the file; `creates` makes its folder if need be.
    ///
    /// - Throws: `StoreError.unusable` when there is no such folder.
    init(_ path: String, creates: Bool) throws(StoreError) {
        let url = URL(filePath: path)
        let folder = url.deletingLastPathComponent()
        if creates { try StoreFile.makeFolder(folder) }
        if let real = realpath(url.path(percentEncoded: false)) {
            self.path = real
        } else if let real = realpath(folder.path(percentEncoded: false)) {
            self.path = real + "/" + url.lastPathComponent
        } else {
            throw .unusable("there is no folder '\(folder.path(percentEncoded: false))'")
        }
    }

    /// Whether the file is there, empty or not.
    var exists: Bool { access(path, F_OK) == 0 }

    /// Makes an empty store under a name of its own and moves it into place: the file is not
    /// there, or has its mark. Leads are personal data: it is the owner's alone from the start.
    func create() throws {
        if let size = StoreFile.size(of: path + "-wal"), size > 0 {
            throw StoreError.unusable(
                "the store '\(path)' is missing, but its log '\(path)-wal' is there; restore it, "
                    + "or remove the log to begin anew")
        }
        let new = path + ".new"
        for end in ["", "-journal", "-wal", "-shm"] { unlink(new + end) }
        let descriptor = Glibc.open(new, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError.unusable("cannot create", path) }
        _ = Glibc.close(descriptor)
        let queue = try DatabaseQueue(path: new)
        try queue.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
            // From the start: an interrupted change of the mode would leave a journal in the way.
            _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        }
        try queue.close()
        guard rename(new, path) == 0 else { throw StoreError.unusable("cannot create", path) }
        try syncFolder()
    }

    /// Refuses files of anybody else, and damaged ones, before SQLite opens them. The header of an
    /// SQLite file is 100 bytes; the application id is at 68 (sqlite.org/fileformat2.html).
    func check() throws(StoreError) {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable("cannot open", path) }
        defer { _ = Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: 100)
        let count = pread(descriptor, &header, header.count, 0)
        guard count != 0 else {
            throw .unusable(
                "the store '\(path)' is empty; restore a backup, or remove it to begin anew")
        }
        let id = header[68..<72].reduce(0) { $0 << 8 | UInt32($1) }
        guard count == header.count, header.starts(with: "SQLite format 3\0".utf8),
            id == UInt32(bitPattern: Schema.applicationID)
        else {
            throw .unusable("'\(path)' is no leadrouter store, or is damaged; it was not changed")
        }
    }

    /// Undoes what was interrupted while the store had no log yet: the first start of an earlier build.
    /// Who may only read cannot.
    func rollBack() throws {
        guard (StoreFile.size(of: path + "-journal") ?? 0) > 0 else { return }
        let queue = try DatabaseQueue(path: path)
        try queue.writeWithoutTransaction { db in
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_schema")
        }
        try queue.close()
    }

    /// Up to how many bytes every page is looked at before a store that was closed is opened:
    /// 128 MiB, a quarter of a second.
    static let smallBytesMax = 128 << 20

    /// Whether looking at every page takes no time that anybody notices.
    var isSmall: Bool { (StoreFile.size(of: path) ?? 0) <= StoreFile.smallBytesMax }

    /// Refuses a file that was cut short: its header says how many pages there are (at 28, each as
    /// long as is said at 16). With a log they may still be in that.
    func checkLength() throws(StoreError) {
        guard (StoreFile.size(of: path + "-wal") ?? 0) == 0 else { return }
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unusable("cannot open", path) }
        defer { _ = Glibc.close(descriptor) }
        var header = [UInt8](repeating: 0, count: 32)
        guard pread(descriptor, &header, header.count, 0) == header.count else { return }
        let pageBytes = Int(header[16]) << 8 | Int(header[17])
        let pages = header[28..<32].reduce(0) { $0 << 8 | Int($1) }
        guard pages * pageBytes <= StoreFile.size(of: path) ?? 0 else {
            throw .unusable(
                "the store '\(path)' is damaged: its end is missing; restore a backup")
        }
    }

    /// Asks for the whole file in order: SQLite's own order of reading is slow on a disk.
    func readAhead() {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { _ = Glibc.close(descriptor) }
        _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_WILLNEED)
    }

    private static func makeFolder(_ folder: URL) throws(StoreError) {
        do {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o750])
        } catch {
            throw .unusable(
                "cannot create the folder '\(folder.path(percentEncoded: false))' for the store")
        }
    }

    /// A new name is safe from a power cut only when its folder is on disk.
    private func syncFolder() throws {
        let folder = StoreFile.folder(of: path)
        let descriptor = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError.unusable("cannot sync", folder) }
        defer { _ = Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StoreError.unusable("cannot sync", folder) }
    }

    /// The folder that a file is in.
    static func folder(of path: String) -> String {
        URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
    }

    static func size(of path: String) -> Int? {
        var status = stat()
        return stat(path, &status) == 0 ? Int(status.st_size) : nil
    }
}

private func realpath(_ path: String) -> String? {
    guard let resolved = Glibc.realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
}

extension StoreError {
    fileprivate static func unusable(_ doing: String, _ path: String) -> StoreError {
        .unusable("\(doing) '\(path)': \(String(cString: strerror(errno)))")
    }
}
