internal import CLibYAML
public import LeadKit

/// Reads YAML as configuration: every scalar is the text that is written, every node knows its
/// place, and whatever could surprise (duplicate keys, tags, merge keys, empty values, several
/// documents, bombs) is an error with a place.
///
/// Works on libyaml's events, since they still have marks and the raw text of scalars. The limits
/// live here: libyaml itself knows neither depth nor alias bombs.
public struct YAMLReader {
    /// What a document may cost before it is refused.
    public struct Limits: Sendable {
        /// The most bytes of a file.
        public var bytesMax = 32 << 20
        /// The most values after aliases are expanded; keys of maps are not counted.
        public var nodesMax = 1_000_000
        /// How deeply lists and maps may nest.
        public var depthMax = 64

        /// The limits of the rule language.
        public init() {}
    }

    private let file: String
    private let limits: Limits
    private var builder: Builder

    /// Reads one file's bytes; `file` is its name in messages.
    ///
    /// - Returns: the document's root, or nil when there is none; `problems` says why. With a root
    ///   there may be errors, too, of single values (`spoilsAValueOnly`).
    public static func read(
        _ bytes: [UInt8], file: String, limits: Limits = Limits(),
        problems: inout SettingProblems
    ) -> SettingNode? {
        let start = Position(file: file, line: 1, column: 1)
        guard bytes.count <= limits.bytesMax else {
            problems.error("yaml-size", at: start, "the file is over \(limits.bytesMax) bytes")
            return nil
        }
        let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
        guard !isUTF16 else {
            problems.error(
                "yaml-syntax", at: start, "the file is not UTF-8 text", help: "save it as UTF-8")
            return nil
        }
        let bom: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = bytes.starts(with: bom) ? Array(bytes.dropFirst(3)) : bytes
        if let refusal = YAMLBytes.refusal(of: text, start, depthMax: limits.depthMax) {
            problems.add(refusal)
            return nil
        }
        var reader = YAMLReader(
            file: file, limits: limits, builder: Builder(file: file, limits: limits))
        reader.readEvents(text)
        if reader.builder.problems.hasErrors {
            let advice = SyntaxAdvice(file: file, bytes: text)
            let found = advice.improved(reader.builder.problems.diagnostics)
            for diagnostic in found { problems.add(diagnostic) }
            guard found.allSatisfy({ spoilsAValueOnly($0.code) }) else { return nil }
        } else if reader.builder.root == nil {
            problems.error(
                "yaml-empty", at: start, "the file is empty",
                help: "write rules in it, or remove it and the 'include' that names it")
        }
        return reader.builder.root
    }

    /// Whether a finding of that code leaves the rest of the file as it is meant, so that its other
    /// mistakes can be told in the same pass.
    public static func spoilsAValueOnly(_ code: String) -> Bool {
        ["yaml-empty-value", "yaml-tag", "duplicate-key"].contains(code)
    }

    private mutating func readEvents(_ bytes: [UInt8]) {
        // libyaml keeps a pointer to its own struct, so it must not move.
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        defer { parser.deallocate() }
        guard yaml_parser_initialize(parser) == 1 else { fatalError("out of memory") }
        defer { yaml_parser_delete(parser) }
        bytes.withUnsafeBufferPointer { input in
            yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(parser, input.baseAddress, input.count)
            var event = yaml_event_t()
            while true {
                guard yaml_parser_parse(parser, &event) == 1 else {
                    reportSyntax(parser.pointee, bytes)
                    return
                }
                let isEnd = event.type == YAML_STREAM_END_EVENT
                let goesOn = builder.take(event)
                yaml_event_delete(&event)
                if isEnd || !goesOn { return }
            }
        }
    }

    private mutating func reportSyntax(_ parser: yaml_parser_t, _ bytes: [UInt8]) {
        let problem = parser.problem.map { String(cString: $0) } ?? "cannot be read"
        let mark = parser.error == YAML_READER_ERROR ? parser.mark : parser.problem_mark
        let advice = SyntaxAdvice(file: file, bytes: bytes)
        builder.problems.add(
            advice.diagnostic(
                for: .init(
                    problem: problem,
                    context: parser.context.map { String(cString: $0) } ?? "",
                    place: (mark.line, mark.column),
                    start: (parser.context_mark.line, parser.context_mark.column))))
    }
}

