import LeadKit

/// `multipart/form-data` (RFC 7578, RFC 2046 section 5.1.1), UTF-8 only.
///
/// A part ends only at CR LF, two dashes and the boundary at the beginning of a line, followed by
/// blanks and CR LF, or by two dashes behind the last part. Dashes inside a value are text.
enum Multipart {
    /// The texts of a form, and how many files were left out.
    struct Form {
        var fields: [Field] = []
        var filesSkipped = 0
    }

    /// A header block is a few lines; a longer one is not read.
    private static let headerBytesMax = 8192

    /// Reads a whole body.
    ///
    /// - Throws: `Refusal` for a missing boundary, a body that ends early, or malformed parts.
    static func form(_ body: [UInt8], boundary: String?) throws(Refusal) -> Form {
        guard let boundary, (1...70).contains(boundary.utf8.count) else {
            throw .malformed("the boundary of the form is missing or over 70 bytes")
        }
        // With a line end in front, the first boundary is found like all others.
        var rest = ([0x0D, 0x0A] + body)[...]
        let delimiter = Array("\r\n--\(boundary)".utf8)
        guard var isLast = skip(past: delimiter, in: &rest)?.isLast else {
            throw .malformed("the form has no boundary")
        }
        var list = FieldList()
        var form = Form()
        while !isLast {
            guard let (part, last) = skip(past: delimiter, in: &rest) else {
                throw .malformed("the form ends before its last boundary")
            }
            isLast = last
            let (name, isFile, content) = try read(part)
            if isFile {
                form.filesSkipped += 1
                continue
            }
            guard let value = String(validating: content, as: UTF8.self) else {
                throw .malformed("a field of the form is not UTF-8")
            }
            try list.add(name, value)
        }
        form.fields = list.fields
        return form
    }

    /// What stands before the next delimiter, and whether that is the last; nil without one.
    private static func skip(
        past delimiter: [UInt8], in rest: inout ArraySlice<UInt8>
    ) -> (part: ArraySlice<UInt8>, isLast: Bool)? {
        var start = rest.startIndex
        while let found = rest[start...].firstIndex(of: 0x0D) {
            start = found + 1
            guard rest[found...].starts(with: delimiter) else { continue }
            let part = rest[rest.startIndex..<found]
            var tail = rest[(found + delimiter.count)...]
            if tail.starts(with: [0x2D, 0x2D]) {
                rest = tail.dropFirst(2)
                return (part, true)
            }
            tail = tail.drop { $0 == 0x20 || $0 == 0x09 }
            guard tail.starts(with: [0x0D, 0x0A]) else { continue }
            rest = tail.dropFirst(2)
            return (part, false)
        }
        return nil
    }

    private static func read(
        _ part: ArraySlice<UInt8>
    ) throws(Refusal) -> (name: String, isFile: Bool, content: ArraySlice<UInt8>) {
        var rest = part
        var disposition: String?
        while true {
            guard let end = rest.prefix(headerBytesMax).firstIndex(of: 0x0D),
                rest[end...].starts(with: [0x0D, 0x0A])
            else { throw .malformed("a part of the form has no end of its header") }
            let line = rest[rest.startIndex..<end]
            rest = rest[(end + 2)...]
            if line.isEmpty { break }
            guard let text = String(validating: line, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { throw .malformed("a part of the form has a malformed header") }
            guard text[..<colon].lowercased() == "content-disposition" else { continue }
            guard disposition == nil else {
                throw .malformed("a part of the form has two dispositions")
            }
            disposition = String(text[text.utf8.index(after: colon)...])
        }
        let (name, isFile) = try self.disposition(disposition)
        return (name, isFile, rest)
    }

    private static func disposition(
        _ header: String?
    ) throws(Refusal) -> (name: String, isFile: Bool) {
        var parser = HeaderParser(header ?? "", unescapes: false)
        guard parser.token()?.lowercased() == "form-data", let parameters = parser.parameters(),
            let name = parameters.first(where: { $0.name == "name" })?.value
        else { throw .malformed("a part of the form has no name") }
        let isFile = parameters.contains { $0.name == "filename" || $0.name == "filename*" }
        return (unescaped(name), isFile)
    }

    /// Browsers write `"`, CR and LF of a name as `%22`, `%0D` and `%0A`, and `%` as it is.
    private static func unescaped(_ name: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(name.utf8)[...]
        while let byte = rest.first {
            let isEscape = ["%22", "%0D", "%0A"].contains { rest.starts(with: Array($0.utf8)) }
            if isEscape, let high = rest.dropFirst().first?.hexDigit,
                let low = rest.dropFirst(2).first?.hexDigit
            {
                bytes.append(high << 4 | low)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
