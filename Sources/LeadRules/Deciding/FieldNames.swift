/// Which slot an answer's name has.
///
/// Leads of one form have the same names in the same order, so what a name at a position meant last
/// time is tried first.
struct FieldNames: ~Copyable {
    private var known = TextIndex()
    /// The names seen last, by position.
    private var names: [String] = []
    private var slots: [Int32] = []

    /// The names of all slots.
    init(_ names: [Name]) {
        for (slot, name) in names.enumerated() {
            if case .field(let text) = name {
                _ = known.symbol(of: text, in: 0, orNew: Int32(slot))
            }
        }
    }

    /// The slot of a name as received; -1 when no rule asks for it.
    mutating func slot(of name: String, at position: Int) -> Int {
        // Names that `==` calls equal are the same name once they are trimmed and in NFC.
        if position < names.count, names[position] == name { return Int(slots[position]) }
        let slot = slot(of: name)
        while names.count <= position {
            names.append("")
            slots.append(-1)
        }
        names[position] = name
        slots[position] = slot
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
