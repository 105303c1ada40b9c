public import LeadKit

/// The two durable tables, inbox and outbox, behind one contract.
///
/// All times are milliseconds since 1970 in UTC (`…Milliseconds`). Every call that writes is one
/// transaction and returns only when it is on disk; concurrent writes share a commit.
public protocol LeadStore: Sendable {
    // Intake

    /// Stores new items; the answers are in the items' order. Unique by (source, lead id): a known
    /// lead is `.duplicate`, except that a whole lead fills in its own earlier reference.
    func accept(_ items: [InboxItem], atMilliseconds: Int64) async throws(StoreError)
        -> [Acceptance]

    /// The references of a source that are due to be read, oldest due first.
    func dueReferences(
        source: String, atMilliseconds: Int64, limit: Int
    ) async throws(StoreError) -> [PendingReference]

    /// When the next reference of a source is due to be read; nil when none waits.
    func nextReferenceMilliseconds(source: String) async throws(StoreError) -> Int64?

    /// After the wall clock was set back: makes references due at the latest when they would be had
    /// they been asked for now. Returns how many were moved.
    func limitDue(_ limit: ReferenceLimit) async throws(StoreError) -> Int

    /// Records what became of references: filled in, to be asked for again, or given up.
    func record(_ fetches: [FetchRecord]) async throws(StoreError)

    // Routing

    /// Leads that are received and not decided, behind a sequence number: in order of arrival, those
    /// that are to be decided again behind all new ones. At most `limit`, and fewer when they are large;
    /// none only when there is none.
    func undecided(after sequence: Int64, limit: Int) async throws(StoreError) -> [InboxEntry]

    /// Whether an earlier decided lead had the `dedupe` key and was created at or after the time.
    func hasEarlier(dedupeKey: String, sinceSeconds: Int64) async throws(StoreError) -> Bool

    /// What pools remember, as far as it is asked for: the records and counts of all members of
    /// the pools, and who had the last lead with the answers.
    func poolState(_ query: PoolQuery) async throws(StoreError) -> PoolState

    /// In one transaction: marks the inbox rows decided, inserts their deliveries, calls off what
    /// they are decided without, and keeps what their pools remember. A row that is no longer `received` is skipped with all of that, so
    /// deciding twice is harmless.
    ///
    /// Answers the first leads that are undecided behind it, up to `limit`: whoever decides goes on
    /// with them without another transaction. Only those of which it was certain when this was
    /// written; a later one is told by a bell, as ever. Nil when they cannot be read: what was decided
    /// is stored all the same, and `undecided` says why.
    func record(
        _ decisions: [DecisionRecord], thenUndecided limit: Int
    ) async throws(StoreError) -> [InboxEntry]?

    // Delivery

    /// Takes deliveries of a sink, pick by pick until the limit is reached: counts the attempt, and
    /// marks them leased until the given time under the request's token.
    func lease(_ request: LeaseRequest) async throws(StoreError) -> LeasedDeliveries

    /// The destinations of a sink that pending deliveries have, in order of their bytes, behind a
    /// name; those whose destination is not known yet are left out.
    func pendingDestinations(
        sink: String, after name: String, limit: Int
    ) async throws(StoreError) -> [PendingDestination]

    /// Makes leases of a token longer. Answers in order whether each was still held; one that was
    /// not may be somebody else's by now.
    func renew(
        _ leases: [LeaseName], token: String, untilMilliseconds: Int64
    ) async throws(StoreError) -> [Bool]

    /// Gives back leases that are not of `token`: all of them (at start, when no other process can
    /// be alive), or those that ran out by a time. With `countsCrash` each is noted as having been
    /// under way when a process died of itself; a delivery to which that happens `crashesMax` times
    /// without an end of an attempt between is dead, with the reason.
    func voidLeases(_ void: LeaseVoid) async throws(StoreError) -> VoidedLeases

    /// Records how attempts ended, each only if its lease is still held under its token (fencing).
    /// Answers in order whether it was.
    func finish(_ results: [AttemptRecord]) async throws(StoreError) -> [Bool]

    /// After the wall clock was set back: makes pending deliveries due at the latest when they
    /// would be had they been planned now. Returns how many were moved.
    func limitDue(_ limit: DueLimit) async throws(StoreError) -> Int

    /// After a destination has become well again: makes due now what waits there for its next
    /// attempt, but nothing before a time of its own (`notBefore`), and nothing that was under way in
    /// a crash. What fails again afterwards waits as that failure says. Returns how many were moved.
    func hasten(_ hastening: Hastening) async throws(StoreError) -> Int

    /// Jumps of the wall clock that were noted, oldest first; at most the latest 1,000.
    func clockJumps() async throws(StoreError) -> [ClockJump]

