internal import Synchronization

/// A place in a file: line and column count from 1, columns in Unicode scalars.
///
/// A configuration has a place for each of its hundreds of thousands of nodes, so a place is four
/// small numbers; the file's name is kept once.
public struct Position: Sendable, Hashable {
    private var fileNumber: UInt32
    private var lineNumber: UInt32
    private var columnNumber: UInt32
    private var scalarCount: UInt32

    /// Makes a place; without line and column it is the file as a whole.
    public init(file: String, line: Int = 0, column: Int = 0, length: Int = 1) {
        fileNumber = FileNames.number(of: file)
        lineNumber = UInt32(clamping: line)
        columnNumber = UInt32(clamping: column)
        scalarCount = UInt32(clamping: max(1, length))
    }

    /// Another place in the same file.
    public func moved(toLine line: Int, column: Int, length: Int = 1) -> Position {
        var place = self
        place.lineNumber = UInt32(clamping: line)
        place.columnNumber = UInt32(clamping: column)
        place.scalarCount = UInt32(clamping: max(1, length))
        return place
    }

    /// The file as the author would name it, relative to where the command runs.
    public var file: String { FileNames.name(fileNumber) }
    /// The line, from 1; 0 when the place is the file as a whole.
    public var line: Int { Int(lineNumber) }
    /// The column, from 1, in Unicode scalars; 0 when the place is the file as a whole.
    public var column: Int { Int(columnNumber) }
    /// How many scalars the place spans; at least 1.
    public var length: Int { Int(scalarCount) }

    /// Whether both places are in the same file.
    public func isInFile(of other: Position) -> Bool { fileNumber == other.fileNumber }

    /// Whether the place stands before the other: by file name, then line, then column.
    public func precedes(_ other: Position) -> Bool {
        guard isInFile(of: other) else {
            return file.utf8.lexicographicallyPrecedes(other.file.utf8)
        }
        return (lineNumber, columnNumber) < (other.lineNumber, other.columnNumber)
    }
}

/// The names of files that places are in. A name stays for the life of the process: there are as
/// many as the configuration has files.
private enum FileNames {
    private static let known = Mutex((names: [String](), numbers: [[UInt8]: UInt32]()))

    static func number(of name: String) -> UInt32 {
        let bytes = Array(name.utf8)
        return known.withLock { known in
            if let number = known.numbers[bytes] { return number }
            let number = UInt32(known.names.count)
            known.names.append(name)
            known.numbers[bytes] = number
            return number
        }
    }

    static func name(_ number: UInt32) -> String { known.withLock { $0.names[Int(number)] } }
}

extension Position: CustomStringConvertible {
    /// `file:line:column`, or only `file`.
    public var description: String {
        line == 0 ? file : "\(file):\(line):\(column)"
    }
}

/// What is wrong, or surprising, in a file: the place, a stable code, the sentence and the cure.
public struct Diagnostic: Sendable, Equatable {
    /// How bad a finding is.
    public enum Severity: String, Sendable {
        /// The configuration is refused.
        case error
        /// Legal, but probably not what was meant.
        case warning
    }

    /// How bad it is.
    public var severity: Severity
    /// A stable name of the kind of finding, such as `unknown-key`.
    public var code: String
    /// Where it stands.
    public var position: Position
    /// What is wrong, in lower case and without a full stop.
    public var message: String
    /// What to type instead, when known.
    public var help: String?
    /// An example that shows it, such as a lead.
    public var note: String?

    /// Makes a finding.
    public init(
        _ severity: Severity = .error, _ code: String, at position: Position, _ message: String,
        help: String? = nil, note: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.position = position
        self.message = message
        self.help = help
        self.note = note
    }
}

extension Diagnostic {
    /// The finding as a compiler would print it; `sourceLine` is the line of the file it is about.
    public func rendered(sourceLine: String?) -> String {
        var text = "\(position): \(severity.rawValue)[\(code)]: \(message)"
        if let sourceLine, position.line > 0 {
            let number = String(position.line)
            let gutter = String(repeating: " ", count: number.utf8.count)
            let scalars = Array(sourceLine.unicodeScalars)
            let before = scalars.prefix(max(0, position.column - 1))
            // Tabs stay tabs, so that the caret stands under its text in any terminal.
            let indent = String(String.UnicodeScalarView(before.map { $0 == "\t" ? "\t" : " " }))
            let width = max(1, min(position.length, scalars.count - before.count))
            let caret = "^" + String(repeating: "~", count: width - 1)
            text += "\n \(number) | \(Diagnostic.printable(sourceLine))"
            text += "\n \(gutter) | \(indent)\(caret)"
        }
        if let note { text += "\nnote: \(Diagnostic.printable(note))" }
        if let help { text += "\nhelp: \(help)" }
        return text
    }

    /// The text with control characters made visible, so that a file cannot write to a terminal.
    public static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x09: result.append(scalar)
            case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069, 0x200E, 0x200F:
                result.append("\u{FFFD}")
            default: result.append(scalar)
            }
        }
        return String(result)
    }
}
