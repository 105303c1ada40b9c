internal import LeadKit

/// Reads the parameters that HTTP clients send: queries, urlencoded and multipart bodies.
enum FormDecoding {
    typealias Parameters = [(name: String, value: String)]

    /// `a=1&b=x+y%21`, where a plus is a blank; a name without `=` has an empty value.
    static func urlEncoded(_ bytes: some Collection<UInt8>) -> Parameters {
        bytes.split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
        }
    }

    /// The text fields of a multipart body (RFC 7578); empty when it has no boundary.
    static func multipart(_ body: [UInt8], contentType: String) -> Parameters {
        guard let boundary = parameter("boundary", of: contentType) else { return [] }
        var result: Parameters = []
        for part in split(body, at: Array("--\(boundary)".utf8)).dropFirst() {
            guard let blank = firstRange(of: [13, 10, 13, 10], in: part) else { continue }
            let head = String(decoding: part[..<blank.lowerBound], as: UTF8.self)
            guard let name = parameter("name", of: head) else { continue }
            // The line break in front of the boundary belongs to the boundary.
            let value = part[blank.upperBound...].dropLast(2)
            result.append((name, String(decoding: value, as: UTF8.self)))
        }
        return result
    }

    private static func decoded(_ bytes: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        var rest = Array(bytes)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                result.append(value)
                rest.removeFirst(2)
            } else {
                result.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `name=value` or `name="value"` behind a `;`, as in `form-data; name="batch"`.
    private static func parameter(_ name: String, of header: String) -> String? {
        let wanted = Array(" \(name)=".utf8)
        let bytes = Array(header.utf8)
        guard let found = firstRange(of: wanted, in: bytes[...]) else { return nil }
        let rest = bytes[found.upperBound...]
        if rest.first == UInt8(ascii: "\"") {
            return String(
                decoding: rest.dropFirst().prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        }
        return String(decoding: rest.prefix { $0 > 0x20 && $0 != UInt8(ascii: ";") }, as: UTF8.self)
    }

    private static func split(_ bytes: [UInt8], at separator: [UInt8]) -> [ArraySlice<UInt8>] {
        var result: [ArraySlice<UInt8>] = []
        var rest = bytes[...]
        while let found = firstRange(of: separator, in: rest) {
            result.append(rest[..<found.lowerBound])
            rest = rest[found.upperBound...]
        }
        return result + [rest]
    }

    static func firstRange(of part: [UInt8], in bytes: ArraySlice<UInt8>) -> Range<Int>? {
        guard bytes.count >= part.count else { return nil }
        for start in bytes.startIndex...(bytes.endIndex - part.count)
        where bytes[start] == part[0] && bytes[start..<(start + part.count)].elementsEqual(part) {
            return start..<(start + part.count)
        }
        return nil
    }
}
