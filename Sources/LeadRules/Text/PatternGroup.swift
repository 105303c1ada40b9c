internal import CRE2

/// Patterns on one field that are asked in the same way: which of them does a text match?
///
/// Several are matched together, as one automaton, so that many rules with patterns on one field
/// cost hardly more than one.
final class PatternGroup: Sendable {
    /// How a pattern is compared.
    enum Kind: UInt8, Sendable {
        /// A regular expression that the whole text must match.
        case whole
        /// A regular expression that some part must match.
        case part
        /// A plain text that must stand somewhere in it.
        case literal

        /// From how many patterns on they are matched together.
        fileprivate var setCountMin: Int { self == .literal ? 8 : 2 }
    }

    private let kind: Kind
    private let patterns: [Pattern]
    private let literals: [[UInt8]]
    /// Nil when the patterns are few, or too large together.
    // RE2::Set is immutable after Compile and documented as safe to share between threads
    // (re2/set.h); the pointer is freed only in deinit.
    private nonisolated(unsafe) let set: OpaquePointer?

    /// The patterns must be good ones, and are numbered as they stand.
    init(_ sources: [String], kind: Kind) {
        self.kind = kind
        literals = kind == .literal ? sources.map { Array($0.utf8) } : []
        patterns = kind == .literal ? [] : sources.compactMap { try? Pattern($0) }
        precondition(literals.count + patterns.count == sources.count, "a pattern was checked")
        set = sources.count >= kind.setCountMin ? PatternGroup.compiled(sources, kind) : nil
    }

    deinit { if let set { lr_re2_set_destroy(set) } }

    private static func compiled(_ sources: [String], _ kind: Kind) -> OpaquePointer? {
        guard let set = lr_re2_set_create(kind == .whole, kind == .literal, sources.count) else {
            return nil
        }
        let areAdded = sources.allSatisfy { source in
            let bytes = Array(source.utf8)
            return lr_re2_set_add(set, bytes, bytes.count)
        }
        if areAdded, lr_re2_set_compile(set) { return set }
        lr_re2_set_destroy(set)
        return nil
    }

    /// Writes the numbers of the patterns that the text matches, in no order, and answers how many
    /// they are; there must be room for all.
    func match(
        _ bytes: UnsafePointer<UInt8>, count: Int, numbers: UnsafeMutablePointer<Int32>
    ) -> Int {
        if let set {
            let matched = lr_re2_set_match(
                set, bytes, count, numbers, patterns.count + literals.count)
            // Otherwise the memory for matching together ran out.
            if matched >= 0 { return matched }
        }
        var matched = 0
        for number in 0..<(patterns.count + literals.count) where holds(number, bytes, count) {
            numbers[matched] = Int32(number)
            matched += 1
        }
        return matched
    }

    private func holds(_ number: Int, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        switch kind {
        case .whole: patterns[number].matchesWhole(bytes, count: count)
        case .part: patterns[number].matchesPart(bytes, count: count)
        case .literal: lr_contains(bytes, count, literals[number], literals[number].count)
        }
    }
}
