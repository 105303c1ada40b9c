internal import Foundation
internal import Glibc

/// An exclusive lock on a store: one process at a time (SQLite's own locks are not enough for a
/// program that keeps leases in memory). The kernel lets go of it when the process ends, however.
final class StoreLock: Sendable {
    private let descriptor: Int32

    /// - Throws: `StoreError.locked` when another process holds it.
    init(path: String) throws(StoreError) {
        let file = path + ".lock"
        let opened = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else {
            throw .unusable("cannot open '\(file)': \(String(cString: strerror(errno)))")
        }
        guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
            var bytes = [UInt8](repeating: 0, count: 32)
            let count = read(opened, &bytes, bytes.count)
            Glibc.close(opened)
            let owner = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
                .split(separator: "\n").first.map { " (process \($0))" } ?? ""
            throw .locked(
                "the store '\(path)' is in use by another leadrouter\(owner); stop it first")
        }
        descriptor = opened
        let text = "\(getpid())\n"
        _ = ftruncate(opened, 0)
        _ = pwrite(opened, text, text.utf8.count, 0)
    }

    /// Lets go of it; may be called twice.
    func release() { flock(descriptor, LOCK_UN) }

    deinit { Glibc.close(descriptor) }
}
