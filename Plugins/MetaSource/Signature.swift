import Crypto
import LeadKit

/// Meta's signature of a webhook: `X-Hub-Signature-256: sha256=` and the HMAC-SHA256 of the raw
/// body under the app's secret, as 64 hexadecimal digits (Graph webhooks, "Validating payloads").
/// The older SHA-1 header is not accepted.
enum Signature {
    static let header = "x-hub-signature-256"

    /// Whether exactly one signature is there and one of the secrets made it. Constant time in the
    /// digest; upper-case digits pass.
    static func isValid(_ headers: [String], body: [UInt8], secrets: [Secret]) -> Bool {
        guard headers.count == 1, let digest = digest(headers[0]) else { return false }
        var isValid = false
        for secret in secrets {
            let key = SymmetricKey(data: Array(secret.revealed.utf8))
            let matches = HMAC<SHA256>.isValidAuthenticationCode(
                digest, authenticating: body, using: key)
            isValid = isValid || matches
        }
        return isValid
    }

    /// Whether a text is one of the secrets, in a time that tells nothing of where they differ.
    static func isEqual(_ text: String, toOneOf secrets: [Secret]) -> Bool {
        let digest = SHA256.hash(data: Array(text.utf8))
        var isEqual = false
        for secret in secrets where SHA256.hash(data: Array(secret.revealed.utf8)) == digest {
            isEqual = true
        }
        return isEqual
    }

    /// The `appsecret_proof` of a token: HMAC-SHA256 of it under the app's secret, in hexadecimal
    /// digits (Graph API, "Securing Graph API requests").
    static func proof(token: Secret, secret: Secret) -> String {
        let key = SymmetricKey(data: Array(secret.revealed.utf8))
        let code = HMAC<SHA256>.authenticationCode(
            for: Array(token.revealed.utf8), using: key)
        let digits = Array("0123456789abcdef".utf8)
        let text = code.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }

    /// The 32 bytes behind `sha256=`; nil unless there are exactly 64 hexadecimal digits.
    private static func digest(_ header: String) -> [UInt8]? {
        let bytes = Array(header.utf8)
        guard bytes.count == 7 + 64, bytes.starts(with: Array("sha256=".utf8)) else { return nil }
        var digest: [UInt8] = []
        for index in stride(from: 7, to: bytes.count, by: 2) {
            guard let high = nibble(bytes[index]), let low = nibble(bytes[index + 1]) else {
                return nil
            }
            digest.append(high << 4 | low)
        }
        return digest
    }

    private static func nibble(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}
