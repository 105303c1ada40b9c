import LeadServer

extension LedgerAPI {
    /// The actions that are no orders about the ledger; see `Service`.
    private static let actions = ["import", "reload"]

    /// What answers where nothing else does: 405 for the other method, and 404.
    static func refusals(beside endpoints: [AdminServer.Endpoint]) -> [AdminServer.Endpoint] {
        let posts = Set(endpoints.filter(\.isPost).map(\.path)).union(actions)
        let gets = Set(endpoints.filter { !$0.isPost }.map(\.path))
        let methods =
            posts.subtracting(gets).sorted().map { path in
                AdminServer.Endpoint.get(path) { _ in refusal(.method, path, "takes POST only") }
            }
            + gets.subtracting(posts).sorted().map { path in
                AdminServer.Endpoint.post(path) { _ in refusal(.method, path, "takes GET only") }
            }
        return methods + [
            .get("") { _ in nothing },
            .post("") { _ in nothing },
            .get("**") { _ in nothing },
            .post("**") { _ in nothing },
        ]
    }

    private static func refusal(
        _ kind: BadRequest.Kind, _ path: String, _ what: String
    ) -> AdminServer.Answer {
        AdminServer.Answer(refusing: BadRequest(kind: kind, description: "/api/\(path) \(what)"))
    }

    private static var nothing: AdminServer.Answer {
        AdminServer.Answer(
            refusing: BadRequest(
                kind: .notFound,
                description: "there is nothing at this address; docs/admin-api.md has the list"))
    }
}