/// Builds nodes from events, and stops as soon as a limit is passed.
private struct Builder {
    private struct Open {
        var isMap: Bool
        var position: Position
        var anchor: String?
        /// Where its parts begin in `items` or `entries`.
        var start: Int
        var key: SettingNode?
        var nodes = 1
        var depth = 1
    }

    /// A finished part with what it costs, so that repeating it by an alias costs as much.
    private struct Built {
        var node: SettingNode
        var nodes: Int
        var depth: Int
    }

    private typealias Entry = (name: SettingNode, value: SettingNode)

    let filePlace: Position
    let limits: YAMLReader.Limits
    var problems = SettingProblems()
    var root: SettingNode?
    private var stack: [Open] = []
    /// The parts of all open lists and maps, so that a closed one takes exactly what it needs.
    private var items: [SettingNode] = []
    private var entries: [(name: SettingNode, value: SettingNode)] = []
    private var anchors: [String: Built] = [:]
    private var openAnchors: Set<String> = []
    private var nodes = 0
    private var documents = 0

    init(file: String, limits: YAMLReader.Limits) {
        filePlace = Position(file: file)
        self.limits = limits
    }

    /// Takes one event; false means: stop reading.
    mutating func take(_ event: yaml_event_t) -> Bool {
        switch event.type {
        case YAML_DOCUMENT_START_EVENT:
            documents += 1
            if documents > 1 {
                problems.error(
                    "yaml-documents", at: position(event), "a second document begins here",
                    help: "put it into a file of its own, and remove the '---'")
                return false
            }
            return true
        case YAML_SCALAR_EVENT: return takeScalar(event)
        case YAML_ALIAS_EVENT: return takeAlias(event)
        case YAML_SEQUENCE_START_EVENT:
            return open(
                isMap: false, event, anchor: text(event.data.sequence_start.anchor),
                tag: event.data.sequence_start.tag)
        case YAML_MAPPING_START_EVENT:
            return open(
                isMap: true, event, anchor: text(event.data.mapping_start.anchor),
                tag: event.data.mapping_start.tag)
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return close()
        default: return true
        }
    }

    private mutating func takeScalar(_ event: yaml_event_t) -> Bool {
        let scalar = event.data.scalar
        let place = position(event)
        refuse(tag: scalar.tag, at: place)
        let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
        let node = SettingNode(.text(String(decoding: bytes, as: UTF8.self)), at: place)
        if scalar.length == 0, scalar.style == YAML_PLAIN_SCALAR_STYLE {
            reportEmpty(place)
        }
        return add(Built(node: node, nodes: 1, depth: 0), anchor: text(scalar.anchor))
    }

    private mutating func reportEmpty(_ place: Position) {
        let name = stack.last?.key?.text
        problems.error(
            "yaml-empty-value", at: stack.last?.key?.position ?? place,
            name.map { "'\($0)' has no value" } ?? "a value is missing here",
            help: "write the value behind it, or indent the lines that belong to it; "
                + "for an empty text write \"\"")
    }

    private mutating func takeAlias(_ event: yaml_event_t) -> Bool {
        let name = text(event.data.alias.anchor) ?? ""
        guard let built = anchors[name] else {
            let isOpen = openAnchors.contains(name)
            problems.error(
                "yaml-alias", at: position(event),
                isOpen
                    ? "'*\(name)' stands inside what it names" : "'*\(name)' names nothing above",
                help: isOpen
                    ? "write the entries out"
                    : Nearest.help(for: name, among: Array(anchors.keys))
                        ?? "a text with a '*' stands in quotes; for texts that end so write "
                        + "{ends_with: \(name)}")
            return false
        }
        // Marks stay those of the anchor: that is where the text to mend stands.
        return add(built, anchor: nil, cost: built.nodes)
    }

    private mutating func open(
        isMap: Bool, _ event: yaml_event_t, anchor: String?, tag: UnsafeMutablePointer<UInt8>?
    ) -> Bool {
        let place = position(event)
        refuse(tag: tag, at: place)
        guard stack.count < limits.depthMax else { return tooDeep(place) }
        if let anchor { openAnchors.insert(anchor) }
        stack.append(
            Open(
                isMap: isMap, position: place, anchor: anchor,
                start: isMap ? entries.count : items.count))
        return true
    }

