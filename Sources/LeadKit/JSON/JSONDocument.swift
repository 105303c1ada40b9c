internal import CSimdJSON

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

    fileprivate let nodes: [lr_json_node]
    fileprivate let text: [UInt8]

    fileprivate init(nodes: [lr_json_node], text: [UInt8]) {
        self.nodes = nodes
        self.text = text
    }

    /// The value that the text is.
    public var root: JSONValue { JSONValue(document: self, index: 0) }

    /// Parses one text.
    ///
    /// - Throws: `JSONError` for anything but one strict JSON value within the limits.
    public static func parse(
        _ bytes: some Collection<UInt8>, limits: Limits = Limits()
    ) throws(JSONError) -> JSONDocument {
        try JSONParser(limits: limits).parse(bytes)
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
    private let limits: JSONDocument.Limits

    /// Makes a parser.
    public init(limits: JSONDocument.Limits = .init()) {
        guard let handle = lr_json_create() else { fatalError("out of memory") }
        self.handle = handle
        self.limits = limits
    }

    deinit { lr_json_destroy(handle) }

    /// Parses one text.
    ///
    /// - Throws: `JSONError` for anything but one strict JSON value within the limits.
    public func parse(_ bytes: some Collection<UInt8>) throws(JSONError) -> JSONDocument {
        let status = bytes.withContiguousStorageIfAvailable { parse($0) } ?? parseCopy(bytes)
        switch Int(status) {
        case LR_JSON_OK: break
        case LR_JSON_DEPTH: throw JSONError("JSON nests past \(limits.depthMax) levels")
        case LR_JSON_TOO_MANY: throw JSONError("JSON has over \(limits.valuesMax) values")
        default: throw JSONError("not valid JSON: \(String(cString: lr_json_message(handle)))")
        }
        var nodeCount = 0
        var textCount = 0
        let nodes = lr_json_nodes(handle, &nodeCount)
        let text = lr_json_text(handle, &textCount)
        let document = JSONDocument(
            nodes: Array(UnsafeBufferPointer(start: nodes, count: nodeCount)),
            text: Array(UnsafeBufferPointer(start: text, count: textCount)))
        try document.refuseDuplicateNames()
        return document
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

extension JSONDocument {
    /// Names are compared as bytes after unescaping (CVE-2017-12635 came from two parsers that
    /// chose differently among duplicates; we choose neither).
    fileprivate func refuseDuplicateNames() throws(JSONError) {
        for index in nodes.indices where nodes[index].kind == UInt32(LR_JSON_OBJECT) {
            let count = Int(nodes[index].length)
            guard count > 1 else { continue }
            if count <= 16 {
                try refuseDuplicatesByPairs(in: index, count: count)
            } else {
                try refuseDuplicatesBySet(in: index, count: count)
            }
        }
    }

    private func refuseDuplicatesByPairs(in object: Int, count: Int) throws(JSONError) {
        var name = object + 1
        for position in 1..<count {
            name = Int(nodes[name + 1].next)
            var earlier = object + 1
            for _ in 0..<position {
                if nodes[earlier].length == nodes[name].length, bytes(earlier) == bytes(name) {
                    throw .duplicate
                }
                earlier = Int(nodes[earlier + 1].next)
            }
        }
    }

    private func refuseDuplicatesBySet(in object: Int, count: Int) throws(JSONError) {
        var seen = Set<ByteKey>(minimumCapacity: count)
        var name = object + 1
        for _ in 0..<count {
            guard seen.insert(ByteKey(bytes: bytes(name))).inserted else { throw .duplicate }
            name = Int(nodes[name + 1].next)
        }
    }

    /// Bytes that are equal only when every byte is, unlike `String`, which merges canonical twins.
    private struct ByteKey: Hashable {
        let bytes: ArraySlice<UInt8>
        static func == (a: ByteKey, b: ByteKey) -> Bool { a.bytes.elementsEqual(b.bytes) }
        func hash(into hasher: inout Hasher) {
            bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
    }

    fileprivate func bytes(_ index: Int) -> ArraySlice<UInt8> {
        let node = nodes[index]
        return text[Int(node.offset)..<Int(node.offset) + Int(node.length)]
    }
}

extension JSONError {
    fileprivate static var duplicate: JSONError {
        JSONError("a JSON object has the same name twice")
    }
}

/// One value of a parsed JSON text. It keeps the text it came from alive.
public struct JSONValue: Sendable {
    /// What a value is.
    public enum Kind: Sendable {
        /// One of the six kinds of RFC 8259, `true` and `false` apart.
        case null, `false`, `true`, number, string, array, object
    }

    fileprivate let document: JSONDocument
    fileprivate let index: Int

    private var node: lr_json_node { document.nodes[index] }

    /// What the value is.
    public var kind: Kind {
        switch Int(node.kind) {
        case LR_JSON_FALSE: .false
        case LR_JSON_TRUE: .true
        case LR_JSON_NUMBER: .number
        case LR_JSON_STRING: .string
        case LR_JSON_ARRAY: .array
        case LR_JSON_OBJECT: .object
        default: .null
        }
    }

    /// The text of a string; nil for any other kind.
    public var string: String? {
        kind == .string ? String(decoding: document.bytes(index), as: UTF8.self) : nil
    }

    /// The text of a string, a number as it was written, or `true`/`false`; nil for the rest.
    public var scalarText: String? {
        switch kind {
        case .string, .number: String(decoding: document.bytes(index), as: UTF8.self)
        case .true: "true"
        case .false: "false"
        case .null, .array, .object: nil
        }
    }

    /// The value of a boolean; nil for any other kind.
    public var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// A whole number that was written without point or exponent and fits; else nil.
    public var integer: Int? {
        kind == .number ? Int(String(decoding: document.bytes(index), as: UTF8.self)) : nil
    }

    /// The elements of an array; empty for any other kind.
    public var elements: [JSONValue] {
        guard kind == .array else { return [] }
        var result: [JSONValue] = []
        result.reserveCapacity(Int(node.length))
        var child = index + 1
        for _ in 0..<node.length {
            result.append(JSONValue(document: document, index: child))
            child = Int(document.nodes[child].next)
        }
        return result
    }

    /// The members of an object in the order written; empty for any other kind.
    public var members: [(name: String, value: JSONValue)] {
        guard kind == .object else { return [] }
        var result: [(name: String, value: JSONValue)] = []
        result.reserveCapacity(Int(node.length))
        var name = index + 1
        for _ in 0..<node.length {
            result.append(
                (
                    String(decoding: document.bytes(name), as: UTF8.self),
                    JSONValue(document: document, index: name + 1)
                ))
            name = Int(document.nodes[name + 1].next)
        }
        return result
    }

    /// The member of that name; nil when there is none or the value is no object.
    public subscript(name: String) -> JSONValue? {
        guard kind == .object else { return nil }
        var member = index + 1
        for _ in 0..<node.length {
            if document.bytes(member).elementsEqual(name.utf8) {
                return JSONValue(document: document, index: member + 1)
            }
            member = Int(document.nodes[member + 1].next)
        }
        return nil
    }
}
