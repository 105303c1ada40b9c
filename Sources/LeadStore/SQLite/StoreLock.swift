internal import Glibc
internal import Synchronization

/// An exclusive lock on a store: one process at a time (SQLite's own locks are not enough for a
/// program that keeps leases in memory). The kernel lets go of it when the process ends, however.
///
/// The file also remembers how the last owner ended: it holds the owner's process id until a clean
/// close writes `closed`.
final class StoreLock: Sendable {
    /// Whether the last owner closed the store; false also when nobody knows.
    let wasClosed: Bool
    /// Whether the last owner died of itself, as `CrashNote` wrote it down.
    let hasCrashed: Bool
    /// The lead that it was deciding then, on the thread that it died on.
    let leadOfCrash: Int64?
    /// Nil once let go of.
    private let descriptor: Mutex<Int32?>

    /// - Throws: `StoreError.locked` when another process holds it, `.unusable` when the file
    ///   cannot be made.
    init(path: String) throws(StoreError) {
        let file = path + ".lock"
        // Children must not inherit the lock: they may outlive this process.
        let opened = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else {
            throw .unusable("cannot open '\(file)': \(String(cString: strerror(errno)))")
        }
        let text = StoreLock.text(of: opened)
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            _ = Glibc.close(opened)
            throw .isLocked(path, owner: text)
        }
        descriptor = Mutex(opened)
        wasClosed = text == StoreLock.closed
        hasCrashed = text == StoreLock.crashed
        leadOfCrash = StoreLock.lead(in: text)
        StoreLock.write("\(getpid())", to: opened)
        CrashNote.begin(opened)
    }

    deinit { release(wasClosed: false) }

    /// Lets go; `wasClosed` remembers that everything was written. May be called twice.
    func release(wasClosed: Bool) {
        descriptor.withLock { descriptor in
            guard let held = descriptor else { return }
            CrashNote.end(held)
            if wasClosed { StoreLock.write(StoreLock.closed, to: held) }
            // Closing is not enough while a child that a plug-in is just starting has the file, too.
            _ = flock(held, LOCK_UN)
            _ = Glibc.close(held)
            descriptor = nil
        }
    }

    /// Whether some process holds the lock of a store now, without asking for it: another one that
    /// starts just then must not be refused.
    static func isHeld(path: String) -> Bool {
        var status = stat()
        guard stat(path + ".lock", &status) == 0 else { return false }
        // "7: FLOCK  ADVISORY  WRITE 4711 fe:01:131074 0 EOF"
        return locks().split(separator: 0x0A).contains { line in
            let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            return words.count > 5 && words[1] == "FLOCK"
                && words[5].utf8.split(separator: 0x3A).last.map { Array($0) }
                    == Array(String(status.st_ino).utf8)
        }
    }

    /// The kernel's list. It has no length to ask for.
    private static func locks() -> [UInt8] {
        let descriptor = open("/proc/locks", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { _ = Glibc.close(descriptor) }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(descriptor, &part, part.count)
            guard count > 0 else { return text }
            text += part[..<count]
        }
    }

    private static let closed = "closed"
    static let crashed = "crashed"

    private static func lead(in text: String) -> Int64? {
        let words = text.utf8.split(separator: 0x20)
        guard words.count == 2, words[0].elementsEqual(crashed.utf8) else { return nil }
        return Int64(String(decoding: words[1], as: UTF8.self))
    }

    private static func write(_ text: String, to descriptor: Int32) {
        // Whoever reads half of it sees an owner that did not close: the careful answer.
        let line = text + "\n"
        _ = ftruncate(descriptor, 0)
        _ = pwrite(descriptor, line, line.utf8.count, 0)
        _ = fsync(descriptor)
    }

    private static func text(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return String(decoding: bytes.prefix(max(0, count)).prefix { $0 != 0x0A }, as: UTF8.self)
    }
}

extension StoreError {
    fileprivate static func isLocked(_ path: String, owner: String) -> StoreError {
        let process = Int(owner).map { "process \($0)" } ?? "another process"
        return .locked(
            "the store '\(path)' is in use by \(process); stop that one first, or give this one "
                + "another 'store.url'")
    }
}
