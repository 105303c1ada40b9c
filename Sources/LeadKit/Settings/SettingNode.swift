/// A piece of configuration as a plugin sees it: text, list or map, with its place in the file.
public struct SettingNode: Sendable {
    /// What it is.
    public enum Content: Sendable {
        /// A scalar, always text: `0123` and `no` are what is written.
        case text(String)
        /// A list.
        case list([SettingNode])
        /// A map, in the order written.
        case map([(name: SettingNode, value: SettingNode)])
    }

    /// What it is.
    public var content: Content
    /// Where it stands.
    public var position: Position
    /// Whether any of the text came from the environment or a secret's file.
    public var isSecret: Bool

    /// Makes a node.
    public init(_ content: Content, at position: Position, isSecret: Bool = false) {
        self.content = content
        self.position = position
        self.isSecret = isSecret
    }

    /// The text of a scalar; nil for lists and maps.
    public var text: String? {
        if case .text(let text) = content { text } else { nil }
    }

    /// The entries of a map; nil for the rest.
    public var entries: [(name: SettingNode, value: SettingNode)]? {
        if case .map(let entries) = content { entries } else { nil }
    }

    /// What was written, in quotes, for messages: a secret, a list or a map is only named.
    public var shown: String {
        isSecret
            ? "a secret"
            : text.map { "'\(Diagnostic.cut($0, to: Diagnostic.quotedMax))'" } ?? kindName
    }

    /// The value of a map's entry.
    public subscript(name: String) -> SettingNode? {
        guard case .map(let entries) = content else { return nil }
        // By index: a loop over the entries would copy each with all that it holds.
        for index in entries.indices {
            if case .text(let text) = entries[index].name.content, text == name {
                return entries[index].value
            }
        }
        return nil
    }

    /// `a text`, `a list` or `a map`, for messages.
    public var kindName: String {
        switch content {
        case .text: "a text"
        case .list: "a list"
        case .map: "a map"
        }
    }
}

/// Collects what is wrong with settings while they are decoded, all in one pass.
public struct SettingProblems: Sendable {
    /// What was found, in the order found.
    public private(set) var diagnostics: [Diagnostic] = []
    /// How many of them are errors.
    public private(set) var errorCount = 0

    /// Makes an empty collection.
    public init() {}

    /// Records an error.
    public mutating func error(
        _ code: String, at position: Position, _ message: String, help: String? = nil
    ) {
        add(Diagnostic(.error, code, at: position, message, help: help))
    }

    /// Records a warning.
    public mutating func warning(
        _ code: String, at position: Position, _ message: String, help: String? = nil,
        note: String? = nil
    ) {
        add(Diagnostic(.warning, code, at: position, message, help: help, note: note))
    }

    /// Records what another pass found.
    public mutating func add(_ diagnostic: Diagnostic) {
        diagnostics.append(diagnostic)
        if diagnostic.severity == .error { errorCount += 1 }
    }

    /// Whether an error was found.
    public var hasErrors: Bool { errorCount > 0 }
}

/// A type that a setting can have.
public protocol SettingValue: Sendable {
    /// What to write, for messages and manuals: `a duration such as '30s'`.
    static var shape: String { get }
    /// What may be written, for the schema; a text unless the type says more.
    static var form: SettingForm { get }
    /// Reads the node; records what is wrong and returns nil when it cannot.
    static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Self?
}

extension SettingValue {
    /// Records that the node is not of this shape.
    static func refuse(
        _ node: SettingNode, help: String? = nil, problems: inout SettingProblems
    ) -> Self? {
        problems.error(
            "bad-value", at: node.position, "\(node.shown) is not \(shape)",
            help: node.isSecret ? nil : help)
        return nil
    }
}

extension String: SettingValue {
    /// What to write.
    public static var shape: String { "a text" }

    /// Reads a text that is not blank.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> String? {
        guard let text = node.text else {
            var help = "write one text"
            if case .list(let nodes) = node.content, let first = nodes.first?.text {
                help += ", such as \(first)"
            }
            return refuse(node, help: help, problems: &problems)
        }
        guard !text.trimmed.isEmpty else {
            problems.error("bad-value", at: node.position, "the text is blank")
            return nil
        }
        return text
    }
}

extension Bool: SettingValue {
    /// What to write.
    public static var shape: String { "'true' or 'false'" }

    /// Reads `true` or `false`.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Bool? {
        switch node.text {
        case "true": return true
        case "false": return false
        default:
            problems.error(
                "bad-value", at: node.position, "\(node.shown) is not \(shape)",
                help: node.isSecret ? nil : help(for: node.text ?? ""))
            return nil
        }
    }

    private static func help(for text: String) -> String? {
        switch text.lowercased() {
        case "yes", "y", "on", "1", "true", "ja", "si", "sì", "oui": "write 'true'"
        case "no", "n", "off", "0", "false", "nein", "non": "write 'false'"
        default: nil
        }
    }
}

