import Glibc
import LeadKit

/// A file of its own for each lead: written whole under a hidden name, then renamed without ever
/// replacing what is there.
enum OneFile {
    static func write(_ order: FileOrder) throws(FileFault) {
        let temporary = FilePath.temporary(for: order.path, key: order.key)
        do throws(FileFault) {
            unlink(temporary)  // left behind by a crash
            try fill(temporary, with: order.bytes)
            try FileCall.renameWithoutReplacing(temporary, order.path)
        } catch {
            unlink(temporary)
            // EEXIST: it is there. ENOENT: another attempt of the same key took our hidden file.
            guard case .system(let code) = error.cause, code == EEXIST || code == ENOENT else {
                throw error
            }
            try expect(order)
        }
        do {
            try FileCall.syncFolder(FilePath.folder(of: order.path))
        } catch {
            throw FileFault(error.cause, isClean: false)
        }
    }

    private static func fill(_ path: String, with bytes: [UInt8]) throws(FileFault) {
        let descriptor = try FileCall.open(path, O_WRONLY | O_CREAT | O_EXCL)
        defer { close(descriptor) }
        _ = try FileCall.plainStatus(descriptor)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == bytes.count else {
            throw count < 0 ? .lastError() : FileFault(.system(ENOSPC))
        }
        guard fsync(descriptor) == 0 else { throw .lastError() }
    }

    /// Passes when the file that stands there is this delivery's.
    private static func expect(_ order: FileOrder) throws(FileFault) {
        let descriptor = try FileCall.open(order.path, O_RDONLY)
        defer { close(descriptor) }
        _ = try FileCall.plainStatus(descriptor)
        let start = Array("{\"delivery_id\":\"\(order.key.text)\"".utf8)
        guard try FileCall.read(descriptor, at: 0, count: start.count) == start else {
            throw FileFault(.taken)
        }
    }
}
