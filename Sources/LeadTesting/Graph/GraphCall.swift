internal import Crypto
internal import LeadKit
internal import Synchronization

/// One request to the fake Graph API: reads its parameters, checks its token, finds its handler.
struct GraphCall {
    let api: FakeGraphAPI
    let request: RecordedRequest
    /// The path without the version.
    private let parts: [String]
    private let version: String
    private let parameters: [String: String]

    init(api: FakeGraphAPI, request: RecordedRequest) {
        self.api = api
        self.request = request
        let (parts, version) = GraphCall.split(path: request.path)
        self.parts = parts
        self.version = GraphCall.available(version)
        parameters = GraphCall.parameters(of: request)
    }

    /// What the service would answer.
    func response() -> FakeResponse {
        var writer = JSONWriter()
        do throws(GraphError) {
            let token = try authorise(parameters)
            try answer(token: token, to: &writer)
            return response(200, writer, headers: ["x-app-usage": GraphCall.usage])
        } catch {
            writer.removeAll()
            error.write(to: &writer)
            return response(error.status, writer, headers: error.headers)
        }
    }

    private func response(
        _ status: Int, _ writer: JSONWriter, headers: [String: String]
    ) -> FakeResponse {
        let fixed = [
            ("content-type", "application/json; charset=UTF-8"), ("facebook-api-version", version),
        ]
        return FakeResponse(
            status: status, headers: fixed + headers.map { ($0.key, $0.value) },
            body: ASCIIJSON.escape(writer.bytes))
    }

    private static let usage = #"{"call_count":3,"total_cputime":1,"total_time":2}"#
}

// MARK: Reading the request

extension GraphCall {
    /// The parts of a path between any number of slashes, without the version in front.
    static func split(path: String) -> (parts: [String], version: String?) {
        let parts = path.utf8.split(separator: UInt8(ascii: "/"))
            .map { String(decoding: $0, as: UTF8.self) }
        guard let first = parts.first, isVersion(first) else { return (parts, nil) }
        return (Array(parts.dropFirst()), first)
    }

    private static func isVersion(_ text: String) -> Bool {
        let numbers = text.utf8.dropFirst().split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return text.utf8.first == UInt8(ascii: "v") && numbers.count == 2
            && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }
    }

    /// Without a version the oldest available is used; an unknown one moves to an available one.
    private static func available(_ version: String?) -> String {
        let known = (21...26).map { "v\($0).0" }
        guard let version else { return known[0] }
        if known.contains(version) { return version }
        let digits = version.utf8.dropFirst().prefix { $0 != UInt8(ascii: ".") }
        let major = Int(String(decoding: digits, as: UTF8.self)) ?? 0
        return major > 26 ? known[known.count - 1] : known[0]
    }

    /// The last one of a name wins, and the body wins over the query.
    private static func parameters(of request: RecordedRequest) -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in request.query + bodyParameters(of: request) { result[name] = value }
        return result
    }

    private static func bodyParameters(of request: RecordedRequest) -> FormDecoding.Parameters {
        guard let type = request.header("content-type"), !request.body.isEmpty else { return [] }
        if ByteSearch.contains(type, "urlencoded") { return request.form }
        if ByteSearch.contains(type, "multipart") {
            return FormDecoding.multipart(request.body, contentType: type)
        }
        guard ByteSearch.contains(type, "json"),
            let document = try? JSONDocument.parse(request.body)
        else { return [] }
        return document.root.members.map { ($0.name, text($0.value)) }
    }

    /// A parameter as text: lists and objects as JSON.
    static func text(_ value: JSONValue) -> String {
        if let text = value.scalarText { return text }
        var writer = JSONWriter()
        writer.value(value)
        return writer.text
    }
}

// MARK: Token and proof

extension GraphCall {
    /// The token, if it may be used.
    func authorise(_ parameters: [String: String]) throws(GraphError) -> String {
        var token = parameters["access_token"] ?? ""
        if token.isEmpty, let header = request.header("authorization"),
            header.lowercased().utf8.starts(with: "bearer ".utf8)
        {
            token = String(decoding: header.utf8.dropFirst(7), as: UTF8.self).trimmed
        }
        switch token {
        case "": throw .missingToken
        case "EXPIRED": throw .expiredToken
        case "THROTTLE": throw .throttled(page: api.options.pageID, minutes: 37)
        case "FLAKY":
            let number = api.state.withLock { state in
                state.flakyCalls += 1
                return state.flakyCalls
            }
            if number % 3 != 0 { throw .transient }
        default:
            if let tokens = api.options.tokens, !tokens.contains(token) { throw .invalidToken }
        }
        try checkProof(parameters["appsecret_proof"], token: token)
        return token
    }

    private func checkProof(_ proof: String?, token: String) throws(GraphError) {
        guard let proof else {
            if api.options.requiresProof { throw .missingProof }
            return
        }
        guard let secret = api.options.appSecret else { return }
        guard proof == FakeGraphAPI.hmac(Array(token.utf8), secret: secret) else {
            throw .wrongProof
        }
    }

    /// Counts the call, and fails it if a fault waits for it.
    private func count(_ call: FakeGraphAPI.Call) throws(GraphError) {
        api.state.withLock { $0.calls[call, default: 0] += 1 }
        // A batch answers as a whole; only its items fail.
        guard call != .batch else { return }
        if let fault = api.faults.take(call) ?? api.faults.take(nil) { throw fault }
    }
}

// MARK: Handlers

