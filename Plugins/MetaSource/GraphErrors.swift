import LeadKit

/// Why a call to the Graph API gave nothing, and what kind of fault it is.
///
/// Decided by code, subcode and `is_transient`, not by `type` (`OAuthException` stands for
/// throttling, too) and not by the HTTP status (throttling is 400 or 403).
struct GraphError: Error, Sendable, CustomStringConvertible {
    enum Kind: Sendable, Equatable {
        /// Over a limit of the page, or of the whole app; `after` is the least wait.
        case throttled(after: Duration, isApp: Bool)
        /// Passes by itself.
        case transient
        /// No answer at all: others of the same kind would not come either.
        case unreachable
        /// The answer would be too large.
        case tooMuchData
        /// The token is dead.
        case token
        /// The token may not do this.
        case permission
        /// The proof is wrong or missing.
        case proof
        /// Unknown, forbidden, not visible yet, or older than 90 days: 100/33 says all of these.
        case ambiguous
        /// A field's name is unknown to the API's version.
        case unknownField
        /// Asking again is useless.
        case permanent
    }

    var kind: Kind
    /// One line for operators; secrets are masked.
    var reason: String

    var description: String { reason }
}

extension GraphError {
    /// How long to wait before an ambiguous answer is asked for again.
    static let ambiguousWait = Duration.seconds(5 * 60)

    /// What the engine does.
    var failure: FetchFailure {
        switch kind {
        case .throttled(let after, _): FetchFailure(.retry(after: after), reason)
        case .transient, .unreachable, .tooMuchData: FetchFailure(.retry(after: nil), reason)
        case .token, .permission, .proof: FetchFailure(.halt, reason)
        case .ambiguous: FetchFailure(.retry(after: GraphError.ambiguousWait), reason)
        case .unknownField, .permanent: FetchFailure(.reject, reason)
        }
    }
}

/// An error object of the Graph API.
struct GraphFault: Sendable {
    var code: Int
    var subcode: Int?
    var isTransient: Bool
    var message: String
    var trace: String?

    /// The member `error` of an answer; nil when there is none.
    init?(_ answer: JSONValue) {
        guard let error = answer["error"] else { return nil }
        code = error["code"].flatMap(\.scalarText).flatMap { Int($0) } ?? 0
        subcode = error["error_subcode"].flatMap(\.scalarText).flatMap { Int($0) }
        isTransient = error["is_transient"]?.bool ?? false
        message = error["message"]?.string ?? ""
        trace = error["fbtrace_id"]?.string
    }

    private static let appThrottles: Set = [4]
    private static let throttles = Set([17, 32, 341, 613, 80008, 80009, 80014])
        .union(80000...80006)
    private static let tokenFaults: Set = [190, 102, 104, 463, 467]
    private static let permissionFaults = Set([3, 10, 368]).union(200...299)
    private static let permanent: Set = [803, 2500]

    /// What kind of fault it is; `usage` is what the answer's headers say of the limits.
    func kind(usage: GraphUsage) -> GraphError.Kind {
        if ByteSearch.contains(message, "reduce the amount of data") { return .tooMuchData }
        if GraphFault.appThrottles.contains(code) {
            return .throttled(after: usage.wait, isApp: true)
        }
        if GraphFault.throttles.contains(code) {
            return .throttled(after: usage.wait, isApp: false)
        }
        if GraphFault.tokenFaults.contains(code) { return .token }
        if GraphFault.permissionFaults.contains(code) { return .permission }
        if code == 100 { return kindOfParameterFault }
        // "Test lead already exists" has the code of a passing fault and does not pass.
        if code == 2, subcode == 1_892_058 { return .permanent }
        if GraphFault.permanent.contains(code), !isTransient { return .permanent }
        // 1, 2, 960 pass; a code that nobody documented is asked for again rather than given up.
        return .transient
    }

    private var kindOfParameterFault: GraphError.Kind {
        if ByteSearch.contains(message, "appsecret_proof") { return .proof }
        if subcode == 33 { return .ambiguous }
        if ByteSearch.contains(message, "nonexisting field"), isAboutLead { return .unknownField }
        return isTransient ? .transient : .permanent
    }

    /// Whether the message is about a lead, as far as it says. Another node, such as a form whose id
    /// was announced, lacks our fields without saying anything of leads.
    private var isAboutLead: Bool {
        !ByteSearch.contains(message, "node type (")
            || ByteSearch.contains(message, "node type (UserLeadGenInfo)")
    }

    /// For operators; still with whatever secrets the message quotes.
    func text(status: Int) -> String {
        let number = subcode.map { "\(code)/\($0)" } ?? "\(code)"
        let trace = trace.map { ", trace \($0)" } ?? ""
        return "graph answered \(status), code \(number)\(trace): \(message)"
    }
}

/// Takes secrets out of texts that come from outside.
struct SecretMask: Sendable {
    private let secrets: [String]

    init(_ secrets: [String]) {
        // The longest first: one secret may be the beginning of another.
        self.secrets = secrets.filter { !$0.isEmpty }.sorted { $0.utf8.count > $1.utf8.count }
    }

    /// The text with `•••` for each of the secrets, and for any run of 40 and more bytes that
    /// looks like a token: it may be one that we do not know.
    func masked(_ text: String) -> String {
        var bytes = Array(text.utf8)
        for secret in secrets { bytes = SecretMask.replacing(Array(secret.utf8), in: bytes) }
        var result: [UInt8] = []
        var run: [UInt8] = []
        for byte in bytes {
            if SecretMask.isTokenByte(byte) {
                run.append(byte)
            } else {
                result += run.count >= 40 ? SecretMask.mask : run
                run.removeAll()
                result.append(byte)
            }
        }
        result += run.count >= 40 ? SecretMask.mask : run
        return String(decoding: result, as: UTF8.self)
    }

    private static let mask = Array(Secret.mask.utf8)

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        byte.isDigit || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
            || "_-|".utf8.contains(byte)
    }

    private static func replacing(_ part: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if rest.starts(with: part) {
                result += mask
                rest.removeFirst(part.count)
            } else {
                result.append(rest.removeFirst())
            }
        }
        return result
    }
}