    /// Notes a jump of the wall clock.
    func record(_ jump: ClockJump) async throws(StoreError)

    /// The sinks that operators have paused.
    func pauses() async throws(StoreError) -> [SinkPause]

    /// Pauses a sink, or, with nil, lets it go on. A pause that stands already keeps its time.
    func setPause(_ pause: SinkPause?, sink: String) async throws(StoreError)

    /// Whether the process that owned the store before died of itself: a trap, an abort, a damaged
    /// memory; not by `kill`, a power cut or a clean end.
    var lastOwnerCrashed: Bool { get async }

    /// The lead that was being decided on the thread on which the process that owned the store before
    /// died of itself; nil when it died of something else. No delivery is to blame then, and
    /// `lastOwnerCrashed` is false.
    var leadOfCrash: Int64? { get async }

    /// Decides a lead: notes it for `leadOfCrash` of the next process, should this one die of it.
    func deciding<T>(_ sequence: Int64, _ body: () -> T) -> T

    // Operators

    /// Counts for both sides of the books.
    func stats() async throws(StoreError) -> StoreStats
    /// Leads, newest first; oldest first behind a sequence number.
    func leads(_ filter: LeadFilter) async throws(StoreError) -> [InboxEntry]
    /// Deliveries, newest first.
    func deliveries(_ filter: DeliveryFilter) async throws(StoreError) -> [DeliveryEntry]
    /// The attempts of a delivery, first first.
    func attempts(of sequence: Int64) async throws(StoreError) -> [AttemptEntry]
    /// What was ordered about a lead and its deliveries, first first.
    func orders(ofLead sequence: Int64) async throws(StoreError) -> [OrderEntry]
    /// How many deliveries a filter finds, whatever its limit.
    func tally(_ filter: DeliveryFilter) async throws(StoreError) -> DeliveryTally
    /// How many leads a filter finds, and what became of their deliveries, whatever its limit.
    func tally(_ filter: LeadFilter) async throws(StoreError) -> LeadTally
    /// When the oldest delivery that is not over was first due, by sink: what waits for a time of its
    /// own (`notBefore`) does not count before that.
    func oldestOpenMilliseconds(
        atMilliseconds: Int64
    ) async throws(StoreError) -> [String: Int64]
    /// What is wrong with deliveries whose rows, or whose leads' rows, are not what was written, by
    /// sequence; of a forgotten lead's nothing can be said.
    func damage(ofDeliveries sequences: [Int64]) async throws(StoreError) -> [Int64: String]
    /// What is wrong with a lead whose row is not what was written; nil when nothing is.
    func damage(ofLead sequence: Int64) async throws(StoreError) -> String?

    /// Makes a new generation of each delivery that is over, due at once: a row of its own with a
    /// key of its own, linked to the old one, which stays as it is. Answers in order.
    func redeliver(_ sequences: [Int64], _ order: Order) async throws(StoreError) -> [OrderAnswer]
    /// Calls pending deliveries off. Answers in order.
    func cancel(_ sequences: [Int64], _ order: Order) async throws(StoreError) -> [OrderAnswer]
    /// Erases leads that are over: their content, and whatever was written because of it. Ids,
    /// times, states and counts stay. Answers in order.
    func forget(
        _ sequences: [Int64], _ options: ForgetOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer]
    /// Makes decided and held leads received again, for the rules to decide as they are now, and keeps
    /// the decision that they had. What was made stays; a lead that was a duplicate stays one.
    /// Answers in order.
    func decideAgain(
        _ sequences: [Int64], _ options: DecideAgainOptions, _ order: Order
    ) async throws(StoreError) -> [OrderAnswer]
    /// What was decided about a lead before it was given to the rules again, first first.
    func earlierDecisions(
        ofLead sequence: Int64
    ) async throws(StoreError) -> [EarlierDecision]
    /// Leads that are over, longest kept first: what retention may erase.
    func over(_ query: OverQuery) async throws(StoreError) -> [OverLead]

    /// Throws what a lead that came now would meet.
    func checkIntake() async throws(StoreError)

    /// Finishes writing and closes. May be called twice.
    func close() async
}

extension LeadStore {
    /// Stores decisions, and asks for no others.
    public func record(_ decisions: [DecisionRecord]) async throws(StoreError) {
        _ = try await record(decisions, thenUndecided: 0)
    }

    /// Asks for the counts.
    public func checkIntake() async throws(StoreError) { _ = try await stats() }
    /// None: what is in no file has no checksums.
    public func damage(
        ofDeliveries sequences: [Int64]
    ) async throws(StoreError) -> [Int64: String] { [:] }
    /// None: what is in no file has no checksums.
    public func damage(ofLead sequence: Int64) async throws(StoreError) -> String? { nil }
}