extension GraphCall {
    private func answer(token: String, to writer: inout JSONWriter) throws(GraphError) {
        if parts.isEmpty, request.method == "POST", let batch = parameters["batch"] {
            try count(.batch)
            return try answer(batch: batch, token: token, to: &writer)
        }
        if parts.isEmpty, let ids = parameters["ids"] {
            try count(.ids)
            return try answer(ids: ids, to: &writer)
        }
        try answer(
            request.method, parts, parameters.merging(["access_token": token]) { $1 }, to: &writer)
    }

    private func answer(
        _ method: String, _ parts: [String], _ parameters: [String: String],
        to writer: inout JSONWriter
    ) throws(GraphError) {
        let edge = GraphEdge(api: api, parameters: parameters, url: url(of: parts))
        switch (method, parts.count, parts.last) {
        case ("GET", 1, let id?): try node(id, parameters, to: &writer)
        case ("DELETE", 1, let id?):
            try count(.delete)
            guard api.remove(id) else { throw .unknownObject(id, method: "delete") }
            GraphCall.success(to: &writer)
        case ("GET", 2, "leads"):
            try count(.leads)
            try edge.leads(of: parts[0], to: &writer)
        case ("GET", 2, "test_leads"):
            try count(.testLeads)
            try edge.testLeads(of: parts[0], to: &writer)
        case ("POST", 2, "test_leads"):
            try count(.testLeads)
            try edge.createTestLead(of: parts[0], to: &writer)
        case ("GET", 2, "leadgen_forms"):
            try count(.forms)
            try edge.forms(of: parts[0], to: &writer)
        case (_, 2, "subscribed_apps"):
            try count(.subscribedApps)
            guard method == "GET" else { return GraphCall.success(to: &writer) }
            edge.subscribedApps(to: &writer)
        default:
            try count(.other)
            throw .unknownPath(Array(parts.dropFirst()))
        }
    }

    private func node(
        _ id: String, _ parameters: [String: String], to writer: inout JSONWriter
    ) throws(GraphError) {
        let wanted = GraphEdge.fields(parameters)
        if let lead = api.state.withLock({ $0.leads.byID[id] }) {
            try count(.lead)
            return try lead.write(wanted ?? GraphLead.defaultFields, to: &writer)
        }
        let forms = api.forms
        if let form = forms.first(where: { $0.id == id }) {
            try count(.node)
            return try form.write(wanted ?? GraphForm.defaultFields, to: &writer)
        }
        if id == api.options.pageID {
            try count(.node)
            return GraphForm.writePage(id, to: &writer)
        }
        try count(.lead)
        throw .unknownObject(id)
    }

    /// One unreadable id fails the whole call.
    private func answer(ids: String, to writer: inout JSONWriter) throws(GraphError) {
        let ids = ids.utf8.split(separator: UInt8(ascii: ","))
            .map { String(decoding: $0, as: UTF8.self).trimmed }
        guard ids.count <= 50 else { throw .parameter("Too many IDs requested. Maximum is 50") }
        try writer.object { (writer) throws(GraphError) in
            for id in Set(ids).sorted() {
                writer.name(id)
                try node(id, parameters, to: &writer)
            }
        }
    }

    private func answer(
        batch text: String, token: String, to writer: inout JSONWriter
    ) throws(GraphError) {
        guard let items = try? JSONDocument.parse(Array(text.utf8)).root, items.kind == .array
        else {
            throw .parameter("param batch must be an array.")
        }
        guard items.elements.count <= 50 else { throw .batchTooLarge }
        writer.array { writer in
            for item in items.elements { answer(item: item, token: token, to: &writer) }
        }
    }

    private func answer(item: JSONValue, token: String, to writer: inout JSONWriter) {
        let target = Array((item["relative_url"]?.string ?? "").utf8)
        let halves = target.split(
            separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
        var inner = ["access_token": token]
        let pairs =
            (halves.count > 1 ? FormDecoding.urlEncoded(halves[1]) : [])
            + FormDecoding.urlEncoded(Array((item["body"]?.string ?? "").utf8))
        for (name, value) in pairs { inner[name] = value }
        let (parts, _) = GraphCall.split(path: String(decoding: halves[0], as: UTF8.self))
        var body = JSONWriter()
        var status = 200
        do throws(GraphError) {
            if inner["access_token"] != token { _ = try authorise(inner) }
            try answer(item["method"]?.string ?? "GET", parts, inner, to: &body)
        } catch {
            body.removeAll()
            error.write(to: &body)
            status = error.status
        }
        GraphCall.write(
            item: status, body: String(decoding: ASCIIJSON.escape(body.bytes), as: UTF8.self),
            hasHeaders: parameters["include_headers"] != "false", to: &writer)
    }

    private static func write(
        item status: Int, body: String, hasHeaders: Bool, to writer: inout JSONWriter
    ) {
        writer.object { writer in
            writer.name("code")
            writer.integer(status)
            if hasHeaders {
                writer.name("headers")
                writer.array { writer in
                    writer.object { writer in
                        writer.name("name")
                        writer.string("Content-Type")
                        writer.name("value")
                        writer.string("application/json; charset=UTF-8")
                    }
                }
            }
            writer.name("body")
            writer.string(body)
        }
    }

    private static func success(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("success")
            writer.bool(true)
        }
    }

    /// The address of this edge, for `next`: absolute, as the client reached it.
    private func url(of parts: [String]) -> String {
        let host = request.header("host").map { "http://\($0)" } ?? api.url
        return "\(host)/\(version)/" + parts.joined(separator: "/")
    }
}
