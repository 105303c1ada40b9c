internal import Glibc

/// The log (WAL) of a store, looked at before SQLite recovers from it.
///
/// SQLite reads a log up to the first frame that is not as it was written, and takes everything
/// behind it for the rest of a write that a power cut tore. So one bit that flips in a log loses
/// all commits from there on, which were acknowledged, and nobody hears of it.
///
/// A torn write can be told from damage: each commit is synced before the next one is written, so
/// behind the first bad frame of a torn log there may be the last commit's own frames, and no commit
/// that followed it. A frame's checksum is made from the one before it: the log is damaged when
/// behind the first bad frame a frame follows, by its checksum, one that ended a commit. What
/// earlier writes left behind does not: it followed other frames than those that are there now. A
/// log whose header is bad is damaged, too: the header is shorter than what a disk writes at once,
/// and is synced before the first frame. What stays unnoticed is damage in the very last commit: it
/// looks like a torn one.
///
/// The format is sqlite.org/fileformat2.html, section 4.
struct StoreLog {
    private static let headerBytes = 32
    private static let frameHeaderBytes = 24
    private static let magic: UInt32 = 0x377F_0682

    private let descriptor: Int32

    /// Whether commits in the log of a store would be lost because it is damaged.
    ///
    /// - Throws: `.unusable` when it cannot be read.
    static func isDamaged(path: String) throws(StoreError) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return false }
            throw .unusable("cannot open '\(path)': \(String(cString: strerror(errno)))")
        }
        defer { _ = close(descriptor) }
        return StoreLog(descriptor: descriptor).isDamaged
    }

    private var isDamaged: Bool {
        let header = bytes(at: 0, StoreLog.headerBytes)
        // Nothing was ever written.
        guard header.count == StoreLog.headerBytes, header.contains(where: { $0 != 0 }) else {
            return false
        }
        var sum = Sum(isBigEndian: header[3] & 1 == 1)
        sum.add(header[..<24])
        guard header.number(0) & ~1 == StoreLog.magic, sum.isWritten(in: header, at: 24) else {
            return true
        }
        return hasCommitsBehindDamage(header, sum)
    }

    private func hasCommitsBehindDamage(_ header: [UInt8], _ headerSum: Sum) -> Bool {
        let pageBytes = Int(header.number(8))
        let frameBytes = StoreLog.frameHeaderBytes + pageBytes
        var sum = headerSum
        var offset = StoreLog.headerBytes
        var isBehindDamage = false
        // What the next frame may follow, when the one before it ended a commit.
        var ends: [Sum] = []
        while true {
            let frame = bytes(at: offset, frameBytes)
            guard frame.count == frameBytes else { return false }
            offset += frameBytes
            let isOfLog = frame[8..<16] == header[16..<24]
            let isEnd = frame.number(4) != 0
            if isBehindDamage {
                if isOfLog, ends.contains(where: { $0.adding(frame).isWritten(in: frame, at: 16) })
                {
                    return true
                }
                ends = isEnd ? [sum.stored(in: frame)] : []
                continue
            }
            sum = sum.adding(frame)
            guard !isOfLog || !sum.isWritten(in: frame, at: 16) else { continue }
            isBehindDamage = true
            // The frame itself may be damaged, or only the checksum that it stores.
            ends = isEnd ? [sum, sum.stored(in: frame)] : []
        }
    }

    private func bytes(at offset: Int, _ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(descriptor, buffer.baseAddress, count, off_t(offset)))
        }
    }

    /// SQLite's running checksum over words of 32 bits.
    private struct Sum {
        let isBigEndian: Bool
        private var first: UInt32 = 0
        private var second: UInt32 = 0

        init(isBigEndian: Bool) { self.isBigEndian = isBigEndian }

        mutating func add(_ bytes: ArraySlice<UInt8>) {
            bytes.withUnsafeBytes { raw in
                var index = 0
                while index + 8 <= raw.count {
                    first &+= word(raw, index) &+ second
                    second &+= word(raw, index + 4) &+ first
                    index += 8
                }
            }
        }

        /// The sum behind a frame that follows.
        func adding(_ frame: [UInt8]) -> Sum {
            var sum = self
            sum.add(frame[..<8])
            sum.add(frame[StoreLog.frameHeaderBytes...])
            return sum
        }

        /// The sum that a frame says it has.
        func stored(in frame: [UInt8]) -> Sum {
            var sum = self
            (sum.first, sum.second) = (frame.number(16), frame.number(20))
            return sum
        }

        private func word(_ raw: UnsafeRawBufferPointer, _ index: Int) -> UInt32 {
            let word = raw.loadUnaligned(fromByteOffset: index, as: UInt32.self)
            return isBigEndian ? UInt32(bigEndian: word) : UInt32(littleEndian: word)
        }

        func isWritten(in bytes: [UInt8], at index: Int) -> Bool {
            bytes.number(index) == first && bytes.number(index + 4) == second
        }
    }
}

extension [UInt8] {
    /// Four bytes, the highest first.
    fileprivate func number(_ index: Int) -> UInt32 {
        self[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
