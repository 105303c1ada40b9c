internal import LeadKit

/// An error as the Graph API answers it.
public struct GraphError: Error, Sendable, Equatable {
    /// The HTTP status.
    public var status: Int
    /// `error.message`.
    public var message: String
    /// `error.type`; says little: throttling is an `OAuthException` too.
    public var type: String
    /// `error.code`.
    public var code: Int
    /// `error.error_subcode`.
    public var subcode: Int?
    /// `error.is_transient`.
    public var isTransient: Bool?
    /// `error.error_user_title`.
    public var userTitle: String?
    /// Header fields beside the usual ones.
    public var headers: [String: String]

    /// Makes an error.
    public init(
        status: Int = 400, message: String, type: String = "OAuthException", code: Int,
        subcode: Int? = nil, isTransient: Bool? = nil, userTitle: String? = nil,
        headers: [String: String] = [:]
    ) {
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.subcode = subcode
        self.isTransient = isTransient
        self.userTitle = userTitle
        self.headers = headers
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("error")
            writer.object { writer in
                writer.name("message")
                writer.string(message)
                writer.name("type")
                writer.string(type)
                writer.name("code")
                writer.integer(code)
                if let subcode {
                    writer.name("error_subcode")
                    writer.integer(subcode)
                }
                if let isTransient {
                    writer.name("is_transient")
                    writer.bool(isTransient)
                }
                if let userTitle {
                    writer.name("error_user_title")
                    writer.string(userTitle)
                }
                writer.name("fbtrace_id")
                writer.string("AfakeTraceId000000000000")
            }
        }
    }
}

/// Texts and codes as the service gives them (Graph API v21.0 to v26.0).
extension GraphError {
    /// 104: no token came.
    public static let missingToken = GraphError(
        message: "An access token is required to request this resource.", code: 104,
        headers: authenticate)

    /// 190/463: the token has run out.
    public static let expiredToken = GraphError(
        message: "Error validating access token: Session has expired on Friday, 02-Jan-26 "
            + "03:00:00 PST. The current time is Friday, 02-Jan-26 04:00:00 PST.",
        code: 190, subcode: 463, headers: authenticate)

    /// 190: no token of this service.
    public static let invalidToken = GraphError(
        message: "Invalid OAuth access token - Cannot parse access token", code: 190,
        headers: authenticate)

    /// 10: the app may not.
    public static let permission = GraphError(
        status: 403, message: "(#10) Application does not have permission for this action",
        code: 10)

    /// 2: again later.
    public static let transient = GraphError(
        status: 500, message: "An unexpected error has occurred. Please retry your request later.",
        code: 2, isTransient: true)

    /// 1: ask for smaller pages.
    public static let tooMuchData = GraphError(
        status: 500,
        message: "Please reduce the amount of data you're asking for, then retry your request",
        code: 1)

    /// 80005: too many lead calls for the page; `minutes` until it answers again.
    public static func throttled(page: String, minutes: Int) -> GraphError {
        let usage =
            #"{"\#(page)":[{"type":"leadgen","call_count":104,"total_cputime":12,"#
            + #""total_time":9,"estimated_time_to_regain_access":\#(minutes)}]}"#
        return GraphError(
            message: "(#80005) There have been too many leadgen api calls to this Page account. "
                + "Wait a bit and try again.",
            code: 80005, headers: ["x-business-use-case-usage": usage])
    }

    /// 100/33: unknown, not allowed, not visible yet, or over 90 days old.
    public static func unknownObject(_ id: String, method: String = "get") -> GraphError {
        GraphError(
            message: "Unsupported \(method) request. Object with ID '\(id)' does not exist, cannot "
                + "be loaded due to missing permissions, or does not support this operation. Please "
                + "read the Graph API documentation at "
                + "https://developers.facebook.com/docs/graph-api",
            type: "GraphMethodException", code: 100, subcode: 33)
    }

    /// 100: a name in `fields` that the node does not have.
    public static func nonexistingField(_ name: String, on node: String) -> GraphError {
        GraphError(
            message: "(#100) Tried accessing nonexisting field (\(name)) on node type (\(node))",
            code: 100)
    }

    static func parameter(_ sentence: String) -> GraphError {
        GraphError(message: "(#100) \(sentence)", code: 100)
    }

    static let wrongProof = GraphError(
        message: "Invalid appsecret_proof provided in the API argument",
        type: "GraphMethodException", code: 100)

    static let missingProof = GraphError(
        message: "API calls from the server require an appsecret_proof argument",
        type: "GraphMethodException", code: 100)

    /// The type is reported, the code is not; 100 keeps a client from trying again.
    static let batchTooLarge = GraphError(
        message: "Too many requests in batch message. Maximum batch size is 50",
        type: "GraphBatchException", code: 100)

    static let testLeadExists = GraphError(
        message: "Test lead already exists", code: 2, subcode: 1_892_058,
        userTitle: "Test lead already exists for this form.")

    static func unknownPath(_ rest: [String]) -> GraphError {
        GraphError(
            status: 404, message: "Unknown path components: /" + rest.joined(separator: "/"),
            code: 2500)
    }

    private static let authenticate = [
        "www-authenticate": #"OAuth "Facebook Platform" "invalid_token" "see the body""#
    ]
}
