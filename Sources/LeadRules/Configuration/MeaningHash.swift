internal import Crypto
internal import LeadKit

/// Identifies what a configuration means: comments, indentation, quotes and aliases of YAML, the
/// form of a CSV file, and what stands in which file do not change it; a text or a cell does, and
/// so does the order of routes. Values of secrets are not part of it, their names are.
///
/// Every part is preceded by its kind and its length, so that no two configurations write the same
/// bytes. Settings of the service are no part of it, since nothing is decided by them.
struct MeaningHash {
    private var hash = SHA256()
    private var waiting: [UInt8] = []

    private static let waitingMax = 1 << 16

    mutating func add(_ text: String) {
        count("t", text.utf8.count)
        waiting.append(contentsOf: text.utf8)
    }

    mutating func add(_ node: SettingNode) {
        switch node.content {
        case .text(let text): add(text)
        case .list(let nodes):
            count("l", nodes.count)
            for node in nodes { add(node) }
        case .map(let entries):
            count("m", entries.count)
            for (name, value) in entries {
                add(name)
                add(value)
            }
        }
    }

    mutating func add(_ table: Table) {
        count("c", table.columns.count)
        for column in table.columns { add(column) }
        count("r", table.rows.count)
        for row in table.rows { for cell in row { add(cell) } }
    }

    /// The hash of one node.
    static func of(_ node: SettingNode) -> String {
        var hash = MeaningHash()
        hash.add(node)
        return hash.finish()
    }

    /// 64 digits.
    mutating func finish() -> String {
        flush()
        return Digest.hex(hash.finalize())
    }

    private mutating func count(_ kind: Unicode.Scalar, _ number: Int) {
        if waiting.count > MeaningHash.waitingMax { flush() }
        waiting.append(UInt8(ascii: kind))
        // Seven bits a byte, the lowest first; most lengths are one byte.
        var rest = number
        while rest >= 0x80 {
            waiting.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        waiting.append(UInt8(rest))
    }

    private mutating func flush() {
        hash.update(data: waiting)
        waiting.removeAll(keepingCapacity: true)
    }
}

extension MergedConfiguration {
    /// Settings of the service, by which nothing is decided: they are no part of a rule set.
    static let serviceKeys = ["store", "server", "retention", "log"]

    /// What the files say of the service.
    func addService(to hash: inout MeaningHash) {
        for key in MergedConfiguration.serviceKeys {
            guard let entry = single[key] else { continue }
            hash.add(key)
            hash.add(entry.value)
        }
    }

    /// The hash of what all files say together about deciding and its ends; `tables` in the order of
    /// their entries.
    func hash(tables: [Table]) -> String {
        var hash = MeaningHash()
        for key in Vocabulary.single.names where !MergedConfiguration.serviceKeys.contains(key) {
            guard let entry = single[key] else { continue }
            hash.add(key)
            hash.add(entry.value)
        }
        for key in Vocabulary.named.names {
            hash.add(key)
            for (number, entry) in inOrderOfNames(named[key] ?? []) {
                hash.add(entry.name)
                if key == "tables" {
                    // The cells say what the file's name and its delimiter only lead to.
                    for part in ["key", "match"] {
                        hash.add(entry.value[part] ?? SettingNode(.list([]), at: entry.place))
                    }
                    hash.add(tables[number])
                } else {
                    hash.add(entry.value)
                }
            }
        }
        hash.add(Vocabulary.routes.name)
        for route in routes { hash.add(route) }
        return hash.finish()
    }

    private func inOrderOfNames(_ entries: [Entry]) -> [(number: Int, entry: Entry)] {
        entries.enumerated().map { (number: $0.offset, entry: $0.element) }
            .sorted { $0.entry.name.utf8.lexicographicallyPrecedes($1.entry.name.utf8) }
    }
}
