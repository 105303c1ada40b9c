internal import CSimdJSON
internal import Synchronization

/// A parsed JSON text: strict RFC 8259, UTF-8 only, no duplicate names, numbers kept as written.
///
/// Every JSON text that comes from outside goes through this one parser, so that no two places of
/// the program can read the same bytes differently.
public final class JSONDocument: Sendable {
    /// What a text may cost before it is refused.
    public struct Limits: Sendable {
        /// How deeply arrays and objects may nest.
        public var depthMax: Int
        /// How many values (names of members included) the text may hold.
        public var valuesMax: Int

        /// Makes limits; by default 32 levels and 1,000,000 values.
        public init(depthMax: Int = 32, valuesMax: Int = 1_000_000) {
            self.depthMax = depthMax
            self.valuesMax = valuesMax
        }
    }

    private let nodes: [lr_json_node]
    private let text: [UInt8]

    fileprivate init(nodes: [lr_json_node], text: [UInt8]) {
        self.nodes = nodes
        self.text = text
    }

    /// Looks at the value at a place of the nodes.
    func withCursor<R, E>(
        at index: Int, _ body: (JSONCursor) throws(E) -> R
    ) throws(E) -> R {
        try nodes.withUnsafeBufferPointer { nodes throws(E) in
            try text.withUnsafeBufferPointer { text throws(E) in
                try body(JSONCursor(nodes: nodes, text: text, index: index))
            }
        }
    }

    /// The value that the text is.
    public var root: JSONValue { JSONValue(document: self, index: 0) }

    /// Parses one text.
    ///
    /// - Throws: `JSONError` for anything but one strict JSON value within the limits.
    public static func parse(
        _ bytes: some Collection<UInt8>, limits: Limits = Limits()
    ) throws(JSONError) -> JSONDocument {
        let parser = JSONParser.idle.withLock { $0.popLast() }?.parser ?? JSONParser()
        defer { parser.rest() }
        parser.limits = limits
        return try parser.parse(bytes)
    }
}

/// Why a text is not usable JSON. The message never quotes the text.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One sentence in lower case.
    public let description: String

    /// Makes an error from its sentence.
    public init(_ description: String) { self.description = description }
}

/// A parser that keeps its buffers from text to text; use one for a stream of many texts.
public final class JSONParser {
    private let handle: OpaquePointer
    fileprivate var limits: JSONDocument.Limits

    /// Makes a parser.
    public init(limits: JSONDocument.Limits = .init()) {
        guard let handle = lr_json_create() else { fatalError("out of memory") }
        self.handle = handle
        self.limits = limits
    }

    deinit { lr_json_destroy(handle) }

    // MARK: For single texts

    /// The most parsers that are kept: more than that are seldom at work at once.
    private static let idleMax = 16
    /// A parser that has read a longer text is not kept: its buffers are several times as long.
    private static let idleTextMax = 16 << 10
    /// Making a parser costs more than parsing a lead.
    fileprivate static let idle = Mutex<[Idle]>([])

    /// Nobody else has it: whoever takes it out of the list is its one user.
    fileprivate struct Idle: @unchecked Sendable {
        let parser: JSONParser
    }

    /// Keeps the parser for the next text.
    fileprivate func rest() {
        guard lr_json_capacity(handle) <= JSONParser.idleTextMax else { return }
        let parser = Idle(parser: self)
        JSONParser.idle.withLock { idle in
            if idle.count < JSONParser.idleMax { idle.append(parser) }
        }
    }

    /// Parses one text.
    ///
    /// - Throws: `JSONError` for anything but one strict JSON value within the limits.
    public func parse(_ bytes: some Collection<UInt8>) throws(JSONError) -> JSONDocument {
        try read(bytes)
        let (nodes, text) = results
        return JSONDocument(nodes: Array(nodes), text: Array(text))
    }

    /// Parses one text and hands out its root, which is gone when `body` returns: nothing is
    /// copied.
    func withRoot<R>(
        of bytes: UnsafeBufferPointer<UInt8>, _ body: (JSONCursor) -> R
    ) throws(JSONError) -> R {
        try check(parse(bytes))
        let (nodes, text) = results
        return withExtendedLifetime(self) {
            body(JSONCursor(nodes: nodes, text: text, index: 0))
        }
    }

    private func read(_ bytes: some Collection<UInt8>) throws(JSONError) {
        try check(bytes.withContiguousStorageIfAvailable { parse($0) } ?? parseCopy(bytes))
    }

    private func check(_ status: Int32) throws(JSONError) {
        switch Int(status) {
        case LR_JSON_OK: return
        case LR_JSON_DEPTH: throw JSONError("JSON nests past \(limits.depthMax) levels")
        case LR_JSON_TOO_MANY: throw JSONError("JSON has over \(limits.valuesMax) values")
        case LR_JSON_DUPLICATE: throw JSONError("a JSON object has the same name twice")
        default: throw JSONError("not valid JSON: \(String(cString: lr_json_message(handle)))")
        }
    }

    private var results: (UnsafeBufferPointer<lr_json_node>, UnsafeBufferPointer<UInt8>) {
        var nodeCount = 0
        var textCount = 0
        let nodes = lr_json_nodes(handle, &nodeCount)
        let text = lr_json_text(handle, &textCount)
        return (
            UnsafeBufferPointer(start: nodes, count: nodeCount),
            UnsafeBufferPointer(start: text, count: textCount)
        )
    }

    private func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard let base = bytes.baseAddress else { return lr_json_parse(handle, [], 0, 1, 1) }
        return lr_json_parse(
            handle, base, bytes.count, UInt32(clamping: limits.depthMax),
            UInt32(clamping: limits.valuesMax))
    }

    private func parseCopy(_ bytes: some Collection<UInt8>) -> Int32 {
        Array(bytes).withUnsafeBufferPointer { parse($0) }
    }
}
