internal import Glibc
internal import Synchronization

/// A file, whatever its name.
private struct FileNumber: Equatable {
    private let device: UInt
    private let number: UInt

    /// Nil when there is none.
    init?(of path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        (device, number) = (UInt(status.st_dev), UInt(status.st_ino))
    }
}

/// The room on the store's disk, and the ballast that lies there.
///
/// A disk fills up by somebody else's doing as a rule, and what is accepted must still be delivered
/// and recorded then. So intake stops while there is still room (`admits`), and a file of zeros
/// beside the store is removed when a commit finds no room at all (`release`): deliveries go on by
/// it. When there is room for both again, the file is made anew and intake goes on.
final class DiskSpace: Sendable {
    /// The most bytes of the ballast; at most an eighth of the disk.
    static let ballastBytesMax: Int64 = 64 << 20
    /// The most bytes that must be free for intake: eight times the largest body; at most a
    /// sixteenth of the disk.
    static let freeBytesMax: Int64 = 8 << 20
    /// How long an answer of the file system is good for.
    static let freshMilliseconds: Int64 = 50

    private struct State {
        var hasBallast: Bool
        var askedMilliseconds: Int64 = .min / 2
        var freeBytes: Int64 = 0
        var isMaking = false
        /// The store's file has another name now, or none.
        var isGone = false
    }

    /// The store's file as it was opened.
    private let store: (path: String, identity: FileNumber?)

    private let path: String
    private let folder: String
    /// What this disk is to have.
    let ballastBytes: Int64
    let freeBytesMin: Int64
    private let state: Mutex<State>

    /// Looks at the disk of a store's file, and at its ballast.
    init(beside path: String) {
        self.path = path + ".ballast"
        store = (path, FileNumber(of: path))
        let slash = path.utf8.lastIndex(of: 0x2F)
        folder = slash.map { String(path[..<$0]) + "/" } ?? "./"
        let size = DiskSpace.room(in: folder)?.total ?? .max
        ballastBytes = min(DiskSpace.ballastBytesMax, size / 8)
        freeBytesMin = min(DiskSpace.freeBytesMax, size / 16)
        var status = Glibc.stat()
        let isThere = stat(self.path, &status) == 0 && Int64(status.st_size) >= ballastBytes
        state = Mutex(State(hasBallast: isThere))
    }

    /// Asks whether a lead may be taken in.
    ///
    /// - Throws: when there is no room, and when the store's file was removed or replaced: what is
    ///   written to it then, the next start does not find.
    func check() throws(StoreError) {
        let hasRoom = admits()
        guard !state.withLock({ $0.isGone }) else {
            throw .unusable(
                "the store's file '\(store.path)' was removed or replaced while the service runs: no "
                    + "lead is taken in; stop the service and put the file back")
        }
        guard hasRoom else { throw .hasNoRoom }
    }

    /// Whether there is room for more leads. Makes the ballast when there is room for it.
    func admits() -> Bool {
        let (hasRoom, makes) = state.withLock { state in
            let now = DiskSpace.uptimeMilliseconds
            if now - state.askedMilliseconds >= DiskSpace.freshMilliseconds {
                state.askedMilliseconds = now
                // A disk that cannot be asked will say so when it is written to.
                state.freeBytes = DiskSpace.room(in: folder)?.free ?? .max
                state.isGone = FileNumber(of: store.path) != store.identity
            }
            if state.hasBallast { return (state.freeBytes >= freeBytesMin, false) }
            let makes = state.freeBytes >= freeBytesMin + ballastBytes && !state.isMaking
            if makes { state.isMaking = true }
            // Whoever comes while it is made waits for nothing.
            return (state.freeBytes >= freeBytesMin + ballastBytes, makes)
        }
        guard makes else { return hasRoom }
        let isMade = makeBallast()
        state.withLock { state in
            state.isMaking = false
            state.hasBallast = isMade
            state.askedMilliseconds = .min / 2
        }
        return isMade
    }

    /// Gives the ballast's room to whoever needs it most; false when it has none.
    func release() -> Bool {
        state.withLock { state in
            defer {
                state.hasBallast = false
                state.askedMilliseconds = .min / 2
            }
            return unlink(path) == 0
        }
    }

    private func makeBallast() -> Bool {
        let new = path + ".new"
        let file = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        let isFilled = posix_fallocate(file, 0, off_t(ballastBytes)) == 0 && fsync(file) == 0
        close(file)
        guard isFilled, rename(new, path) == 0 else {
            unlink(new)
            return false
        }
        return true
    }

    private static func room(in folder: String) -> (free: Int64, total: Int64)? {
        var status = statvfs()
        guard statvfs(folder, &status) == 0 else { return nil }
        let unit = UInt64(status.f_frsize)
        return (
            Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: unit).0),
            Int64(clamping: UInt64(status.f_blocks).multipliedReportingOverflow(by: unit).0)
        )
    }

    private static var uptimeMilliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
