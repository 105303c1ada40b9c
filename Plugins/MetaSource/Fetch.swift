public import LeadKit
import Logging

/// Reading the leads that webhooks announced: per page, many ids in one call.
extension MetaSource {
    /// The most ids that one call takes (Graph API, "Reading multiple objects").
    private static let idsMax = 50
    /// The most that is read of an answer with single leads.
    private static let bytesMax = 4 << 20
    /// After so many refusals in a row the rest of a page is not asked for.
    private static let refusalsMax = 3

    /// Reads the leads, the pages beside one another; answers in the references' order.
    public func fetch(_ references: [LeadReference]) async -> [Result<Lead, FetchFailure>] {
        var groups: [String: [Int]] = [:]
        for (index, reference) in references.enumerated() {
            groups[reference.envelope[.pageID] ?? "", default: []].append(index)
        }
        var results: [Int: Result<Lead, FetchFailure>] = [:]
        await withTaskGroup(of: [Int: Result<Lead, FetchFailure>].self) { tasks in
            for (_, indices) in groups {
                tasks.addTask { await fetchPage(indices, of: references) }
            }
            for await part in tasks { results.merge(part) { first, _ in first } }
        }
        return references.indices.map { index in
            results[index] ?? .failure(FetchFailure(.retry(after: nil), "the lead was not read"))
        }
    }

    /// One page's references; what is no id never becomes a URL.
    private func fetchPage(
        _ indices: [Int], of references: [LeadReference]
    ) async -> [Int: Result<Lead, FetchFailure>] {
        var results: [Int: Result<Lead, FetchFailure>] = [:]
        let usable = indices.filter { GraphID(references[$0].id.text) != nil }
        for index in indices where !usable.contains(index) {
            results[index] = .failure(FetchFailure(.reject, "the id is not 1 to 19 digits"))
        }
        guard let first = usable.first else { return results }
        let page = references[first].envelope[.pageID]
        guard let token = config.token(page: page) else {
            let name = page.map { "page '\($0)'" } ?? "leads without page"
            let failure = FetchFailure(
                .halt, "no access token for \(name); add it under 'pages:'")
            for index in usable { results[index] = .failure(failure) }
            return results
        }
        let access = GraphClient.Access(page: page, token: token)
        for start in stride(from: 0, to: usable.count, by: MetaSource.idsMax) {
            let part = usable[start..<min(start + MetaSource.idsMax, usable.count)]
            let batch = part.map { references[$0] }
            for (index, result) in zip(part, await fetchBatch(batch, as: access)) {
                results[index] = result
            }
        }
        return results
    }

    /// One call for all; when one bad id spoils it, one call each.
    private func fetchBatch(
        _ batch: [LeadReference], as access: GraphClient.Access
    ) async -> [Result<Lead, FetchFailure>] {
        guard batch.count > 1 else { return await fetchSingly(batch, as: access) }
        let ids = batch.map(\.id.text).joined(separator: ",")
        do throws(GraphError) {
            let answer = try await read("/", ids: ids, as: access)
            var results: [Result<Lead, FetchFailure>] = []
            for reference in batch {
                guard let value = answer.value[reference.id.text] else {
                    results.append(.failure(.noLead))
                    continue
                }
                var writer = JSONWriter()
                writer.value(value)
                results.append(lead(value, raw: writer.bytes, for: reference))
            }
            return results
        } catch {
            switch error.kind {
            case .ambiguous, .permanent, .permission, .tooMuchData:
                return await fetchSingly(batch, as: access)
            default: return batch.map { _ in .failure(error.failure) }
            }
        }
    }

    /// One call a lead. A fault that the next would meet, too, ends it for the rest.
    private func fetchSingly(
        _ batch: [LeadReference], as access: GraphClient.Access
    ) async -> [Result<Lead, FetchFailure>] {
        var results: [Result<Lead, FetchFailure>] = []
        var refusals = 0
        for reference in batch {
            do throws(GraphError) {
                let answer = try await read("/\(reference.id.text)", ids: nil, as: access)
                results.append(lead(answer.value, raw: answer.body, for: reference))
                refusals = 0
            } catch {
                results.append(.failure(error.failure))
                refusals = error.kind == .permission ? refusals + 1 : 0
                if error.kind.concernsAll || refusals == MetaSource.refusalsMax {
                    let rest = batch.count - results.count
                    return results + Array(repeating: .failure(error.failure), count: rest)
                }
            }
        }
        return results
    }

    private func read(
        _ path: String, ids: String?, as access: GraphClient.Access
    ) async throws(GraphError) -> (value: JSONValue, body: [UInt8]) {
        try await withFields { fields throws(GraphError) in
            var parameters = [(name: "fields", value: fields)]
            if let ids { parameters.append(("ids", ids)) }
            return try await graph.get(
                path, parameters, as: access, bytesMax: MetaSource.bytesMax)
        }
    }

    /// Calls with the wanted fields, and once more with the short list if the API does not know one.
    func withFields<Value: Sendable>(
        _ call: (String) async throws(GraphError) -> Value
    ) async throws(GraphError) -> Value {
        let wanted = fields.current
        do throws(GraphError) {
            return try await call(wanted)
        } catch {
            guard error.kind == .unknownField, fields.fallBack(from: wanted) else { throw error }
            logger.warning(
                "the Graph API does not know one of 'fields'; the short list is used from now on",
                metadata: ["reason": "\(error.reason)"])
            return try await call(fields.current)
        }
    }

    /// The lead that was asked for, and no other.
    private func lead(
        _ value: JSONValue, raw: [UInt8], for reference: LeadReference
    ) -> Result<Lead, FetchFailure> {
        guard value.kind == .object, let id = value["id"], id.kind != .null else {
            return .failure(.noLead)
        }
        guard GraphID(id)?.text == reference.id.text else {
            return .failure(FetchFailure(.reject, "graph answered with another lead"))
        }
        let reader = LeadReader(source: instance, receivedTime: time.now())
        do throws(LeadError) {
            var lead = try reader.graph(value, raw: raw)
            lead.envelope.complete(from: reference.envelope)
            return .success(lead)
        } catch {
            return .failure(FetchFailure(.reject, error.description))
        }
    }
}

extension GraphError.Kind {
    /// Whether the next call of the same page would fail the same way.
    fileprivate var concernsAll: Bool {
        switch self {
        case .throttled, .unreachable, .token, .proof: true
        default: false
        }
    }
}

extension FetchFailure {
    fileprivate static var noLead: FetchFailure {
        FetchFailure(.retry(after: nil), "graph answered without the lead")
    }
}

extension Envelope {
    /// Takes over what the announcement knew and the lead node does not say: the page, for one.
    /// The time of reception is the announcement's.
    fileprivate mutating func complete(from announcement: Envelope) {
        for attribute in LeadAttribute.allCases where self[attribute] == nil {
            self[attribute] = announcement[attribute]
        }
        if let received = announcement[.receivedTime] { self[.receivedTime] = received }
    }
}
