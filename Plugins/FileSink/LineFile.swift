import CFileCalls
import Glibc
import LeadKit

/// Looks into files of our lines, each of which starts with `{"delivery_id":"KEY"`.
///
/// No value of a lead can look like that start: inside a line its quotes are escaped.
enum LineFile {
    private static let lineStart = Array("{\"delivery_id\":\"".utf8)
    private static let keyCount = 64
    private static let chunkBytes = 1 << 20

    /// Where the last whole line ends. An unfinished line of ours behind it, the trace of a crash,
    /// is cut off; anybody else's stays.
    static func wholeLinesEnd(_ descriptor: Int32) throws(FileFault) -> Int {
        let size = Int(try FileCall.status(descriptor).st_size)
        var end = size
        while end > 0 {
            let start = max(0, end - chunkBytes)
            let chunk = try FileCall.read(descriptor, at: start, count: end - start)
            guard let newline = chunk.lastIndex(of: 0x0A) else {
                end = start
                continue
            }
            end = start + newline + 1
            break
        }
        guard end < size else { return size }
        let rest = try FileCall.read(descriptor, at: end, count: min(size - end, lineStart.count))
        // A power cut can leave zeros where the data never came.
        let isOurs = rest.first == 0 || lineStart.starts(with: rest)
        guard isOurs else { return end }
        guard ftruncate(descriptor, off_t(end)) == 0 else { throw .lastError() }
        return end
    }

    /// Where the lines of these keys start, as far as they are there. Reads backwards and stops
    /// when all are found.
    static func find(
        _ keys: Set<DeliveryKey>, in descriptor: Int32, end: Int
    ) throws(FileFault) -> [DeliveryKey: Int] {
        var found: [DeliveryKey: Int] = [:]
        var chunkEnd = end
        // Neighbouring chunks share so much that no line's start is cut in two.
        let overlap = lineStart.count + keyCount
        while chunkEnd > 0, found.count < keys.count {
            let start = max(0, chunkEnd - chunkBytes)
            let count = min(end, chunkEnd + overlap) - start
            let chunk = try FileCall.read(descriptor, at: start, count: count)
            try collect(keys, in: chunk, at: start, descriptor, into: &found)
            chunkEnd = start
        }
        return found
    }

    private static func collect(
        _ keys: Set<DeliveryKey>, in chunk: [UInt8], at start: Int, _ descriptor: Int32,
        into found: inout [DeliveryKey: Int]
    ) throws(FileFault) {
        for index in positions(of: lineStart, in: chunk) {
            let from = index + lineStart.count
            guard from + keyCount <= chunk.count,
                let key = DeliveryKey(
                    String(decoding: chunk[from..<(from + keyCount)], as: UTF8.self)),
                keys.contains(key), found[key] == nil
            else { continue }
            let before = index > 0 ? chunk[index - 1] : try byte(before: start, descriptor)
            if before == 0x0A { found[key] = start + index }
        }
    }

    /// The byte before an offset; the file's start counts as the start of a line.
    private static func byte(before offset: Int, _ descriptor: Int32) throws(FileFault) -> UInt8? {
        offset == 0 ? 0x0A : try FileCall.read(descriptor, at: offset - 1, count: 1).first
    }

    private static func positions(of needle: [UInt8], in text: [UInt8]) -> [Int] {
        text.withUnsafeBytes { text in
            var positions: [Int] = []
            guard let base = text.baseAddress else { return positions }
            var offset = 0
            while let hit = memmem(base + offset, text.count - offset, needle, needle.count) {
                positions.append(UnsafeRawPointer(hit) - base)
                offset = (UnsafeRawPointer(hit) - base) + needle.count
            }
            return positions
        }
    }
}
