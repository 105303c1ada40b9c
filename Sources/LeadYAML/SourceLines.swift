internal import LeadKit

/// The lines of a file as scalars, for looking at what stands around a mistake.
struct SourceLines {
    private let bytes: [UInt8]
    private let starts: [Int]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        starts = [0] + bytes.indices.filter { bytes[$0] == 0x0A }.map { $0 + 1 }
    }

    /// The line, counted from 0, without its end; empty beyond the last.
    subscript(line: Int) -> [Unicode.Scalar] {
        guard starts.indices.contains(line) else { return [] }
        let end = line + 1 < starts.count ? starts[line + 1] - 1 : bytes.count
        let text = String(decoding: bytes[starts[line]..<end], as: UTF8.self)
        return text.unicodeScalars.filter { $0 != "\r" && $0.value != 0xFEFF }
    }

    /// The first line that is not UTF-8 text.
    var firstNotUTF8: Int? {
        starts.indices.first { line in
            let end = line + 1 < starts.count ? starts[line + 1] : bytes.count
            return String(validating: bytes[starts[line]..<end], as: UTF8.self) == nil
        }
    }

    /// The nearest line above with more than blanks or a comment.
    func textBefore(_ line: Int) -> Int? {
        (0..<max(0, min(line, starts.count))).last { number in
            let first = self[number].first { !$0.isBlank }
            return first != nil && first != "#"
        }
    }

    /// The nearest line below with more than blanks or a comment.
    func textAfter(_ line: Int) -> Int? {
        ((line + 1)..<max(line + 1, starts.count)).first { number in
            let first = self[number].first { !$0.isBlank }
            return first != nil && first != "#"
        }
    }

    /// Where the line's text begins, behind the '- ' of a list.
    func column(of line: Int) -> Int {
        self[line].prefix { $0.isBlank || $0 == "-" }.count
    }

    /// The line's text behind the '- ' of a list.
    func content(of line: Int) -> String {
        String(String.UnicodeScalarView(self[line].dropFirst(column(of: line)))).trimmed
    }

    /// The value that begins there: up to a comment, or in braces and brackets up to the end of the
    /// entry.
    func value(from place: (line: Int, column: Int)) -> String {
        let line = self[place.line]
        guard place.column < line.count else { return "" }
        let isInside = line[..<place.column].contains { $0 == "{" || $0 == "[" }
        var end = place.column
        while end < line.count {
            if isInside, [",", "}", "]"].contains(line[end]) { break }
            if line[end] == "#", end > 0, line[end - 1].isBlank { break }
            end += 1
        }
        return String(String.UnicodeScalarView(line[place.column..<end])).trimmed
    }

    /// Where a name ends: a colon with a blank or nothing behind it.
    static func colon(in line: some Collection<Unicode.Scalar>) -> Int? {
        let scalars = Array(line)
        return scalars.indices.first {
            scalars[$0] == ":" && ($0 + 1 == scalars.count || scalars[$0 + 1].isBlank)
        }
    }
}

/// A line in which somebody wrote a name and a value in another way than 'NAME: VALUE'.
struct NameAndValue: CustomStringConvertible {
    /// As it should be written.
    let description: String

    /// Understands `name = value`, `name:value` and `name value`.
    init?(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        guard
            let mark = scalars.firstIndex(of: "=") ?? scalars.firstIndex(of: ":")
                ?? scalars.firstIndex(where: \.isBlank)
        else { return nil }
        let name = String(String.UnicodeScalarView(scalars[..<mark])).trimmed
        let rest = scalars[mark...].drop { $0.isBlank || $0 == "=" || $0 == ":" }
        let value = String(String.UnicodeScalarView(rest)).trimmed
        guard !name.isEmpty, !value.isEmpty else { return nil }
        description = "\(name): \(value)"
    }
}
