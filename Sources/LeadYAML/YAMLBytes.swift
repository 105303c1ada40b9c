internal import LeadKit

/// What is refused by one look at a file's bytes, before libyaml reads them.
///
/// libyaml reads ahead in pieces, so that it places a byte it cannot use at the piece's beginning;
/// and it keeps a list of open levels that it walks for each line, so that thousands of `- ` in one
/// line take time quadratic in their number.
enum YAMLBytes {
    /// The finding for the first byte that no YAML file has.
    static func refusal(of bytes: [UInt8], _ start: Position, depthMax: Int) -> Diagnostic? {
        var line = Line()
        for index in bytes.indices {
            let byte = bytes[index]
            if byte == 0x0A {
                line = Line(number: line.number + 1, start: index + 1)
                continue
            }
            if byte >= 0x80 {
                // Most bytes of most files are ASCII; the others are looked at one scalar at a time.
                if line.isChecked { continue }
                line.isChecked = true
                if let fault = line.fault(in: bytes) { return line.finding(fault, bytes, start) }
                continue
            }
            if byte == 0x7F || (byte < 0x20 && byte != 0x09 && byte != 0x0D) {
                return line.finding((index, Fault.control(byte)), bytes, start)
            }
            if line.isIndenting {
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0x0A
                if byte == 0x2D || byte == 0x3F, next == 0x20 || next == 0x09 || next == 0x0A {
                    line.indicators += 1
                    if line.indicators > depthMax {
                        return line.finding((index, Fault.depth(depthMax)), bytes, start)
                    }
                } else if byte != 0x20 {
                    line.isIndenting = false
                }
            }
        }
        return nil
    }

    private enum Fault {
        case control(UInt8)
        case notUTF8
        case surrogate
        case depth(Int)
    }

    private struct Line {
        var number = 1
        var start = 0
        var isChecked = false
        var isIndenting = true
        /// How many `-` begin the line.
        var indicators = 0

        /// The first place of the line that is not UTF-8.
        func fault(in bytes: [UInt8]) -> (index: Int, fault: Fault)? {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            var index = start
            while index < end {
                guard let length = YAMLBytes.length(of: bytes[index..<end]) else {
                    let isSurrogate =
                        bytes[index] == 0xED && index + 2 < end
                        && bytes[index + 1] >= 0xA0
                    return (index, isSurrogate ? .surrogate : .notUTF8)
                }
                // The control characters of Latin-1, but for its line end.
                if bytes[index] == 0xC2, bytes[index + 1] < 0xA0, bytes[index + 1] != 0x85 {
                    return (index, .control(bytes[index + 1]))
                }
                index += length
            }
            return nil
        }

        func finding(
            _ fault: (index: Int, fault: Fault), _ bytes: [UInt8], _ file: Position
        ) -> Diagnostic {
            let before = String(decoding: bytes[start..<fault.index], as: UTF8.self)
            let place = file.moved(toLine: number, column: before.unicodeScalars.count + 1)
            switch fault.fault {
            case .depth(let depthMax):
                return Diagnostic(
                    .error, "yaml-depth", at: place, "this nests past \(depthMax) levels")
            case .control(let byte):
                let hex = String(byte, radix: 16, uppercase: true)
                return Diagnostic(
                    .error, "yaml-syntax", at: place,
                    "a control character stands here (U+00\(byte < 0x10 ? "0" : "")\(hex))",
                    help: byte == 0
                        ? "delete it; if the file is full of them, save it as UTF-8" : "delete it")
            case .surrogate:
                return Diagnostic(
                    .error, "yaml-syntax", at: place,
                    "half a character stands here (a surrogate), which is not UTF-8 text",
                    help: "delete it, or save the file as UTF-8")
            case .notUTF8:
                return Diagnostic(
                    .error, "yaml-syntax", at: place, "this line is not UTF-8 text",
                    help: "save the file as UTF-8")
            }
        }
    }

    /// How many bytes the scalar has that the bytes begin with; nil when they begin with none.
    private static func length(of bytes: ArraySlice<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
        guard bytes.count >= length else { return nil }
        let scalar = bytes.prefix(length)
        return length == 1 || String(validating: scalar, as: UTF8.self) != nil ? length : nil
    }
}