    private mutating func close() -> Bool {
        let open = stack.removeLast()
        let content: SettingNode.Content
        if open.isMap {
            let own = Array(entries[open.start...])
            entries.removeLast(own.count)
            refuseDuplicates(own)
            content = .map(own)
        } else {
            let own = Array(items[open.start...])
            items.removeLast(own.count)
            content = .list(own)
        }
        if let anchor = open.anchor { openAnchors.remove(anchor) }
        return add(
            Built(
                node: SettingNode(content, at: open.position), nodes: open.nodes, depth: open.depth),
            anchor: open.anchor)
    }

    private mutating func add(_ built: Built, anchor: String?, cost: Int = 1) -> Bool {
        if let anchor { anchors[anchor] = built }
        guard let last = stack.indices.last else {
            root = built.node
            return true
        }
        guard stack.count + built.depth <= limits.depthMax else {
            return tooDeep(built.node.position)
        }
        if stack[last].isMap, stack[last].key == nil {
            takeKey(built.node, of: last)
            return true
        }
        nodes += cost
        guard nodes <= limits.nodesMax else {
            problems.error(
                "yaml-size", at: built.node.position,
                "the document has over \(limits.nodesMax) values",
                help: "split it into several files with 'include', and check the aliases")
            return false
        }
        stack[last].nodes += built.nodes
        stack[last].depth = max(stack[last].depth, built.depth + 1)
        if let key = stack[last].key {
            entries.append((key, built.node))
            stack[last].key = nil
        } else {
            items.append(built.node)
        }
        return true
    }

    private mutating func takeKey(_ node: SettingNode, of index: Int) {
        if node.text == nil {
            problems.error("yaml-key", at: node.position, "\(node.kindName) cannot be a name")
        } else if node.text == "<<" {
            problems.error(
                "yaml-merge", at: node.position, "the merge key '<<' is not part of this language",
                help: "write the entries out, or use a named condition")
        }
        stack[index].key = node
    }

    private mutating func refuseDuplicates(
        _ entries: [(name: SettingNode, value: SettingNode)]
    ) {
        guard entries.count > 1 else { return }
        // Few names are compared pair by pair, which costs no memory.
        guard entries.count > 16 else {
            for index in entries.indices.dropFirst() {
                guard let text = entries[index].name.text else { continue }
                let first = entries[..<index].last {
                    $0.name.text.map { isSame($0, text) } ?? false
                }
                if let first { reportDuplicate(entries[index], first: first) }
            }
            return
        }
        var seen: [[UInt8]: Int] = Dictionary(minimumCapacity: entries.count)
        for (index, entry) in entries.enumerated() {
            guard let text = entry.name.text else { continue }
            if let first = seen.updateValue(index, forKey: Array(text.utf8)) {
                reportDuplicate(entry, first: entries[first])
            }
        }
    }

    /// Whether the texts are the same byte for byte; `==` alone merges canonical twins.
    private func isSame(_ a: String, _ b: String) -> Bool {
        a == b && a.utf8.elementsEqual(b.utf8)
    }

    private mutating func reportDuplicate(_ entry: Entry, first: Entry) {
        let name = entry.name.text ?? ""
        var help = "remove one of them, or join their values"
        if let one = first.value.text, let other = entry.value.text, one != other,
            !Builder.singleNames.contains(name)
        {
            help = "remove one of them, or write '\(name): [\(one), \(other)]'"
        }
        problems.error(
            "duplicate-key", at: entry.name.position,
            "\(entry.name.shown) stands here twice, first in line \(first.name.position.line)",
            help: help)
    }

    /// Names that never have a list.
    private static let singleNames: Set = [
        "id", "version", "plugin", "url", "file", "key", "match", "note", "drop", "hold", "always",
        "disabled", "from", "subject", "body", "path", "format", "name", "default", "type",
    ]

    private mutating func refuse(tag: UnsafeMutablePointer<UInt8>?, at place: Position) {
        guard let tag = text(tag) else { return }
        problems.error(
            "yaml-tag", at: place, "the tag '\(tag)' is not part of this language",
            help: "remove it: every value is the text that is written")
    }

    private mutating func tooDeep(_ place: Position) -> Bool {
        problems.error("yaml-depth", at: place, "this nests past \(limits.depthMax) levels")
        return false
    }

    private func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
        pointer.map { String(cString: $0) }
    }

    private func position(_ event: yaml_event_t) -> Position {
        let start = event.start_mark
        let end = event.end_mark
        let isOneLine = start.line == end.line
        return filePlace.moved(
            toLine: start.line + 1, column: start.column + 1,
            length: isOneLine ? end.column - start.column : 1)
    }
}
