import LeadKit

/// Why a request is refused whole. The message says nothing of its content.
struct Refusal: Error, Sendable {
    var status: Int
    var message: String

    /// The body is not what its type says: nothing of it can be trusted.
    static func malformed(_ message: String) -> Refusal { Refusal(status: 400, message: message) }

    /// A type or an encoding that is not read.
    static func unsupported(_ message: String) -> Refusal { Refusal(status: 415, message: message) }
}

/// What one POST holds, ready for the inbox: the usable as leads, the rest to be kept aside.
struct Submission {
    private(set) var items: [InboxItem] = []
    private var reader: LeadReader

    /// Reads the body as its content type says, with a reader that is told the request's time.
    ///
    /// - Throws: `Refusal` when it cannot be read whole.
    init(_ request: WebhookRequest, reader: LeadReader) throws(Refusal) {
        self.reader = reader
        self.reader.receivedTime = request.receivedTime
        guard request.headers("content-encoding").isEmpty else {
            throw .unsupported("send the body without content encoding")
        }
        let types = request.headers("content-type")
        guard types.count == 1, let type = ContentType(types[0]) else {
            throw .unsupported("name one content type")
        }
        if let charset = type["charset"], !charset.isUTF8Name {
            throw .unsupported("send UTF-8")
        }
        switch type.name {
        case "application/x-www-form-urlencoded":
            readForm(try FormURLEncoded.fields(request.body), raw: request.body)
        case "multipart/form-data":
            let form = try Multipart.form(request.body, boundary: type["boundary"])
            // A form with files is kept without them: nobody asked for the files.
            let hasFiles = form.filesSkipped > 0
            readForm(form.fields, raw: hasFiles ? Submission.raw(form.fields) : request.body)
        case "application/x-ndjson", "application/ndjson", "application/jsonl":
            try readLines(request.body)
        case let name where ContentType.isJSON(name):
            try readJSON(request.body)
        default: throw .unsupported("send JSON, NDJSON, urlencoded or multipart form data")
        }
        guard keptAside <= Submission.keptAsideMax else {
            throw .malformed("over \(Submission.keptAsideMax) of its items are no leads")
        }
    }

    /// How many items of one POST are kept aside at most: each is a row.
    static let keptAsideMax = 1_000
    private var keptAside = 0

    private mutating func readForm(_ fields: [Field], raw: [UInt8]) {
        add(raw: raw) { reader throws(LeadError) in
            if fields.isEmpty { throw LeadError("the form is empty") }
            return try reader.form(fields, raw: raw)
        }
    }

    /// The fields in the shape of a lead, also those of one name.
    private static func raw(_ fields: [Field]) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("field_data")
            writer.array { writer in
                for field in fields {
                    writer.object { writer in
                        writer.name("name")
                        writer.string(field.name)
                        writer.name("values")
                        writer.array { writer in field.values.forEach { writer.string($0) } }
                    }
                }
            }
        }
        return writer.bytes
    }

    private mutating func readJSON(_ body: [UInt8]) throws(Refusal) {
        let root = try Submission.parse(body[...], what: "the body")
        if root.kind == .array { return read(root.elements) }
        for name in ["leads", "data"] where root["field_data"] == nil {
            if let list = root.leads(in: name) { return read(list) }
        }
        add(root, raw: body)
    }

    private mutating func read(_ elements: [JSONValue]) {
        for element in elements {
            var writer = JSONWriter()
            writer.value(element)
            add(element, raw: writer.bytes)
        }
    }

    /// One line, one lead. A line that is no JSON is kept aside, as an element of a list would be that
    /// is no lead; a body of which no line is JSON is not what its type says.
    private mutating func readLines(_ body: [UInt8]) throws(Refusal) {
        var number = 0
        var firstBad: Refusal?
        var hasGood = false
        for line in body.split(separator: 0x0A, omittingEmptySubsequences: false) {
            number += 1
            guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
            do throws(Refusal) {
                add(try Submission.parse(line, what: "line \(number)"), raw: Array(line))
                hasGood = true
            } catch {
                firstBad = firstBad ?? error
                keepAside(Array(line), error.message)
            }
        }
        if let firstBad, !hasGood { throw firstBad }
    }

    private static func parse(
        _ text: ArraySlice<UInt8>, what: String
    ) throws(Refusal) -> JSONValue {
        do throws(JSONError) {
            return try JSONDocument.parse(text).root
        } catch {
            throw .malformed("\(what): \(error)")
        }
    }

    private mutating func add(_ value: JSONValue, raw: [UInt8]) {
        add(raw: raw) { reader throws(LeadError) in
            if value.kind == .object, value.members.isEmpty {
                throw LeadError("the object is empty")
            }
            return try reader.lead(value, raw: raw)
        }
    }

    private mutating func add(
        raw: [UInt8], _ read: (LeadReader) throws(LeadError) -> Lead
    ) {
        do throws(LeadError) {
            items.append(.lead(try read(reader)))
        } catch {
            keepAside(raw, error.description)
        }
    }
}

extension Submission {
    private mutating func keepAside(_ raw: [UInt8], _ reason: String) {
        keptAside += 1
        // Beyond that all is refused, and nothing need be made for it.
        guard keptAside <= Submission.keptAsideMax else { return }
        items.append(.quarantined(source: reader.source, raw: raw, reason: reason))
    }
}

extension JSONValue {
    /// The leads that an object wraps in a member; nil when the member is an answer, such as a list
    /// of texts.
    ///
    /// One object among the elements makes it a wrapper: what else is in it is kept aside. An empty
    /// list is one only if nothing stands beside it that could be a lead's answer.
    fileprivate func leads(in name: String) -> [JSONValue]? {
        guard let list = self[name], list.kind == .array else { return nil }
        let elements = list.elements
        let isWrapper =
            elements.isEmpty
            ? members.allSatisfy { $0.name == name || $0.name == "paging" }
            : elements.contains { $0.kind == .object }
        return isWrapper ? elements : nil
    }
}
