/// JSON as Meta writes it: ASCII only, with `\u00e4` in lower case and `\/` for a slash.
///
/// Signatures are over exactly these bytes, which trips receivers that parse before they check.
enum ASCIIJSON {
    /// The same JSON text in ASCII. Works on the finished text: outside of strings JSON has
    /// neither slashes nor non-ASCII characters.
    static func escape(_ json: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(json.count + json.count / 8)
        for unit in String(decoding: json, as: UTF8.self).utf16 {
            switch unit {
            case 0x2F: result.append(contentsOf: [0x5C, 0x2F])
            case 0..<0x80: result.append(UInt8(unit))
            default:
                let hex = String(unit, radix: 16)
                result.append(contentsOf: "\\u".utf8)
                result.append(contentsOf: repeatElement(0x30, count: 4 - hex.utf8.count))
                result.append(contentsOf: hex.utf8)
            }
        }
        return result
    }
}
