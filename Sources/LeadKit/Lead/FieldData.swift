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
    // Nearly every answer has one value. It stands here itself: a list would be a piece of memory
    // of its own, to be made for each answer and looked up for each.
    @usableFromInline var first: String?
    @usableFromInline var others: [String]

    /// Makes an answer.
    public init(_ name: String, _ values: [String]) {
        self.name = name
        first = values.first
        others = values.count > 1 ? Array(values.dropFirst()) : []
    }

    /// Makes an answer with one value.
    public init(_ name: String, _ value: String) {
        self.name = name
        first = value
        others = []
    }

    /// The values as received; may be empty or hold blank texts.
    public var values: [String] {
        get { first.map { [$0] + others } ?? [] }
        set { self = Field(name, newValue) }
    }

    /// Appends a value.
    public mutating func append(_ value: String) {
        if first == nil { first = value } else { others.append(value) }
    }

    /// Calls `body` with each value in order, without making a list of them.
    @inlinable public func forEachValue<Failure: Error>(
        _ body: (String) throws(Failure) -> Void
    ) throws(Failure) {
        guard let first else { return }
        try body(first)
        if others.isEmpty { return }
        for value in others { try body(value) }
    }
}
