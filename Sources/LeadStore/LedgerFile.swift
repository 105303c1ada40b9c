/// What a store in a file can do with its file.
public protocol LedgerFile: Sendable {
    /// Looks at every row, in one snapshot, and reports each that breaks an invariant of
    /// `docs/ledger.md`, as it is found. `isServed` tells that a process owns the store: only then
    /// may no lease be long over. `progress` is told the number of leads from time to time.
    ///
    /// Runs in bounded memory whatever the number of rows, and may run beside the owner.
    func verify(
        isServed: Bool, atMilliseconds: Int64, progress: @escaping @Sendable (Int) -> Void,
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws(StoreError) -> LedgerExtent

    /// Looks at leads behind a row's number, and at all that belongs to them, as `verify` does: a
    /// step of it, in a snapshot of its own.
    func verifyRows(
        after sequence: Int64, limit: Int, isServed: Bool, atMilliseconds: Int64,
        report: @escaping @Sendable (LedgerFault) -> Void
    ) async throws(StoreError) -> LedgerStep

    /// The names of the tables.
    func tables() async throws(StoreError) -> [String]

    /// Looks at every page of a table and of its indexes, over a connection of its own and at the
    /// lowest priority, and answers what is wrong. Takes seconds for a gigabyte, a minute when it is
    /// to be read from a slow disk. The log cannot be made empty meanwhile.
    ///
    /// Returns nothing, and at once, when it is cancelled; what was begun ends by itself.
    func checkPages(of table: String) async throws(StoreError) -> [LedgerFault]

    /// Writes a consistent copy, without what is erased, to a file that must not exist yet. May
    /// run beside the owner. What a backup to the same file left that was killed is removed.
    func backup(to path: String) async throws(StoreError) -> LedgerCopy

    /// How large the file and its log are.
    func sizes() async throws(StoreError) -> LedgerSizes

    /// Makes the log an empty file, so that it does not keep what was erased; false when somebody
    /// reads it just now. For the owner.
    func clearLog() async -> Bool
}

/// How large a store is on disk.
public struct LedgerSizes: Sendable, Equatable {
    /// Bytes of the file.
    public var fileBytes: Int64
    /// Bytes of it that are free for new rows.
    public var freeBytes: Int64
    /// Bytes of the log that is not copied into the file yet.
    public var logBytes: Int64

    /// Makes sizes.
    public init(fileBytes: Int64, freeBytes: Int64, logBytes: Int64) {
        self.fileBytes = fileBytes
        self.freeBytes = freeBytes
        self.logBytes = logBytes
    }
}

/// A copy that was written.
public struct LedgerCopy: Sendable, Equatable {
    /// What the name of the file ends with until it is whole.
    public static let unfinishedSuffix = ".leadrouter-part"

    /// The bytes of its file.
    public var bytes: Int64
    /// Whether there were remains of a copy to the same file that was broken off; they are gone.
    public var hadRemains: Bool

    /// Makes one.
    public init(bytes: Int64, hadRemains: Bool) {
        self.bytes = bytes
        self.hadRemains = hadRemains
    }
}

/// How much was verified.
public struct LedgerExtent: Sendable, Equatable {
    /// Leads.
    public var leads = 0
    /// Deliveries.
    public var deliveries = 0
    /// Attempts.
    public var attempts = 0

    /// Nothing.
    public init() {}

    mutating func add(_ other: LedgerExtent) {
        leads += other.leads
        deliveries += other.deliveries
        attempts += other.attempts
    }
}

/// A step of a verification.
public struct LedgerStep: Sendable, Equatable {
    /// How much was verified.
    public var extent = LedgerExtent()
    /// Behind which row to go on; nil at the end.
    public var lastSequence: Int64?

    /// Makes a step.
    public init(lastSequence: Int64? = nil) { self.lastSequence = lastSequence }
}

/// A row, or a part of the file, that is not as it must be.
public struct LedgerFault: Sendable, Equatable {
    /// What every ledger holds to; `docs/ledger.md` has them in sentences.
    public enum Invariant: String, Sendable, CaseIterable {
        /// Each lead is in exactly one state, with all that belongs to it.
        case conservation = "I1"
        /// Each decided lead has its deliveries, or the reason why there are none.
        case decisions = "I2"
        /// Each delivery has the one key that follows from what it is.
        case keys = "I3"
        /// What is over stays so; an order makes a new generation.
        case ends = "I4"
        /// Leases are held by somebody, and end.
        case leases = "I5"
        /// Each decision names the rules that made it.
        case ruleSets = "I6"
        /// The rules of that hash decide the same again.
        case routing = "I7"
        /// Bytes are those that were written.
        case bytes = "I8"
        /// Counters equal what is counted.
        case counters
        /// The file is sound, and rows that are named exist.
        case file
    }

    /// What does not hold.
    public var invariant: Invariant
    /// Which row: `lead SOURCE ID`, `delivery KEY`, or a part of the file.
    public var subject: String
    /// What is wrong with it. No lead data.
    public var message: String

    /// Makes a fault.
    public init(_ invariant: Invariant, _ subject: String, _ message: String) {
        self.invariant = invariant
        self.subject = subject
        self.message = message
    }
}
