internal import CRE2

/// A regular expression in RE2's syntax: linear in the text, no look-around, no back-references.
final class Pattern: Sendable {
    /// The pattern as written.
    let source: String
    // RE2 objects are immutable after compiling and documented as safe to share between threads
    // (re2.h); the pointer is freed only in deinit.
    private nonisolated(unsafe) let compiled: OpaquePointer

    /// Why a pattern is refused.
    struct Refusal: Error {
        let reason: String
    }

    init(_ source: String) throws(Refusal) {
        self.source = source
        var message = [CChar](repeating: 0, count: 256)
        let bytes = Array(source.utf8)
        guard let compiled = lr_re2_create(bytes, bytes.count, &message, message.count) else {
            let end = message.firstIndex(of: 0) ?? message.count
            throw Refusal(
                reason: String(
                    decoding: message[..<end].map(UInt8.init(bitPattern:)), as: UTF8.self))
        }
        self.compiled = compiled
    }

    deinit { lr_re2_destroy(compiled) }

    /// Whether the whole text matches.
    func matchesWhole(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { lr_re2_full_match(compiled, $0.baseAddress, $0.count) }
    }

    /// Whether some part of the text matches.
    func matchesPart(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { lr_re2_partial_match(compiled, $0.baseAddress, $0.count) }
    }

    /// The same, from bytes of UTF-8.
    func matchesWhole(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
        lr_re2_full_match(compiled, bytes, count)
    }

    /// The same, from bytes of UTF-8.
    func matchesPart(_ bytes: UnsafePointer<UInt8>, count: Int) -> Bool {
        lr_re2_partial_match(compiled, bytes, count)
    }
}
