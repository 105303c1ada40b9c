/// A name of at most 15 bytes as two numbers, which are compared at once.
struct ShortName: Equatable {
    static let bytesMax = 15

    private let first: UInt64
    /// The last byte counts how many there are.
    private let second: UInt64

    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count <= ShortName.bytesMax else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &words) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(bytes))
            target[15] = UInt8(bytes.count)
        }
        (first, second) = words
    }

    /// A number that differs for most names.
    var mixed: UInt64 {
        let product = (first ^ second &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
        return product >> 32
    }
}

/// A few fixed names, each with what it stands for.
struct ShortNameTable<Value: Sendable>: Sendable {
    /// Open addressing; at most half of the places are taken, so a name that is not there is
    /// missed at once.
    private let places: [(name: ShortName, value: Value)?]
    private let mask: Int

    /// Makes a table; names that are too long are left out.
    init(_ entries: [(name: String, value: Value)]) {
        var count = 2
        while count < 2 * entries.count + 2 { count *= 2 }
        var places: [(name: ShortName, value: Value)?] = Array(repeating: nil, count: count)
        for (text, value) in entries {
            var text = text
            guard let name = text.withUTF8({ ShortName($0) }) else { continue }
            var place = Int(truncatingIfNeeded: name.mixed) & (count - 1)
            while places[place] != nil { place = (place + 1) & (count - 1) }
            places[place] = (name, value)
        }
        self.places = places
        mask = count - 1
    }

    subscript(name: ShortName) -> Value? {
        var place = Int(truncatingIfNeeded: name.mixed) & mask
        while let entry = places[place] {
            if entry.name == name { return entry.value }
            place = (place + 1) & mask
        }
        return nil
    }
}
