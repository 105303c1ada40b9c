import Glibc
import LeadKit

/// The files that are open for appending.
///
/// A batch is one `write` of whole lines behind the last whole line, then one `fdatasync`. Under
/// an exclusive `flock`, so that two sinks, or two processes, may share a file: what is cut off
/// after a failure is never another's line.
struct AppendFiles: ~Copyable {
    /// The most files open at once; the one unused for longest is closed.
    static let openMax = 64

    private struct OpenFile {
        var descriptor: Int32
        var device: dev_t
        var inode: ino_t
        var lastUse: Int
    }

    private var open: [[UInt8]: OpenFile] = [:]
    private var useCount = 0

    deinit { for file in open.values { Glibc.close(file.descriptor) } }

    mutating func closeAll() {
        for file in open.values { Glibc.close(file.descriptor) }
        open = [:]
    }

    /// Where each order's line starts, on disk when this returns. Keys of `suspects` that stand in
    /// the file already are not written again.
    mutating func append(
        _ orders: [FileOrder], to path: String, searchingFor suspects: Set<DeliveryKey>
    ) throws(FileFault) -> [DeliveryKey: Int] {
        let descriptor = try descriptor(for: path)
        do throws(FileFault) {
            let batch = try AppendFiles.locked(descriptor) { () throws(FileFault) in
                try AppendFiles.write(orders, to: descriptor, searchingFor: suspects)
            }
            guard fdatasync(descriptor) == 0 else {
                throw AppendFiles.undo(batch, on: descriptor, FileFault.lastError())
            }
            return batch.offsets
        } catch {
            close(path)  // opened anew next time, in case it is the descriptor that is sick
            throw error
        }
    }

    // MARK: A batch

    private struct Batch {
        var start: Int
        var end: Int
        var offsets: [DeliveryKey: Int]
    }

    private static func write(
        _ orders: [FileOrder], to descriptor: Int32, searchingFor suspects: Set<DeliveryKey>
    ) throws(FileFault) -> Batch {
        var start = try LineFile.wholeLinesEnd(descriptor)
        var offsets =
            suspects.isEmpty || start == 0
            ? [:] : try LineFile.find(suspects, in: descriptor, end: start)
        let size = try FileCall.status(descriptor).st_size
        var bytes: [UInt8] = []
        if size > start {
            bytes = [0x0A]  // somebody else's last line has no end: it stays, and gets one
            start = Int(size)
        }
        for order in orders where offsets[order.key] == nil {
            offsets[order.key] = start + bytes.count
            bytes.append(contentsOf: order.bytes)
        }
        guard bytes.count > 1 else { return Batch(start: start, end: start, offsets: offsets) }
        let batch = Batch(start: start, end: start + bytes.count, offsets: offsets)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            // A short write is a full disk that had some room left.
            let fault = count < 0 ? FileFault.lastError() : FileFault(.system(ENOSPC))
            throw cut(descriptor, to: start, fault)
        }
        return batch
    }

    /// Takes a batch back that may not be on disk: pages that failed to be written would still be
    /// read back as if they were.
    private static func undo(
        _ batch: Batch, on descriptor: Int32, _ fault: FileFault
    ) -> FileFault {
        do {
            return try locked(descriptor) { () throws(FileFault) in
                guard try FileCall.status(descriptor).st_size == batch.end else {
                    return FileFault(fault.cause, isClean: false)
                }
                return cut(descriptor, to: batch.start, fault)
            }
        } catch {
            return FileFault(fault.cause, isClean: false)
        }
    }

    private static func cut(_ descriptor: Int32, to end: Int, _ fault: FileFault) -> FileFault {
        FileFault(fault.cause, isClean: ftruncate(descriptor, off_t(end)) == 0)
    }

    private static func locked<Value>(
        _ descriptor: Int32, _ body: () throws(FileFault) -> Value
    ) throws(FileFault) -> Value {
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .lastError() }
        }
        defer { flock(descriptor, LOCK_UN) }
        return try body()
    }

    // MARK: Opening

    private mutating func descriptor(for path: String) throws(FileFault) -> Int32 {
        useCount += 1
        let key = Array(path.utf8)
        if var file = open[key] {
            // Moved away (log rotation) or removed: what we hold is no longer what is meant.
            var status = stat()
            if lstat(path, &status) == 0, status.st_dev == file.device,
                status.st_ino == file.inode
            {
                file.lastUse = useCount
                open[key] = file
                return file.descriptor
            }
            close(path)
        }
        if open.count >= AppendFiles.openMax { closeOldest() }
        let file = try AppendFiles.openFile(path, lastUse: useCount)
        open[key] = file
        return file.descriptor
    }

    private static func openFile(_ path: String, lastUse: Int) throws(FileFault) -> OpenFile {
        let descriptor = try FileCall.open(path, O_RDWR | O_APPEND | O_CREAT)
        do {
            let status = try FileCall.plainStatus(descriptor)
            // A new file is only on disk when its folder is.
            if status.st_size == 0 { try FileCall.syncFolder(FilePath.folder(of: path)) }
            return OpenFile(
                descriptor: descriptor, device: status.st_dev, inode: status.st_ino,
                lastUse: lastUse)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    private mutating func close(_ path: String) {
        if let file = open.removeValue(forKey: Array(path.utf8)) { Glibc.close(file.descriptor) }
    }

    private mutating func closeOldest() {
        guard let oldest = open.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return }
        open[oldest.key] = nil
        Glibc.close(oldest.value.descriptor)
    }
}
