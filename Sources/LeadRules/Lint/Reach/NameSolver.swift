internal import LeadKit

/// Finds values for one name that meet every demand made on it.
struct NameSolver {
    enum Answer {
        /// No values can.
        case none
        /// These do.
        case found([String])
        /// Some might, and these are an attempt: the classes of values cannot say it exactly.
        case perhaps([String])
    }

    let name: Name
    var demands: [Demand]
    /// Checks that do not come from tests, such as "no key of this table".
    var extra: [QuantifiedCheck] = []
    let tables: [Table]
    let traits: NameTraits
    let work: LintWork
    /// What earlier routes take whatever else the lead says.
    var taken = TakenTexts()

    /// The most ways that the demands' alternatives may be combined in.
    private static let waysMax = 64

    func solve() -> Answer {
        if traits.mayBeMissing, isMetByMissing { return .found([]) }
        var ways: [[QuantifiedCheck]] = [extra]
        for demand in demands {
            let alternatives = demand.alternatives
            if alternatives.count == 1 {
                for index in ways.indices { ways[index] += alternatives[0] }
                continue
            }
            work.spend(ways.reduce(0) { $0 + $1.count } * alternatives.count)
            ways = ways.flatMap { way in alternatives.map { way + $0 } }
            guard ways.count <= NameSolver.waysMax else { return .perhaps([]) }
        }
        var attempt: [String]?
        for way in ways {
            // An attempt is always right: it only says that nothing is known.
            if work.isSpent { return .perhaps(attempt ?? []) }
            switch solve(way) {
            case .found(let texts): return .found(texts)
            case .perhaps(let texts): attempt = attempt ?? texts
            case .none: continue
            }
        }
        return attempt.map { .perhaps($0) } ?? .none
    }

    private var isMetByMissing: Bool {
        extra.allSatisfy(\.isEvery) && demands.allSatisfy(\.isMetByMissing)
    }

    private func solve(_ checks: [QuantifiedCheck]) -> Answer {
        let space = ValueSpace(checks, spellings: spellings, tables: tables)
        var choice = Choice(space: space, checks: checks, taken: taken)
        for value in traits.texts ?? [] {
            choice.consider(ValueClass(kind: .exactly, guess: Value(value)))
        }
        if traits.texts == nil {
            let classes = space.classes()
            work.spend(classes.count * (checks.count + 1) + space.spellingCost)
            for value in classes {
                if work.isSpent { return .perhaps([]) }
                choice.consider(value)
            }
            if let texts = firstThatHolds(choice) { return .found(texts) }
            // Keys are asked only now: a literal answers most questions, and there may be many.
            work.spend(space.keyCount)
            for value in space.keys where choice.consider(value) {
                if let texts = firstThatHolds(choice) { return .found(texts) }
            }
        }
        if traits.texts != nil, let texts = firstThatHolds(choice) { return .found(texts) }
        return choice.attempt(isSingle: traits.isSingle).map { .perhaps($0) } ?? .none
    }

    private var spellings: [String] {
        demands.flatMap { demand in
            demand.test.text.utf8.split { !"+-.0123456789".utf8.contains($0) }
                .map { String($0) ?? "" }
        }
    }

    private func firstThatHolds(_ choice: Choice) -> [String]? {
        for value in choice.sufficient {
            for text in choice.guesses(value) {
                if holds([text]) { return [text] }
                if work.isSpent { return nil }
            }
        }
        guard !traits.isSingle, let texts = choice.oneForEach, holds(texts) else { return nil }
        return texts
    }

    /// Whether the values meet every demand, without any abstraction.
    private func holds(_ texts: [String]) -> Bool {
        work.spend(demands.count + extra.count)
        let values = texts.map(Value.init)
        return demands.allSatisfy { $0.side.allows($0.test.truth(values, tables)) }
            && !values.contains { taken.taker(of: $0) != nil }
            && extra.allSatisfy { check in
                let space = ValueSpace([], spellings: [], tables: tables)
                func can(_ value: Value) -> Bool {
                    space.can(ValueClass(kind: .exactly, guess: value), check.check)
                }
                return check.isEvery ? values.allSatisfy(can) : values.contains(where: can)
            }
    }
}

/// What values a name can have at all.
struct NameTraits {
    var mayBeMissing = true
    /// At most one value.
    var isSingle = false
    /// The only texts possible; nil when any is.
    var texts: [String]?
}

/// Classes of values that every check of the "every" kind allows, chosen so that each check of the
/// "some" kind has one.
private struct Choice {
    let space: ValueSpace
    let every: [ValueCheck]
    let some: [ValueCheck]
    let taken: TakenTexts
    /// Classes that alone suffice, the first few.
    private(set) var sufficient: [ValueClass] = []
    /// For each check of the "some" kind the first class that meets it.
    private var firstFor: [ValueClass?]
    private var isAnyAllowed: ValueClass?

    private static let sufficientMax = 24

    init(space: ValueSpace, checks: [QuantifiedCheck], taken: TakenTexts) {
        self.space = space
        self.taken = taken
        every = checks.filter(\.isEvery).map(\.check)
        some = checks.filter { !$0.isEvery }.map(\.check)
        firstFor = Array(repeating: nil, count: some.count)
    }

    /// Takes a class into account; false when it brings nothing new.
    @discardableResult
    mutating func consider(_ value: ValueClass) -> Bool {
        switch value.kind {
        case .exactly: if taken.excludes(value.guess) { return false }
        case .inOtherCase: if taken.excludesInAnyCase(value.guess) { return false }
        default: break
        }
        guard every.allSatisfy({ space.can(value, $0) }) else { return false }
        var isNew = isAnyAllowed == nil
        if isNew { isAnyAllowed = value }
        var meetsAll = true
        for (index, check) in some.enumerated() {
            guard space.can(value, check) else {
                meetsAll = false
                continue
            }
            if firstFor[index] == nil {
                firstFor[index] = value
                isNew = true
            }
        }
        if meetsAll, sufficient.count < Choice.sufficientMax {
            sufficient.append(value)
            isNew = true
        }
        return isNew
    }

    /// Whether some class is known for every check.
    var isFullyMet: Bool { isAnyAllowed != nil && firstFor.allSatisfy { $0 != nil } }

    /// One value for each check, when no single one need suffice.
    var oneForEach: [String]? {
        guard isFullyMet else { return nil }
        var seen: Set<String> = []
        return firstFor.compactMap { $0?.guess.exact }.filter { seen.insert($0).inserted }
    }

    /// An attempt, if the classes allow any.
    func attempt(isSingle: Bool) -> [String]? {
        if isSingle { return sufficient.first.map { [$0.guess.exact] } }
        return isFullyMet ? sufficient.first.map { [$0.guess.exact] } ?? oneForEach : nil
    }

    /// Texts of the class to try.
    func guesses(_ value: ValueClass) -> [String] {
        if case .exactly = value.kind { return [value.guess.exact] }
        return [value.guess.exact]
            + space.parts.prefix(8).flatMap { part in
                [part, value.guess.exact + part, value.guess.exact + " " + part + " x"]
            }.map { Normalization.value($0) }
    }
}
