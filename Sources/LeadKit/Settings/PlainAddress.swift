/// Addresses to which leads would go unencrypted over a network that others share.
public enum PlainAddress {
    /// Whether the address begins with `http://` or `smtp://` and names a host that is not local.
    /// A text without such a beginning is none.
    public static func isOpen(_ address: String) -> Bool {
        let bytes = address.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        guard
            let scheme = ["http://", "smtp://"].first(where: { bytes.starts(with: $0.utf8) })
        else { return false }
        var rest = bytes.dropFirst(scheme.utf8.count)
        let end = rest.firstIndex { "/?#".utf8.contains($0) } ?? rest.endIndex
        rest = rest[..<end]
        if let at = rest.lastIndex(of: 0x40) { rest = rest[(at + 1)...] }
        if rest.first == 0x5B {
            return !isLocalV6(String(decoding: rest.dropFirst().prefix { $0 != 0x5D }, as: UTF8.self))
        }
        let host = String(decoding: rest.prefix { $0 != 0x3A }, as: UTF8.self)
        return !host.isEmpty && !ByteSearch.contains(host, "{{") && !isLocal(host)
    }

    /// This machine, a private network (RFC 1918, RFC 6761, RFC 6762, RFC 8375), or a name without
    /// a dot, which only a local resolver knows.
    private static func isLocal(_ host: String) -> Bool {
        if let parts = v4(host) {
            return parts[0] == 127 || parts[0] == 10 || (parts[0] == 192 && parts[1] == 168)
                || (parts[0] == 172 && (16...31).contains(parts[1]))
                || (parts[0] == 169 && parts[1] == 254)
        }
        guard host.utf8.contains(0x2E) else { return true }
        return [".localhost", ".local", ".internal", ".lan", ".home.arpa"].contains {
            host.utf8.reversed().starts(with: $0.utf8.reversed())
        }
    }

    private static func v4(_ host: String) -> [UInt8]? {
        let parts = host.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
        let numbers = parts.compactMap { UInt8(String(decoding: $0, as: UTF8.self)) }
        return parts.count == 4 && numbers.count == 4 ? numbers : nil
    }

    /// `::1`, unique local (`fc00::/7`) and link local (`fe80::/10`) addresses.
    private static func isLocalV6(_ host: String) -> Bool {
        host == "::1"
            || ["fc", "fd", "fe8", "fe9", "fea", "feb"].contains { ByteSearch.hasPrefix(host, $0) }
    }
}
