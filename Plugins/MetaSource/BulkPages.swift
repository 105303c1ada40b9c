import LeadKit
import Logging

/// The pages of one edge, one after the other.
///
/// Only `next` tells whether there is more: a page may be short or empty and not be the last, and
/// the last one has cursors, too. What is called is always our own address with the cursor: `next`
/// holds the token, lacks the proof, and could name any host.
struct BulkPages {
    /// Pages read.
    private(set) var count = 0
    let access: GraphClient.Access

    private let source: MetaSource
    private let path: String
    private let fields: String?
    private let filtering: String?
    private var limit = 100
    private var cursor: String?
    /// Where the page read last says that there is more.
    private var paging: JSONValue?
    private var seen: Set<String> = []
    private var isAtEnd = false

    /// No form has so many leads that this is reached.
    private static let countMax = 100_000
    private static let cursorBytesMax = 4096
    /// The most that is read of a page.
    private static let bytesMax = 64 << 20

    /// The edge at `path`; without `fields`, the lead fields of the settings are asked for.
    init(
        source: MetaSource, path: String, access: GraphClient.Access, fields: String? = nil,
        filtering: String? = nil
    ) {
        self.source = source
        self.path = path
        self.access = access
        self.fields = fields
        self.filtering = filtering
    }

    /// The elements of the next page; nil behind the last.
    ///
    /// - Throws: `GraphError` when the API refuses, `FetchFailure` when paging leads nowhere,
    ///   `CancellationError`.
    mutating func next() async throws -> [JSONValue]? {
        // Not earlier: where paging leads nowhere, the leads of the page before are still taken.
        if count > 0 { try moveOn() }
        guard !isAtEnd else { return nil }
        let page = try await read()
        guard let list = page["data"], list.kind == .array else {
            throw FetchFailure(.retry(after: nil), "a page of \(path) has no list 'data'")
        }
        count += 1
        paging = page["paging"]
        return list.elements
    }

    /// Reads the page, in smaller portions when the API says that it is too much.
    private mutating func read() async throws -> JSONValue {
        while true {
            do {
                return try await source.patiently { [self] in try await call() }
            } catch let error as GraphError where error.kind == .tooMuchData && limit > 1 {
                limit /= 2
                source.logger.info(
                    "the Graph API asks for smaller pages", metadata: ["limit": "\(limit)"])
            }
        }
    }

    private func call() async throws(GraphError) -> JSONValue {
        if let fields { return try await call(fields: fields) }
        return try await source.withFields { fields throws(GraphError) in
            try await call(fields: fields)
        }
    }

    private func call(fields: String) async throws(GraphError) -> JSONValue {
        var parameters = [(name: "fields", value: fields), (name: "limit", value: "\(limit)")]
        if let filtering { parameters.append(("filtering", filtering)) }
        if let cursor { parameters.append(("after", cursor)) }
        return try await source.graph.get(
            path, parameters, as: access, bytesMax: BulkPages.bytesMax
        ).value
    }

    private mutating func moveOn() throws(FetchFailure) {
        guard let next = paging?["next"]?.string, !next.isEmpty else {
            isAtEnd = true
            return
        }
        // An empty page may have no cursors of its own; then 'next' says where to go on.
        let own = paging?["cursors"]?["after"]?.string
        let after = own ?? GraphAddress.parameter("after", of: next)
        guard let after, !after.isEmpty, after.utf8.count <= BulkPages.cursorBytesMax else {
            throw FetchFailure(.halt, "a page of \(path) has 'next' and no usable cursor")
        }
        guard seen.insert(after).inserted else {
            throw FetchFailure(.halt, "paging of \(path) goes in circles: a cursor came twice")
        }
        guard count < BulkPages.countMax else {
            throw FetchFailure(.halt, "\(path) has over \(BulkPages.countMax) pages")
        }
        cursor = after
    }
}

extension MetaSource {
    /// How often one page is asked for, or offered to the inbox.
    private static var triesMax: Int { 6 }

    /// Does something that may fail for a while: waits and tries again, a bounded number of times.
    ///
    /// - Throws: what the last try threw; at once what waiting does not cure.
    func patiently<Value: Sendable>(
        _ action: () async throws -> Value
    ) async throws -> Value {
        for attempt in 1..<MetaSource.triesMax {
            do {
                return try await action()
            } catch {
                guard let wait = MetaSource.wait(after: error, attempt: attempt) else {
                    throw error
                }
                logger.info(
                    "waiting before trying again",
                    metadata: ["seconds": "\(wait.components.seconds)", "reason": "\(error)"])
                try await time.sleep(wait)
            }
        }
        return try await action()
    }

    /// Doubling from two seconds, or what the other side asked for; nil when waiting is useless.
    private static func wait(after error: any Error, attempt: Int) -> Duration? {
        switch error {
        case let error as GraphError:
            switch error.kind {
            case .throttled(let after, _): after
            case .transient, .unreachable: .seconds(1 << attempt)
            default: nil
            }
        case IntakeError.overloaded(let seconds): .seconds(max(1, min(seconds, 3600)))
        default: nil
        }
    }
}