/// Why the store did not do what it was asked to.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// More writes wait than the store takes, or its disk does not end one; try again.
    case overloaded
    /// The disk has no room for more leads; what is stored is still delivered.
    case full(String)
    /// Another process owns the store.
    case locked(String)
    /// The file cannot be used: damaged, of a newer version, or not writable as it must be.
    case unusable(String)
    /// A read or write failed. After a failed write nothing of it is stored; the process must not
    /// go on acknowledging.
    case failed(String)

    /// One sentence, without lead data.
    public var description: String {
        switch self {
        case .overloaded: "too many writes wait for the store's disk"
        case .full(let text), .locked(let text), .unusable(let text), .failed(let text): text
        }
    }
}

/// Which leads to list.
public struct LeadFilter: Sendable, Equatable {
    /// Only this source.
    public var source: String?
    /// Only this id.
    public var leadID: LeadID?
    /// Only this state.
    public var state: InboxState?
    /// Only this outcome.
    public var outcome: String?
    /// Only those with a delivery to this sink, whatever became of it.
    public var sink: String?
    /// Only those with a delivery by this route, whatever became of it.
    public var route: String?
    /// Only what was taken in at this time or later.
    public var sinceMilliseconds: Int64?
    /// Only what was taken in before this time.
    public var untilMilliseconds: Int64?
    /// Only rows behind this number, and then oldest first: to read everything page by page.
    public var afterSequence: Int64?
    /// Only rows before this number: to go on where a page, newest first, ended.
    public var beforeSequence: Int64?
    /// At most so many.
    public var limit: Int

    /// Makes a filter.
    public init(
        source: String? = nil, leadID: LeadID? = nil, state: InboxState? = nil,
        outcome: String? = nil, sink: String? = nil, route: String? = nil,
        sinceMilliseconds: Int64? = nil, untilMilliseconds: Int64? = nil,
        afterSequence: Int64? = nil, beforeSequence: Int64? = nil, limit: Int = 50
    ) {
        self.sink = sink
        self.route = route
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
        self.afterSequence = afterSequence
        self.beforeSequence = beforeSequence
        self.source = source
        self.leadID = leadID
        self.state = state
        self.outcome = outcome
        self.limit = limit
    }
}

/// Which deliveries to list.
public struct DeliveryFilter: Sendable, Equatable {
    /// Only this sink.
    public var sink: String?
    /// Only this state.
    public var state: DeliveryState?
    /// Only those that have a later generation, or only those that have none.
    public var isSuperseded: Bool?
    /// Only of leads with this id.
    public var leadID: LeadID?
    /// Only keys that begin so.
    public var keyPrefix: String?
    /// Only of leads of this source.
    public var source: String?
    /// Only of this route.
    public var route: String?
    /// Only what was made at this time or later.
    public var sinceMilliseconds: Int64?
    /// Only what was made before this time.
    public var untilMilliseconds: Int64?
    /// Only rows behind this number, and then oldest first: to read everything page by page.
    public var afterSequence: Int64?
    /// Only rows before this number: to go on where a page, newest first, ended.
    public var beforeSequence: Int64?
    /// At most so many.
    public var limit: Int

    /// Makes a filter.
    public init(
        sink: String? = nil, state: DeliveryState? = nil, isSuperseded: Bool? = nil,
        leadID: LeadID? = nil,
        keyPrefix: String? = nil, source: String? = nil, route: String? = nil,
        sinceMilliseconds: Int64? = nil, untilMilliseconds: Int64? = nil,
        afterSequence: Int64? = nil, beforeSequence: Int64? = nil, limit: Int = 50
    ) {
        self.source = source
        self.route = route
        self.sinceMilliseconds = sinceMilliseconds
        self.untilMilliseconds = untilMilliseconds
        self.afterSequence = afterSequence
        self.beforeSequence = beforeSequence
        self.sink = sink
        self.state = state
        self.isSuperseded = isSuperseded
        self.leadID = leadID
        self.keyPrefix = keyPrefix
        self.limit = limit
    }
}

/// Both sides of the books: `received = decided + held + waiting + quarantined + forgotten`, and
/// `deliveries = delivered + dead + cancelled + pending + leased`.
public struct StoreStats: Sendable, Equatable {
    /// Inbox rows by state.
    public var leads: [InboxState: Int] = [:]
    /// Rows that were decided, by outcome.
    public var outcomes: [String: Int] = [:]
    /// Deliveries by state.
    public var deliveries: [DeliveryState: Int] = [:]
    /// Deliveries by sink and state.
    public var sinks: [String: [DeliveryState: Int]] = [:]

    /// Nothing counted.
    public init() {}
}
