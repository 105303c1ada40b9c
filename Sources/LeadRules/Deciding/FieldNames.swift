internal import LeadKit

/// Which slot an answer's name has.
///
/// Leads of one form have the same names in the same order, so what a name at a position meant last
/// time is tried first.
struct FieldNames: ~Copyable {
    private var known = TextIndex()
    /// The names seen last, by position, and the same bit by bit.
    private var names: [String] = []
    private var seen = Scratch<Seen>(count: 32, filler: Seen(name: StringBits(), slot: -1))

    private struct Seen {
        var name: StringBits
        var slot: Int32
    }

    /// A string bit by bit: short ones are the text itself, others say where it lies. While a string
    /// is kept, another of the same bits is the same text.
    private struct StringBits: Equatable {
        var low: UInt64 = 0
        var high: UInt64 = 0
    }

    /// The names of all slots.
    init(_ names: [Name]) {
        precondition(MemoryLayout<String>.size == MemoryLayout<StringBits>.size)
        precondition(MemoryLayout<Field>.offset(of: \.name) == 0)
        for (slot, name) in names.enumerated() {
            if case .field(let text) = name {
                _ = known.symbol(of: text, in: 0, orNew: Int32(slot))
            }
        }
    }

    /// The slot of an answer's name; -1 when no rule asks for it.
    mutating func slot(of field: UnsafePointer<Field>, at position: Int) -> Int {
        // The name stands first in a field; read as bits, nobody counts a reference to it.
        let bits = UnsafeRawPointer(field).load(as: StringBits.self)
        if position < names.count, seen[position].name == bits { return Int(seen[position].slot) }
        return slot(ofNew: field.pointee.name, bits, at: position)
    }

    private mutating func slot(ofNew name: String, _ bits: StringBits, at position: Int) -> Int {
        // Names that `==` calls equal are the same name once they are trimmed and in NFC; in a long
        // one of nothing but accents it would take time quadratic in their number.
        if position < names.count, name.utf8.count <= 256, names[position] == name {
            return Int(seen[position].slot)
        }
        let slot = slot(of: name)
        while names.count <= position {
            seen.reserve(names.count + 1)
            seen[names.count] = Seen(name: StringBits(), slot: -1)
            names.append("")
        }
        names[position] = name
        seen[position] = Seen(name: bits, slot: slot)
        return Int(slot)
    }

    private func slot(of name: String) -> Int32 {
        var name = Normalization.value(name)
        return name.withUTF8 { buffer in
            guard let bytes = buffer.baseAddress, !buffer.isEmpty else { return -1 }
            return known.symbol(
                of: bytes, count: buffer.count, key: TextKey(bytes, count: buffer.count), in: 0)
        }
    }
}
