import LeadKit

/// Asks the Graph API, and says of every failure what kind it is. Never retries.
///
/// The token goes into the `Authorization` header: URLs end up in logs. Redirects are not followed,
/// and no URL that an answer holds is ever called.
struct GraphClient: Sendable {
    /// On whose behalf a call is made: a page's token, and the page whose limits count.
    struct Access: Sendable {
        var page: String?
        var token: Secret
    }

    private let base: String
    private let transport: any GraphTransport
    private let proofSecret: Secret?
    private let mask: SecretMask
    private let gate: UsageGate

    init(config: MetaConfig, transport: any GraphTransport, time: SourceTime) {
        base = GraphAddress.base(url: config.graphURL, version: config.graphVersion)
        self.transport = transport
        gate = UsageGate(time: time)
        proofSecret = config.appsecretProof ? config.appSecrets.first : nil
        var tokens = config.pages.entries.map(\.value.accessToken)
        if let token = config.defaultAccessToken { tokens.append(token) }
        let proofs = proofSecret.map { secret in
            tokens.map { Signature.proof(token: $0, secret: secret) }
        }
        mask = SecretMask(
            (tokens + config.appSecrets + config.verifyTokens).map(\.revealed) + (proofs ?? []))
    }

    /// The answer to a GET of a path below the version, such as `/123/leads`.
    ///
    /// - Parameter bytesMax: a longer answer counts as too much data.
    func get(
        _ path: String, _ parameters: [(name: String, value: String)], as access: Access,
        bytesMax: Int
    ) async throws(GraphError) -> (value: JSONValue, body: [UInt8]) {
        let page = access.page ?? ""
        if let wait = gate.wait(page: page) {
            throw GraphError(
                kind: .throttled(after: wait, isApp: false),
                reason: "waiting until the limit of the Graph API allows calls again")
        }
        let reply: GraphReply
        do throws(GraphLoss) {
            reply = try await transport.get(request(path, parameters, access, bytesMax))
        } catch {
            throw GraphError(kind: .unreachable, reason: mask.masked("graph: \(error.message)"))
        }
        return (try answer(in: reply, page: page), reply.body)
    }

    private func request(
        _ path: String, _ parameters: [(name: String, value: String)], _ access: Access,
        _ bytesMax: Int
    ) -> GraphRequest {
        var parameters = parameters
        if let proofSecret {
            let proof = Signature.proof(token: access.token, secret: proofSecret)
            parameters.append(("appsecret_proof", proof))
        }
        return GraphRequest(
            url: base + path + GraphAddress.query(parameters),
            headers: [
                ("authorization", "Bearer \(access.token.revealed)"),
                ("accept", "application/json"),
            ], replyBytesMax: bytesMax)
    }

    /// A body with `error` is a failure also under status 200.
    private func answer(in reply: GraphReply, page: String) throws(GraphError) -> JSONValue {
        let usage = GraphUsage(reply)
        gate.heed(usage, page: page)
        guard !reply.isTruncated else {
            throw GraphError(kind: .tooMuchData, reason: "graph answered more than is read")
        }
        guard let document = try? JSONDocument.parse(reply.body, limits: GraphClient.limits) else {
            throw GraphError(kind: .transient, reason: "graph answered \(reply.status) and no JSON")
        }
        if let fault = GraphFault(document.root) {
            let kind = fault.kind(usage: usage)
            if case .throttled(let after, let isApp) = kind {
                gate.pause(page: page, isApp: isApp, for: after)
            }
            throw GraphError(kind: kind, reason: mask.masked(fault.text(status: reply.status)))
        }
        guard (200...299).contains(reply.status) else {
            throw GraphError(kind: .transient, reason: "graph answered \(reply.status)")
        }
        return document.root
    }

    /// A page of a bulk read may hold many leads.
    private static let limits = JSONDocument.Limits(valuesMax: 5_000_000)
}
