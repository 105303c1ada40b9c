/// What a plugin or a store does against its contract: all findings of one run.
public struct ContractViolation: Error, Sendable, CustomStringConvertible {
    /// One rule that does not hold.
    public struct Finding: Sendable, Equatable {
        /// The rule, as a fact: `the same key twice is safe`.
        public var check: String
        /// What happened instead.
        public var message: String
    }

    /// The findings in the order of the checks; at least one.
    public var findings: [Finding]

    /// One line a finding.
    public var description: String {
        findings.map { "\($0.check): \($0.message)" }.joined(separator: "\n")
    }
}

/// One rule of a contract: a name that is a fact, and the code that tries it.
public struct ContractCheck<Subject>: Sendable, CustomStringConvertible {
    /// The rule as a fact.
    public let name: String
    let body: @Sendable (Subject) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (Subject) async throws -> Void) {
        self.name = name
        self.body = body
    }

    /// The name, so that a parametrised test shows it.
    public var description: String { name }

    /// Tries the rule; nil when it holds.
    func finding(_ subject: Subject) async -> ContractViolation.Finding? {
        do {
            try await body(subject)
            return nil
        } catch {
            return ContractViolation.Finding(check: name, message: "\(error)")
        }
    }
}

/// A rule that does not hold, from within its check.
struct RuleBroken: Error, CustomStringConvertible { let description: String }

/// Breaks the rule with the sentence unless the condition holds.
func require(_ condition: Bool, _ sentence: @autoclosure () -> String) throws {
    if !condition { throw RuleBroken(description: sentence()) }
}

/// Breaks the rule unless both are equal; names what was expected.
func requireEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: String) throws {
    try require(found == expected, "\(what): \(found) instead of \(expected)")
}

/// The value, or a broken rule when there is none.
func requireValue<Value>(_ value: Value?, _ sentence: String) throws -> Value {
    guard let value else { throw RuleBroken(description: sentence) }
    return value
}
