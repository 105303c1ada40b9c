/// A place in a file: line and column count from 1, columns in Unicode scalars.
public struct Position: Sendable, Hashable {
    /// The file as the author would name it, relative to where the command runs.
    public var file: String
    /// The line, from 1; 0 when the place is the file as a whole.
    public var line: Int
    /// The column, from 1, in Unicode scalars; 0 when the place is the file as a whole.
    public var column: Int
    /// How many scalars the place spans; at least 1.
    public var length: Int

    /// Makes a place; without line and column it is the file as a whole.
    public init(file: String, line: Int = 0, column: Int = 0, length: Int = 1) {
        self.file = file
        self.line = line
        self.column = column
        self.length = max(1, length)
    }
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

    /// Makes a finding.
    public init(
        _ severity: Severity = .error, _ code: String, at position: Position, _ message: String,
        help: String? = nil
    ) {
        self.severity = severity
        self.code = code
        self.position = position
        self.message = message
        self.help = help
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

/// Finds the known name that a mistyped one probably meant.
public enum Nearest {
    /// The candidate with the smallest edit distance to `name`, if it is near enough to suggest:
    /// at most a third of the longer name's length, and at least one edit.
    public static func name(to name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.unicodeScalars)
        guard wanted.count <= 64 else { return nil }
        var best: (distance: Int, name: String)?
        for candidate in candidates {
            let scalars = Array(candidate.unicodeScalars)
            let limit = max(wanted.count, scalars.count) / 3
            guard limit > 0, abs(scalars.count - wanted.count) <= limit else { continue }
            let distance = editDistance(wanted, scalars)
            guard distance <= limit else { continue }
            if best.map({ (distance, candidate) < $0 }) ?? true { best = (distance, candidate) }
        }
        return best?.name
    }

    /// `did you mean 'x'?` or, without a near name, the known names when there are few.
    public static func help(for name: String, among candidates: some Collection<String>) -> String?
    {
        if let nearest = Nearest.name(to: name, among: candidates) {
            return "did you mean '\(nearest)'?"
        }
        guard !candidates.isEmpty, candidates.count <= 12 else { return nil }
        return "known here: " + candidates.sorted().map { "'\($0)'" }.joined(separator: ", ")
    }

    /// Edits (insert, delete, replace, swap of neighbours; case costs nothing) from one to other.
    private static func editDistance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
        func fold(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
            (65...90).contains(scalar.value) ? Unicode.Scalar(scalar.value + 32)! : scalar  // ASCII
        }
        var previous2: [Int] = []
        var previous = Array(0...b.count)
        for i in 0..<a.count {
            var row = [i + 1]
            row.reserveCapacity(b.count + 1)
            for j in 0..<b.count {
                let same = fold(a[i]) == fold(b[j])
                var cost = min(previous[j] + (same ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, fold(a[i]) == fold(b[j - 1]), fold(a[i - 1]) == fold(b[j]) {
                    cost = min(cost, previous2[j - 1] + 1)
                }
                row.append(cost)
            }
            previous2 = previous
            previous = row
        }
        return previous[b.count]
    }
}
