internal import CSimdJSON
internal import Glibc

/// A value of a parsed text, looked at in place: plain pointers, valid only within the closure
/// that hands the cursor out.
///
/// Leads are read through it, a million of them without a copy of their nodes.
struct JSONCursor {
    private let nodes: UnsafeBufferPointer<lr_json_node>
    private let texts: UnsafeBufferPointer<UInt8>
    let index: Int

    init(
        nodes: UnsafeBufferPointer<lr_json_node>, text: UnsafeBufferPointer<UInt8>, index: Int
    ) {
        self.nodes = nodes
        texts = text
        self.index = index
    }

    private var node: lr_json_node { nodes[index] }

    /// What the value is.
    var kind: JSONValue.Kind {
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

    /// How many elements or members it has.
    var count: Int { Int(node.length) }

    /// The bytes of a string (unescaped) or number (as written).
    var bytes: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(rebasing: texts[Int(node.offset)..<Int(node.offset) + count])
    }

    /// The text of a string or number.
    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// The text of a string, a number as it was written, or `true`/`false`; nil for the rest.
    var scalarText: String? {
        switch kind {
        case .string, .number: text
        case .true: "true"
        case .false: "false"
        case .null, .array, .object: nil
        }
    }

    /// Whether the value is a string, a number or a boolean.
    var isScalar: Bool { kind != .null && kind != .array && kind != .object }

    /// The value of a boolean; nil for any other kind.
    var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// Calls `body` with each element of an array, in order; does nothing for any other kind.
    func forEachElement<E>(_ body: (JSONCursor) throws(E) -> Void) throws(E) {
        guard kind == .array else { return }
        var child = index + 1
        for _ in 0..<count {
            try body(at(child))
            child = Int(nodes[child].next)
        }
    }

    /// Calls `body` with name and value of each member of an object, in order.
    func forEachMember<E>(_ body: (JSONCursor, JSONCursor) throws(E) -> Void) throws(E) {
        guard kind == .object else { return }
        var name = index + 1
        for _ in 0..<count {
            try body(at(name), at(name + 1))
            name = Int(nodes[name + 1].next)
        }
    }

    /// The member of that name; nil when there is none or the value is no object.
    func member(_ name: StaticString) -> JSONCursor? {
        member(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// The member whose name has these bytes.
    func member(_ wanted: UnsafeBufferPointer<UInt8>) -> JSONCursor? {
        guard kind == .object else { return nil }
        var member = index + 1
        for _ in 0..<count {
            if at(member).isText(wanted) { return at(member + 1) }
            member = Int(nodes[member + 1].next)
        }
        return nil
    }

    /// Whether the string's bytes are those of the text.
    func isText(_ text: StaticString) -> Bool {
        isText(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private func isText(_ wanted: UnsafeBufferPointer<UInt8>) -> Bool {
        guard count == wanted.count else { return false }
        guard let a = bytes.baseAddress, let b = wanted.baseAddress else { return count == 0 }
        return memcmp(a, b, count) == 0
    }

    /// The value at another place of the same text.
    func at(_ index: Int) -> JSONCursor { JSONCursor(nodes: nodes, text: texts, index: index) }
}
