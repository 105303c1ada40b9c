internal import LeadKit

/// The rules of a rule set in the form that deciding runs: flat, numbered, and indexed.
///
/// `Condition` and `Route` are what the rules mean; this is made from them once, and every answer is
/// the same. What makes it fast:
///
/// - Every text that rules compare has a *symbol*. A lead's value is looked up once for each way in
///   which rules look at it (a *probe*: equals, starts with, is a key of a table, matches a pattern,
///   …), and from then on comparing is comparing numbers.
/// - A route that can only be taken when a value has one of a few symbols is filed under them in its
///   list's *postings*, and nobody looks at it for any other lead. The rest of a list is *generic*.
/// - What a route decides alone is a `Decision` made beforehand.
final class CompiledRules: Sendable {
    /// The names asked for, by slot.
    let names: [Name]
    let slots: [CompiledSlot]
    let probes: [Probe]
    /// Lengths, in bytes, of the texts of probes for beginnings and ends, ascending.
    let lengths: [Int32]
    let groups: [PatternGroup]
    let texts: TextIndex

    let tables: [Table]
    let schedules: [Schedule]
    /// How each table's row is found.
    let tableKeys: [TableKey]

    let steps: [Step]
    let tests: [CompiledTest]
    let checks: [Check]
    /// Sets of symbols, each sorted.
    let symbols: [Int32]
    let numbers: [ExactNumber]
    let times: [Timestamp]
    let types: [FieldType]
    /// The step of each named condition.
    let conditions: [Int32]

    /// The list at the root is the first.
    let lists: [CompiledList]
    let routes: [CompiledRoute]
    /// Numbers of generic routes, a list after the other.
    let generic: [Int32]
    /// Probes under which routes of a list are filed, a list after the other; of a list, in the
    /// order of the first route that is filed under each.
    let keyProbes: [KeyProbe]
    /// What is filed under each symbol.
    let files: [SymbolFile]
    /// Postings of symbols with several, each symbol's in the order of lists and routes.
    let postings: [Posting]

    let routeNames: [String]
    let drops: [String?]
    let targets: [Target]
    /// Numbers of targets, a route after the other.
    let targetNumbers: [Int32]
    let numbersOfTargets: [Target: Int32]
    let holds: [HoldUntil]
    let fallback: CompiledFallback
    /// What each route decides when no other is reached, by the route's number.
    let decisions: [Decision]

    /// Fields whose values should be keys of a table.
    let expectations: [ExpectedKey]

    init(_ compiler: consuming RuleCompiler) {
        names = compiler.names
        slots = compiler.flatSlots
        probes = compiler.flatProbes
        lengths = compiler.lengths
        groups = compiler.groups
        texts = compiler.texts
        tables = compiler.tables
        schedules = compiler.schedules
        tableKeys = compiler.tableKeys
        steps = compiler.steps
        tests = compiler.tests
        checks = compiler.checks
        symbols = compiler.symbols
        numbers = compiler.numbers
        times = compiler.times
        types = compiler.types
        conditions = compiler.conditionSteps
        lists = compiler.lists
        routes = compiler.routes
        generic = compiler.generic
        keyProbes = compiler.keyProbes
        (files, postings) = compiler.sortedPostings()
        routeNames = compiler.routeNames
        drops = compiler.drops
        targets = compiler.targets
        targetNumbers = compiler.targetNumbers
        numbersOfTargets = compiler.numbersOfTargets
        holds = compiler.holds
        fallback = compiler.compiledFallback
        decisions = compiler.decisions
        expectations = compiler.expectations
    }
}

/// A name, and the probes of its values.
struct CompiledSlot: Sendable {
    enum Kind: Sendable {
        case field
        case column(table: Int32, column: Int32)
        /// One that the envelope holds as it is asked for.
        case attribute(LeadAttribute)
        case other
    }

    var kind: Kind
    var firstProbe: Int32
    var probeCount: Int32
}

/// One way of looking at a value: which of the texts known to it does the value equal, begin with,
/// match? The answer is their symbols.
struct Probe: Sendable {
    enum Kind: UInt8, Sendable {
        case equals, startsWith, endsWith, group
    }

