/// Which slot an answer's name has.
///
/// Leads of one form have the same names in the same order, so what a name at a position meant last
/// time is tried first.
struct FieldNames {
    private var names = TextIndex()
    private var positions: [(name: String, slot: Int32)] = []

    /// The names of all slots.
    init(_ names: [Name]) {
        for (slot, name) in names.enumerated() {
            if case .field(let text) = name {
                _ = self.names.symbol(of: text, in: 0, orNew: Int32(slot))
            }
        }
    }

    /// The slot of a name as received; -1 when no rule asks for it.
    mutating func slot(of name: String, at position: Int) -> Int {
        while positions.count <= position { positions.append(("", -1)) }
        // Names that `==` calls equal are the same name once they are trimmed and in NFC.
        if positions[position].name == name { return Int(positions[position].slot) }
        let slot = slot(of: name)
        positions[position] = (name, slot)
        return Int(slot)
    }

    private func slot(of name: String) -> Int32 {
        var name = Normalization.value(name)
        return name.withUTF8 { buffer in
            guard let bytes = buffer.baseAddress, !buffer.isEmpty else { return -1 }
            return names.symbol(
                of: bytes, count: buffer.count, key: TextKey(bytes, count: buffer.count), in: 0)
        }
    }
}
