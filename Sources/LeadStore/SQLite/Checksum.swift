internal import Crypto
internal import Foundation
internal import LeadKit

/// 64 bits of SHA-256 over what a delivery is made from, kept beside it: a bit that flips on the
/// disk is noticed before anything of it is sent.
enum Checksum {
    /// Of a lead as `Lead.json` wrote it.
    static func ofLead(_ lead: Data) -> Int64 { first(SHA256.hash(data: lead)) }

    /// Of a row of the outbox: everything that says what is sent where.
    static func of(_ delivery: NewDelivery) -> Int64 {
        var hash = SHA256()
        for part in [
            delivery.key.text, delivery.sink, delivery.route, delivery.isCopy ? "copy" : "",
            delivery.with, delivery.pool ?? "", delivery.member ?? "",
        ] {
            // Each with its length: no two lists of parts are the same bytes.
            withUnsafeBytes(of: UInt64(part.utf8.count).bigEndian) {
                hash.update(bufferPointer: $0)
            }
            hash.update(data: Array(part.utf8))
        }
        return first(hash.finalize())
    }

    private static func first(_ digest: SHA256Digest) -> Int64 {
        Int64(bitPattern: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) })
    }
}