    var kind: Kind
    /// Whether it looks at the value with its case.
    var isExact: Bool
    /// The texts' space; of a group, where the symbols of its patterns begin in `symbols`.
    var space: Int32
    /// In `lengths`; of a group, its number in `groups`.
    var first: Int32 = 0
    var count: Int32 = 0

    /// In `lengths`.
    var indices: Range<Int> { Int(first)..<Int(first + count) }
}

/// A table's key: a slot, and the probe there whose symbols are the rows behind `firstSymbol`.
struct TableKey: Sendable {
    /// Negative for a table that selects no row.
    var slot: Int32
    var probe: Int32
    var firstSymbol: Int32
}

/// A part of a condition.
struct Step: Sendable {
    enum Kind: UInt8, Sendable {
        /// Steps from `first` on, `count` of them.
        case all, any
        /// The step `first`.
        case not
        /// The named condition `first`.
        case use
        /// The test `first`.
        case test
        /// Some value of the slot has one of `symbols`, from `first` on, `count` of them. The
        /// commonest test, in short.
        case found
    }

    var kind: Kind
    var first: Int32
    var count: Int32 = 0
    var slot: Int32 = 0
    var probe: Int32 = 0
}

/// A `Test`: checks from `firstCheck` on, those on values before those on the field as a whole.
struct CompiledTest: Sendable {
    var slot: Int32
    var firstCheck: Int32
    var valueChecks: Int32
    var fieldChecks: Int32
    var every: Bool
    var orMissing: Bool
}

/// An operator. What `first` and `count` are in depends on the kind.
struct Check: Sendable {
    enum Kind: UInt8, Sendable {
        /// The probe found one of `symbols`.
        case found
        /// The probe found anything.
        case foundAny
        /// Compared with `numbers`.
        case above, atLeast, below, atMost, between
        /// Compared with `times`.
        case before, after
        /// The whole field: the probe found none of `symbols` for any value.
        case foundNone
        /// The whole field: the probe found nothing for any value.
        case foundNothing
        /// The whole field: `count` is 1 for present.
        case exists
        /// The whole field: every value is well-formed for one of `types`, or `count` is 0.
        case valid
    }

    var kind: Kind
    /// Of the slot's probes.
    var probe: Int32 = 0
    var first: Int32 = 0
    var count: Int32 = 0
}

/// Routes of one level.
struct CompiledList: Sendable {
    var isFirstMatch: Bool
    var firstGeneric: Int32
    var genericCount: Int32
    var firstKeyProbe: Int32
    var keyProbeCount: Int32
}

/// A probe under which routes of a list are filed.
struct KeyProbe: Sendable, Hashable {
    var slot: Int32
    var probe: Int32
    /// Nobody need ask before this route's turn.
    var firstRoute: Int32 = 0
}

/// A route filed under a symbol.
struct Posting: Sendable {
    var list: Int32
    var route: Int32
    /// Whether the symbol alone makes the route's condition true.
    var isCertain: Bool
}

/// The postings of a symbol. Most symbols have one, which stands here itself, so that it is found
/// without another look into memory.
struct SymbolFile: Sendable {
    var count: Int32 = 0
    /// Of several, where they begin in `postings`.
    var first: Int32 = 0
    var single = Posting(list: -1, route: 0, isCertain: false)
}

/// A route that is not disabled.
struct CompiledRoute: Sendable {
    /// -1 for `always`, and when the postings are certain.
    var condition: Int32
    /// The list below; -1 without one.
    var children: Int32
    /// Targets of copies from `firstTarget` on, then those of `to`.
    var firstTarget: Int32
    var copyCount: Int32
    var toCount: Int32
    /// Whether it has `to` or `drop`.
    var decides: Bool
    /// In `holds`; -1 when the deliveries wait for nothing.
    var hold: Int32
}

struct CompiledFallback: Sendable {
    /// Numbers of the targets; nil for `hold`.
    var targets: [Int32]?
    var decision: Decision
}

/// `expect_in`, compiled.
struct ExpectedKey: Sendable {
    var slot: Int32
    var probe: Int32
    var field: String
    var table: String
}
