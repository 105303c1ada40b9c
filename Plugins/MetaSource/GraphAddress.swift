import LeadKit

/// Addresses of the Graph API: the configured base, and nothing that an answer brought.
enum GraphAddress {
    /// Why the text cannot be the base of the Graph API; nil when it can.
    ///
    /// Plain http would show the tokens to the network, so it is for this machine only.
    static func problem(_ text: String) -> String? {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            return "'graph_url' has characters that a URL cannot have"
        }
        for part in ["?", "#", "@", "\\"] where ByteSearch.contains(text, part) {
            return "'graph_url' must be scheme, host and port only; remove what follows '\(part)'"
        }
        if let rest = text.without(prefix: "https://") {
            return host(rest).isEmpty ? "'graph_url' names no host" : nil
        }
        guard let rest = text.without(prefix: "http://") else {
            return "'graph_url' must begin with 'https://'"
        }
        return ["127.0.0.1", "localhost", "[::1]"].contains(host(rest))
            ? nil : "'graph_url' must begin with 'https://' unless it is this machine"
    }

    /// `BASE/VERSION`, without a slash at the end.
    static func base(url: String, version: String) -> String {
        var bytes = Array(url.utf8)
        while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self) + "/" + version
    }

    /// `?name=value&…`, percent-encoded; nothing when there are none.
    static func query(_ parameters: [(name: String, value: String)]) -> String {
        guard !parameters.isEmpty else { return "" }
        let pairs = parameters.map { name, value in
            Template.Place.percentEncoded(name) + "=" + Template.Place.percentEncoded(value)
        }
        return "?" + pairs.joined(separator: "&")
    }

    /// The value of one parameter of a URL's query, percent-decoded; nil when it is not there.
    static func parameter(_ name: String, of url: String) -> String? {
        guard let mark = url.utf8.firstIndex(of: UInt8(ascii: "?")) else { return nil }
        for pair in url.utf8[url.utf8.index(after: mark)...].split(separator: UInt8(ascii: "&"))
        where pair.starts(with: Array((name + "=").utf8)) {
            return decoded(pair.dropFirst(name.utf8.count + 1))
        }
        return nil
    }

    private static func host(_ rest: String) -> String {
        let authority = rest.utf8.prefix { $0 != UInt8(ascii: "/") }
        if authority.first == UInt8(ascii: "["),
            let end = authority.firstIndex(of: UInt8(ascii: "]"))
        {
            return String(decoding: authority[...end], as: UTF8.self)
        }
        return String(decoding: authority.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
    }

    private static func decoded(_ text: some Collection<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16),
                rest.count >= 2
            else { return nil }
            bytes.append(value)
            rest.removeFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension String {
    fileprivate func without(prefix: String) -> String? {
        ByteSearch.hasPrefix(self, prefix)
            ? String(decoding: utf8.dropFirst(prefix.utf8.count), as: UTF8.self) : nil
    }
}
