/// A text's words and hash, made from its bytes in one go.
struct TextKey {
    let hash: UInt64
    let count: Int
    /// The first and the last eight bytes; of a shorter text all of it, and nothing. Together with
    /// the count they are the text when it has at most sixteen bytes.
    let head: UInt64
    let tail: UInt64

    init(_ bytes: UnsafePointer<UInt8>, count: Int) {
        self.count = count
        let raw = UnsafeRawPointer(bytes)
        if count < 8 {
            head = TextKey.short(raw, count)
            tail = 0
        } else {
            head = TextKey.word(raw)
            tail = TextKey.word(raw + (count - 8))
        }
        var hash = TextKey.mixed(
            TextKey.mixed(head ^ UInt64(count) &* 0xA076_1D64_78BD_642F) ^ tail)
        var index = 8
        while index + 8 < count {
            hash = TextKey.mixed(hash ^ TextKey.word(raw + index))
            index += 8
        }
        self.hash = hash
    }

    private static func word(_ raw: UnsafeRawPointer) -> UInt64 {
        raw.loadUnaligned(as: UInt64.self)
    }

    /// Up to seven bytes.
    private static func short(_ raw: UnsafeRawPointer, _ count: Int) -> UInt64 {
        if count >= 4 {
            let first = UInt64(raw.loadUnaligned(as: UInt32.self))
            let last = UInt64((raw + (count - 4)).loadUnaligned(as: UInt32.self))
            return first | last << 32
        }
        if count == 0 { return 0 }
        let first = UInt64(raw.load(as: UInt8.self))
        let middle = UInt64((raw + count / 2).load(as: UInt8.self))
        let last = UInt64((raw + (count - 1)).load(as: UInt8.self))
        return first | middle << 8 | last << 16
    }

    /// The two halves of a 64 by 64 bit product (the mixing step of wyhash).
    private static func mixed(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

/// Texts that the rules know, each with a number, its *symbol*. The same text may stand in several
/// spaces: one for each question that is asked about texts.
///
/// An open hash table whose entries hold texts of up to sixteen bytes themselves, so that looking
/// one up among a hundred thousand touches one line of memory. Only authors of rules fill it, so
/// the hash needs no secret.
struct TextIndex: Sendable {
    private struct Entry: Sendable {
        var hash: UInt32 = 0
        var symbol: Int32 = -1
        var space: Int32 = 0
        var count: Int32 = 0
        /// The text's words; of a longer one, where it stands in `longTexts`, and its last word.
        var head: UInt64 = 0
        var tail: UInt64 = 0
    }

    private var entries = [Entry](repeating: Entry(), count: 64)
    private var longTexts: [UInt8] = []
    private var count = 0

    /// The text's symbol in the space; -1 when no rule knows it.
    func symbol(
        of bytes: UnsafePointer<UInt8>, count: Int, key: TextKey, in space: Int32
    ) -> Int32 {
        let mask = entries.count - 1
        let hash = TextIndex.hash(key, space)
        var place = Int(hash) & mask
        while entries[place].symbol >= 0 {
            let entry = entries[place]
            if entry.hash == hash, entry.space == space,
                entry.count == Int32(truncatingIfNeeded: count),
                isText(of: entry, bytes, count, key)
            {
                return entry.symbol
            }
            place = (place + 1) & mask
        }
        return -1
    }

    /// The text's symbol in the space; it gets `next` when it has none yet.
    mutating func symbol(of text: String, in space: Int32, orNew next: Int32) -> Int32 {
        if (count + 1) * 8 > entries.count * 5 { grow() }
        var text = text
        return text.withUTF8 { buffer in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1) { empty in
                // An empty text has no address; any will do.
                guard let bytes = buffer.baseAddress ?? UnsafePointer(empty.baseAddress) else {
                    return next
                }
                let key = TextKey(bytes, count: buffer.count)
                let known = symbol(of: bytes, count: buffer.count, key: key, in: space)
                if known >= 0 { return known }
                insert(bytes, key, space, next)
                return next
            }
        }
    }

    private func isText(
        of entry: Entry, _ bytes: UnsafePointer<UInt8>, _ count: Int, _ key: TextKey
    ) -> Bool {
        guard entry.tail == key.tail else { return false }
        if count <= 16 { return entry.head == key.head }
        let start = Int(entry.head)
        for index in 0..<count where longTexts[start + index] != bytes[index] { return false }
        return true
    }

    private mutating func insert(
        _ bytes: UnsafePointer<UInt8>, _ key: TextKey, _ space: Int32, _ symbol: Int32
    ) {
        var head = key.head
        if key.count > 16 {
            head = UInt64(longTexts.count)
            longTexts.append(contentsOf: UnsafeBufferPointer(start: bytes, count: key.count))
        }
        count += 1
        place(
            Entry(
                hash: TextIndex.hash(key, space), symbol: symbol, space: space,
                count: Int32(key.count), head: head, tail: key.tail))
    }

    private mutating func place(_ entry: Entry) {
        let mask = entries.count - 1
        var place = Int(entry.hash) & mask
        while entries[place].symbol >= 0 { place = (place + 1) & mask }
        entries[place] = entry
    }

    private mutating func grow() {
        let old = entries
        entries = [Entry](repeating: Entry(), count: old.count * 2)
        for entry in old where entry.symbol >= 0 { place(entry) }
    }

    private static func hash(_ key: TextKey, _ space: Int32) -> UInt32 {
        let mixed = (key.hash &+ UInt64(UInt32(bitPattern: space))) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }
}
