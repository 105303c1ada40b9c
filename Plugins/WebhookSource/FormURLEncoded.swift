import LeadKit

/// `application/x-www-form-urlencoded` (WHATWG URL section 5.1), UTF-8 only.
enum FormURLEncoded {
    /// The fields in the order of their first appearance.
    ///
    /// - Throws: `Refusal` for bytes that are no UTF-8.
    static func fields(_ body: [UInt8]) throws(Refusal) -> [Field] {
        var fields = FieldList()
        for pair in body.split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            let value = pair.dropFirst(name.count + 1)
            guard let name = decoded(name), let value = decoded(value) else {
                throw .malformed("a field of the form is not UTF-8")
            }
            try fields.add(name, value)
        }
        return fields.fields
    }

    /// `+` is a blank, `%XX` a byte; a `%` without two digits stands for itself.
    private static func decoded(_ text: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index < text.endIndex {
            switch text[index] {
            case UInt8(ascii: "+"): bytes.append(0x20)
            case UInt8(ascii: "%"):
                guard index + 2 < text.endIndex, let high = text[index + 1].hexDigit,
                    let low = text[index + 2].hexDigit
                else {
                    bytes.append(text[index])
                    break
                }
                bytes.append(high << 4 | low)
                index += 2
            default: bytes.append(text[index])
            }
            index += 1
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

/// The fields of a form: a repeated name, also written `name[]`, is one field with several values.
struct FieldList {
    private(set) var fields: [Field] = []
    /// Names as bytes: equal texts of different bytes are different fields.
    private var places: [[UInt8]: Int] = [:]

    /// Adds a value.
    ///
    /// - Throws: `Refusal` when the form says that it is not UTF-8.
    mutating func add(_ name: String, _ value: String) throws(Refusal) {
        if name == "_charset_" {
            guard value.isUTF8Name else { throw .unsupported("send UTF-8") }
            return
        }
        var bytes = Array(name.utf8)
        if bytes.count > 2, bytes.suffix(2).elementsEqual("[]".utf8) { bytes.removeLast(2) }
        if let place = places[bytes] {
            fields[place].append(value)
        } else {
            places[bytes] = fields.count
            fields.append(Field(String(decoding: bytes, as: UTF8.self), value))
        }
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit; nil for anything else.
    var hexDigit: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
