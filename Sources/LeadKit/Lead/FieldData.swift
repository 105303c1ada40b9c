/// The answers of a form: ordered, each a name and any number of values, duplicates kept.
public struct FieldData: Sendable, Equatable, RandomAccessCollection, ExpressibleByArrayLiteral {
    @usableFromInline var fields: [Field]

    /// Makes answers from fields in order.
    public init(_ fields: [Field] = []) { self.fields = fields }

    /// Makes answers from fields in order.
    public init(arrayLiteral elements: Field...) { fields = elements }

    /// The first position.
    public var startIndex: Int { fields.startIndex }
    /// The position behind the last.
    public var endIndex: Int { fields.endIndex }
    /// The answer at a position.
    public subscript(position: Int) -> Field { fields[position] }

    /// Appends an answer; a repeated name stays a field of its own.
    public mutating func append(_ field: Field) { fields.append(field) }

    /// Makes room for that many answers.
    mutating func reserveCapacity(_ count: Int) { fields.reserveCapacity(count) }

    /// Calls `body` with the answers in one piece of memory; it must not let it escape.
    @inlinable public func withFields<Result>(
        _ body: (UnsafeBufferPointer<Field>) throws -> Result
    ) rethrows -> Result {
        try fields.withUnsafeBufferPointer(body)
    }

    /// All values of the fields of that name, compared byte for byte, in order.
    public subscript(name: String) -> [String] {
        fields.lazy.filter { $0.name.utf8.elementsEqual(name.utf8) }.flatMap(\.values)
    }
}

/// One answer: the question's name and the values chosen or typed.
public struct Field: Sendable, Equatable {
    /// The question's name, as received.
    public var name: String
    /// The values as received; may be empty or hold blank texts.
    public var values: [String]

    /// Makes an answer.
    public init(_ name: String, _ values: [String]) {
        self.name = name
        self.values = values
    }

    /// Makes an answer with one value.
    public init(_ name: String, _ value: String) { self.init(name, [value]) }
}
