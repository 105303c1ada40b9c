public import LeadKit

/// A lead and what must happen to it (RULES section 7).
public struct RuleTest: Sendable {
    /// The sentence that it proves.
    public let name: String
    /// Where the name stands.
    public let position: Position
    /// The frozen clock.
    public let now: Timestamp
    /// The lead.
    public let lead: Lead
    /// Whether `dedupe` calls it a duplicate.
    public let isDuplicate: Bool
    let expectations: [Expectation]

    /// The clock of a test that does not set it: noon of a Wednesday, UTC.
    public static let defaultNow = Timestamp(seconds: 1_736_942_400)
    /// `lead.source` of a test that does not set it.
    public static let defaultSource = "test"
    /// The lead's id of a test that does not set it.
    public static let defaultID = "test"
}

/// One thing that must hold, and where it is written.
struct Expectation: Sendable {
    /// The key as the author knows it: `route`, `rendered store-email.subject`.
    var key: String
    var position: Position
    var wanted: Wanted

    enum Wanted: Sendable {
        case outcome(Decision.Outcome)
        /// The deciding routes, in order.
        case routes([String])
        /// The sinks that get the lead, in any order.
        case sinks([String], copies: Bool)
        case reason(String)
        case rendered(sink: String, setting: String, RenderedText)
        /// Sinks whose delivery cannot be filled in.
        case fails([String])
        /// When the deliveries of `to` may be sent; nil for at once.
        case notBefore(Timestamp?)
        /// The member that a pool chooses; nil for its fallback.
        case member(pool: String, member: String?)
    }
}

/// What a rendered setting must be.
enum RenderedText: Sendable {
    /// The whole text; a line end at the very end does not count.
    case whole(String)
    /// Each of the texts is part of it.
    case contains([String])
}

/// A test that cannot be run: its lead or its expectations cannot be read.
public struct UnreadableTest: Sendable {
    /// The name, or what stands for it.
    public let name: String
    /// Where it stands.
    public let position: Position
    /// What is wrong with it.
    public let diagnostics: [Diagnostic]

    init(name: String, position: Position, diagnostics: [Diagnostic]) {
        self.name = name
        self.position = position
        self.diagnostics = diagnostics
    }

    /// What stands for all tests when the rules themselves do not load.
    public init(refusing diagnostic: Diagnostic) {
        self.init(
            name: "the rules load", position: diagnostic.position, diagnostics: [diagnostic])
    }
}

/// What running a test gave.
public struct RuleTestResult: Sendable {
    /// The test.
    public let test: RuleTest
    /// What the rules decided.
    public let decision: Decision
    /// Why.
    public let explanation: Explanation
    /// What differs from the expectations; empty when the test passes.
    public let mismatches: [Mismatch]

    /// Whether everything is as expected.
    public var isPassed: Bool { mismatches.isEmpty }
}

/// An expectation that does not hold.
public struct Mismatch: Sendable, Equatable {
    /// What was asked: `route`, `to`, `rendered store-email.subject`.
    public let key: String
    /// Where the expectation stands.
    public let position: Position
    /// What the test says.
    public let expected: String
    /// What happened.
    public let got: String

    /// Makes one.
    public init(key: String, position: Position, expected: String, got: String) {
        self.key = key
        self.position = position
        self.expected = expected
        self.got = got
    }
}

extension Mismatch {
    /// The difference line by line, for texts of several lines: each line with `-` (expected only),
    /// `+` (got only) or a blank before it.
    public var lines: [String] {
        let old = Mismatch.split(expected)
        let new = Mismatch.split(got)
        let difference = new.difference(from: old)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in difference {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var result: [String] = []
        var (i, j) = (0, 0)
        while i < old.count || j < new.count {
            if i < old.count, removed.contains(i) {
                result.append("- " + String(decoding: old[i], as: UTF8.self))
                i += 1
            } else if j < new.count, inserted.contains(j) {
                result.append("+ " + String(decoding: new[j], as: UTF8.self))
                j += 1
            } else {
                result.append("  " + String(decoding: new[j], as: UTF8.self))
                i += 1
                j += 1
            }
        }
        return result
    }

    /// Lines as bytes: strings would compare equal that are not.
    private static func split(_ text: String) -> [[UInt8]] {
        text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
    }
}
