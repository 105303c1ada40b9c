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
    }

    /// From how many patterns on they are matched together.
    private static let setCountMin: [Kind: Int] = [.whole: 2, .part: 2, .literal: 8]

    private let kind: Kind
    private let single: [Single]
    /// Nil when the patterns are few, or too large together.
    // RE2::Set is immutable after Compile and documented as safe to share between threads
    // (re2/set.h); the pointer is freed only in deinit.
    private nonisolated(unsafe) let set: OpaquePointer?

    private enum Single: Sendable {
        case pattern(Pattern)
        case literal([UInt8])
    }

    /// The patterns must be good ones, and are numbered as they stand.
    init(_ sources: [String], kind: Kind) {
        self.kind = kind
        single = sources.map { source in
            if kind != .literal, let pattern = try? Pattern(source) { return .pattern(pattern) }
            return .literal(Array(source.utf8))
        }
        let isMany = sources.count >= PatternGroup.setCountMin[kind] ?? .max
        set = isMany ? PatternGroup.compiled(sources, kind) : nil
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

    /// Calls `found` with the number of each pattern that the text matches.
    func match(_ bytes: UnsafePointer<UInt8>, count: Int, found: (Int) -> Void) {
        if let set, match(set, bytes, count, found) { return }
        for (number, single) in single.enumerated() where holds(single, bytes, count) {
            found(number)
        }
    }

    /// False when the memory for matching together ran out.
    private func match(
        _ set: OpaquePointer, _ bytes: UnsafePointer<UInt8>, _ count: Int, _ found: (Int) -> Void
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: single.count) { numbers in
            let matched = lr_re2_set_match(
                set, bytes, count, numbers.baseAddress, numbers.count)
            guard matched >= 0 else { return false }
            for index in 0..<matched { found(Int(numbers[index])) }
            return true
        }
    }

    private func holds(_ single: Single, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        switch single {
        case .pattern(let pattern):
            return kind == .whole
                ? pattern.matchesWhole(bytes, count: count)
                : pattern.matchesPart(bytes, count: count)
        case .literal(let part): return lr_contains(bytes, count, part, part.count)
        }
    }
}
