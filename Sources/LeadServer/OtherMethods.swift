internal import HTTPTypes
internal import Hummingbird

/// Answers methods that nothing below `/api/` takes, whatever the address: 405 with the same JSON as
/// any other refusal. Without the token nobody learns even that.
struct OtherMethods: RouterMiddleware {
    /// Why a request is not looked at any further.
    let refusal: @Sendable (Request) -> Response?

    func handle(
        _ request: Request, context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard request.method != .get, request.method != .post,
            request.uri.path.utf8.starts(with: "/api/".utf8)
        else { return try await next(request, context) }
        var response =
            refusal(request)
            ?? AdminServer.response(405, Array("{\"error\":\"send GET or POST\"}\n".utf8))
        if response.status.code == 405 { response.headers[.allow] = "GET, POST" }
        // The answer to HEAD has no body (RFC 9110 §9.3.2).
        if request.method == .head { response.body = .init() }
        return response
    }
}