extension Int: SettingValue {
    /// What to write.
    public static var shape: String { "a whole number" }

    /// Reads ASCII digits, 0 to 1,000,000,000.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Int? {
        guard let text = node.text, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(text), number <= 1_000_000_000
        else {
            return refuse(
                node, help: node.text.flatMap(MeantValue.wholeNumber), problems: &problems)
        }
        return number
    }
}

extension Duration: SettingValue {
    /// What to write.
    public static var shape: String { "a duration such as '500ms', '90s', '15m', '12h' or '30d'" }

    /// Reads a whole number and a unit.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Duration? {
        guard let text = node.text else { return refuse(node, problems: &problems) }
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let milliseconds = ["ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let number = Int(String(decoding: digits, as: UTF8.self)), number < 100_000_000,
            let unit = milliseconds[
                String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self)]
        else { return refuse(node, help: MeantValue.duration(text), problems: &problems) }
        return .milliseconds(number * unit)
    }
}

/// A number of bytes, written `512`, `64KiB`, `1MiB` or `2GiB`.
public struct ByteCount: SettingValue, Equatable {
    /// The number of bytes.
    public var bytes: Int

    /// Makes a count.
    public init(_ bytes: Int) { self.bytes = bytes }

    /// What to write.
    public static var shape: String { "a size such as '64KiB' or '1MiB'" }

    /// Reads a whole number and a unit.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> ByteCount? {
        guard let text = node.text else { return refuse(node, problems: &problems) }
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let units = ["": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30]
        guard let number = Int(String(decoding: digits, as: UTF8.self)), number < 1 << 20,
            let unit = units[String(decoding: text.utf8.dropFirst(digits.count), as: UTF8.self)]
        else { return refuse(node, problems: &problems) }
        return ByteCount(number * unit)
    }
}

/// A password, key or token. It prints as `•••` wherever it is printed.
public struct Secret: SettingValue, Equatable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    /// The secret itself. Hand it to what needs it and to nothing else.
    public let revealed: String

    /// Wraps a secret.
    public init(_ text: String) { revealed = text }

    /// `•••`
    public var description: String { Secret.mask }
    /// `•••`
    public var debugDescription: String { Secret.mask }
    /// Shows nothing of the inside.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// What stands for a secret wherever it would be shown.
    public static let mask = "•••"

    /// What to write.
    public static var shape: String { "a secret: \"${NAME}\" or {file: PATH}" }

    /// Reads a text that is not blank.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Secret? {
        guard let text = node.text else {
            problems.error("bad-value", at: node.position, "\(node.kindName) is not \(shape)")
            return nil
        }
        guard !text.trimmed.isEmpty else {
            problems.error(
                "bad-value", at: node.position, "the secret is blank",
                help: "an empty secret protects nothing; set the variable or the file")
            return nil
        }
        if !node.isSecret {
            problems.warning(
                "plain-secret", at: node.position, "a secret stands here in plain text",
                help: "write \"${NAME}\" and set the variable NAME, or {file: PATH}")
        }
        return Secret(text)
    }
}

extension Array: SettingValue where Element: SettingValue {
    /// What to write.
    public static var shape: String { "a list, each \(Element.shape)" }

    /// Reads a list; a single text is a list of one.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> [Element]? {
        switch node.content {
        case .list(let nodes):
            let elements = nodes.map { Element.decode($0, problems: &problems) }
            return elements.contains { $0 == nil } ? nil : elements.compactMap { $0 }
        case .text: return Element.decode(node, problems: &problems).map { [$0] }
        case .map: return refuse(node, problems: &problems)
        }
    }
}

/// A map of names chosen by the author, in the order written.
public struct NamedSettings<Value: SettingValue>: SettingValue {
    /// Name and value, in the order written; names are unique.
    public var entries: [(name: String, value: Value)]

    /// Makes a map.
    public init(_ entries: [(name: String, value: Value)] = []) { self.entries = entries }

    /// The value of that name, compared byte for byte.
    public subscript(name: String) -> Value? {
        entries.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// What to write.
    public static var shape: String { "a map from names to \(Value.shape)" }

    /// Reads a map.
    public static func decode(_ node: SettingNode, problems: inout SettingProblems) -> Self? {
        guard let nodes = node.entries else { return refuse(node, problems: &problems) }
        var entries: [(name: String, value: Value)] = []
        var complete = true
        for (name, value) in nodes {
            guard let decoded = Value.decode(value, problems: &problems), let text = name.text
            else {
                complete = false
                continue
            }
            entries.append((text, decoded))
        }
        return complete ? NamedSettings(entries) : nil
    }
}
