public import LeadStore

/// What every store must hold to, each rule on a store of its own:
///
///     try await StoreContract { try await SQLiteStore(…) }.verify()
///
/// or one test a rule, with `arguments: StoreContract.checks` and `verify(_:)`. Each store must be
/// empty; it is closed afterwards.
public struct StoreContract: Sendable {
    /// A rule of the contract.
    public typealias Check = ContractCheck<any LeadStore>

    private let makeStore: @Sendable () async throws -> any LeadStore

    /// Prepares the checks; `makeStore` makes an empty store.
    public init(makeStore: @escaping @Sendable () async throws -> any LeadStore) {
        self.makeStore = makeStore
    }

    /// All rules: intake, routing, pools, delivery, operators.
    public static let checks: [Check] =
        intakeChecks + routingChecks + poolChecks + leaseChecks + finishChecks + destinationChecks
        + crashChecks + operatorChecks + redeliverChecks + forgetChecks + decideAgainChecks
        + keptAsideChecks
        + tallyChecks

    /// Tries every rule.
    ///
    /// - Throws: `ContractViolation` with all findings, or what `makeStore` throws.
    public func verify() async throws {
        var findings: [ContractViolation.Finding] = []
        for check in StoreContract.checks {
            if let finding = try await finding(check) { findings.append(finding) }
        }
        if !findings.isEmpty { throw ContractViolation(findings: findings) }
    }

    /// Tries one rule.
    ///
    /// - Throws: `ContractViolation`, or what `makeStore` throws.
    public func verify(_ check: Check) async throws {
        if let finding = try await finding(check) { throw ContractViolation(findings: [finding]) }
    }

    private func finding(_ check: Check) async throws -> ContractViolation.Finding? {
        let store = try await makeStore()
        let finding = await check.finding(store)
        await store.close()
        return finding
    }
}
