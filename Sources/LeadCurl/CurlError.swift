import CLibCurl

/// Why a transfer has no answer, or has a refusal for one (mail).
public struct CurlError: Error, Sendable, CustomStringConvertible {
    /// libcurl's number, `CURLE_…`.
    public let code: Int32
    /// One sentence: never the address's query, never what was sent, never a password.
    public let message: String
    /// The last status or reply code that the other side gave; 0 for none.
    public let responseCode: Int
    /// Whether the request may have reached the other side as a whole.
    public let mayHaveArrived: Bool
    /// The last line that a mail server said, without its code; empty for none. May repeat parts of
    /// the mail: never log it.
    public let reply: String

    /// Whether a mail server refused the session (its greeting, EHLO, TLS, logging in) and not this
    /// mail: the next one would fare no better.
    public let isOfSession: Bool

    /// Makes an error.
    public init(
        code: Int32, message: String, responseCode: Int = 0, mayHaveArrived: Bool = false,
        reply: String = "", isOfSession: Bool = false
    ) {
        self.reply = reply
        self.isOfSession = isOfSession
        self.code = code
        self.message = message
        self.responseCode = responseCode
        self.mayHaveArrived = mayHaveArrived
    }

    /// The sentence.
    public var description: String { message }
}

extension CurlError {
    /// Whether the request itself was refused before anything was sent.
    public var isBadRequest: Bool { code == CurlError.badRequestCode }
    /// Whether TLS was required and the mail server does not offer it.
    public var isMissingTLS: Bool { code == Int32(CURLE_USE_SSL_FAILED.rawValue) }
    /// Whether the mail server refused the log-in.
    public var isLoginRefused: Bool { code == Int32(CURLE_LOGIN_DENIED.rawValue) }
    /// Whether it was never begun, because too much else was under way: it says nothing of the
    /// other side.
    public var isBusy: Bool { code == CurlError.busyCode }
    /// Whether the task was cancelled.
    public var isCancelled: Bool { code == CurlError.cancelledCode }

    private static let badRequestCode = Int32(CURLE_BAD_FUNCTION_ARGUMENT.rawValue)
    private static let busyCode = Int32(CURLE_AGAIN.rawValue)
    private static let cancelledCode = Int32(CURLE_ABORTED_BY_CALLBACK.rawValue)

    static func badRequest(_ message: String) -> CurlError {
        CurlError(code: badRequestCode, message: message)
    }

    static func cancelled(mayHaveArrived: Bool = false, responseCode: Int = 0) -> CurlError {
        CurlError(
            code: cancelledCode, message: "cancelled", responseCode: responseCode,
            mayHaveArrived: mayHaveArrived)
    }

    static func busy(_ limit: Int) -> CurlError {
        CurlError(code: busyCode, message: "not sent: over \(limit) transfers are waiting")
    }

    static func busy(after wait: Duration) -> CurlError {
        CurlError(
            code: busyCode, message: "not sent: no transfer ended within \(wait) to make room")
    }

    /// libcurl's own sentence is shown where it can only name a host, a time or a certificate;
    /// elsewhere the fixed sentence of the code.
    static func sentence(_ code: CURLcode, detail: String) -> String {
        let tellsHost: [CURLcode] = [
            CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_OPERATION_TIMEDOUT,
            CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION,
        ]
        let fixed = String(cString: curl_easy_strerror(code))
        return lowerCased(tellsHost.contains(code) && !detail.isEmpty ? detail : fixed)
    }

    /// Messages start in lower case, unless with an abbreviation such as `SSL`.
    private static func lowerCased(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.first, let second = scalars.dropFirst().first,
            first.isASCII, !second.properties.isUppercase
        else { return text }
        return String(first).lowercased() + String(scalars.dropFirst())
    }
}
