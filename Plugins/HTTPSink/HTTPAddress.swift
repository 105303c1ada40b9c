import LeadKit

/// Keeps lead data out of the choice of the host: once when the settings are read, and again on
/// the finished address. Works on bytes.
enum HTTPAddress {
    /// What is wrong with the setting; nil when it is good.
    ///
    /// Up to the path the address may hold fixed text and tags of tables (`{{store.host}}`). A
    /// lead's value behind a host would also choose it: `https://crm.example{{name}}`.
    static func problem(inTemplate source: String) -> String? {
        var rest = Array(source.utf8)[...]
        if let scheme = ["https://", "http://"].first(where: { rest.starts(with: $0.utf8) }) {
            rest = rest.dropFirst(scheme.utf8.count)
        } else if !rest.starts(with: "{{".utf8) {
            return "'url' does not start with 'https://', 'http://' or a table's column"
        }
        guard let first = rest.first, !"/?#:".utf8.contains(first) else {
            return "'url' has no host"
        }
        while let byte = rest.first, !"/?#".utf8.contains(byte) {
            guard rest.starts(with: "{{".utf8) else {
                guard byte > 0x20, byte < 0x7F, !"@\\".utf8.contains(byte) else {
                    return "the host in 'url' has blanks, '@', '\\' or non-ASCII characters"
                }
                rest = rest.dropFirst()
                continue
            }
            let tag = rest.dropFirst(2).prefix { $0 != 0x7D }
            guard isTableColumn(tag) else {
                return "'{{\(String(decoding: tag, as: UTF8.self))}}' may not choose the host;"
                    + " use fixed text or a table's column before the path"
            }
            rest = rest.dropFirst(2 + tag.count)
            guard rest.starts(with: "}}".utf8) else { return "a tag in 'url' has no '}}'" }
            rest = rest.dropFirst(2)
        }
        return nil
    }

    /// Whether nothing before the path is filled in.
    static func hasFixedHost(_ source: String) -> Bool {
        guard
            let scheme = ["https://", "http://"].first(where: { source.utf8.starts(with: $0.utf8) })
        else { return false }
        return !source.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
            .contains(0x7B)
    }

    /// Scheme, host and port of a finished address: `https://crm.example.com:443`; nil when it has
    /// none.
    static func origin(of url: String) -> String? {
        let schemes = [("https://", 443), ("http://", 80)]
        guard let (scheme, port) = schemes.first(where: { url.utf8.starts(with: $0.0.utf8) }) else {
            return nil
        }
        let host = url.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        guard !host.isEmpty, host.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x40 }) else {
            return nil
        }
        let lower = host.map { (0x41...0x5A).contains($0) ? $0 + 0x20 : $0 }
        let hasPort = lower.lastIndex(of: 0x3A).map { !lower[$0...].contains(0x5D) } ?? false
        return scheme + String(decoding: lower, as: UTF8.self) + (hasPort ? "" : ":\(port)")
    }

    /// Whether the tag is `table.column`: no other kind of tag, nothing of the lead.
    private static func isTableColumn(_ tag: some Collection<UInt8>) -> Bool {
        let name = String(decoding: tag, as: UTF8.self).trimmed
        guard let dot = name.utf8.firstIndex(of: 0x2E), dot != name.startIndex,
            !"#^/>!&{=$".utf8.contains(name.utf8.first ?? 0x23)
        else { return false }
        let table = name.utf8[..<dot]
        return !["lead", "delivery", "fields"].contains { table.elementsEqual($0.utf8) }
            && name.utf8.distance(from: dot, to: name.utf8.endIndex) > 1
    }

    /// Checks the finished address; what is left of it libcurl's door checks again.
    static func check(_ url: String) throws(DeliveryFailure) {
        guard let scheme = ["https://", "http://"].first(where: { url.utf8.starts(with: $0.utf8) })
        else { throw .reject("the finished 'url' does not start with 'https://' or 'http://'") }
        let rest = url.utf8.dropFirst(scheme.utf8.count)
        let host = rest.prefix { !"/?#".utf8.contains($0) }
        guard let first = host.first, first != 0x3A else {
            throw .reject("the finished 'url' has no host")
        }
        guard !host.contains(0x40) else { throw .reject("the finished 'url' has a user name") }
        guard rest.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x5C }) else {
            throw .reject("the finished 'url' has blanks, '\\', control or non-ASCII characters")
        }
        let path = rest.dropFirst(host.count).prefix { !"?#".utf8.contains($0) }
        let hasDots = path.split(separator: 0x2F).contains { segment in
            segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8)
        }
        guard !hasDots else { throw .reject("the finished 'url' has a '.' or '..' in its path") }
    }
}
