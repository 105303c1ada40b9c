import Crypto
import Foundation
import LeadKit

/// Signs a body as Standard Webhooks 1.0.0 does.
struct WebhookSigner: Sendable {
    static let shape = "'signing_secret' is not 'whsec_' and base64 of 24 to 64 bytes"

    private let key: SymmetricKey

    /// Reads `whsec_` and base64; the prefix may be missing.
    init(_ secret: Secret) throws(SignerError) {
        let text = secret.revealed.trimmed
        let prefix = "whsec_".utf8
        let base64 =
            text.utf8.starts(with: prefix) ? text.utf8.dropFirst(prefix.count) : text.utf8[...]
        guard let bytes = Data(base64Encoded: Data(base64)), (24...64).contains(bytes.count) else {
            throw SignerError()
        }
        key = SymmetricKey(data: bytes)
    }

    /// `v1,` and the base64 of HMAC-SHA256 over `id.seconds.body`.
    func sign(id: String, seconds: Int64, body: [UInt8]) -> String {
        var hmac = HMAC<SHA256>(key: key)
        hmac.update(data: Array("\(id).\(seconds).".utf8))
        hmac.update(data: body)
        return "v1," + Data(hmac.finalize()).base64EncodedString()
    }
}

/// The secret is not usable; says nothing of it.
struct SignerError: Error, CustomStringConvertible {
    var description: String { WebhookSigner.shape }
}
