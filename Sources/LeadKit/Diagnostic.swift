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
        // Here, once for every way of printing: a file writes neither lines nor control characters
        // of its own into what a terminal, a log or a workflow reads, nor any secret.
        self.message = Diagnostic.sentence(message)
        self.help = help.map(Diagnostic.sentence)
        self.note = note.map(Diagnostic.sentence)
    }
}
