internal import GRDB
internal import Glibc

/// The room on the store's disk, counted as what gates intake counts it.
public struct DiskRoom: Sendable, Equatable {
    /// Bytes that this process may still write.
    public var freeBytes: Int64
    /// Bytes that must be free for leads to be taken in: the ballast's too, when it is gone.
    public var neededBytes: Int64
}

extension SQLiteStore {
    /// The room on the disk now; nil when the file system does not say. Changes nothing.
    public func diskRoom() -> DiskRoom? {
        let space = DiskSpace(beside: pool.path)
        var disk = statvfs()
        guard statvfs(StoreFile.folder(of: pool.path), &disk) == 0 else { return nil }
        let free = UInt64(disk.f_bavail).multipliedReportingOverflow(by: UInt64(disk.f_frsize))
        let ballast = StoreFile.size(of: pool.path + ".ballast") ?? 0
        let isThere = Int64(ballast) >= space.ballastBytes
        return DiskRoom(
            freeBytes: free.overflow ? .max : Int64(clamping: free.partialValue),
            neededBytes: space.freeBytesMin + (isThere ? 0 : space.ballastBytes))
    }
}
