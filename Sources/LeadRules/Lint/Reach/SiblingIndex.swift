internal import LeadKit

/// Finds the routes of one level that a lead may be taken by, without asking each of them.
struct SiblingIndex: Sendable {
    /// Routes by a text that some value must equal.
    private struct Keyed: Sendable {
        var exact: [String: [Int]] = [:]
        var folded: [String: [Int]] = [:]
    }

    /// The first route that decides every lead with this text.
    struct Sole: Sendable {
        var exact: [String: Int] = [:]
        var folded: [String: Int] = [:]
    }

    private var keyed: [Name: Keyed] = [:]
    /// Routes that ask for no text.
    private var general: [Int] = []
    private(set) var sole: [Name: Sole] = [:]

    mutating func add(_ route: Route, at order: Int, _ ruleSet: RuleSet) {
        guard !route.isDisabled else { return }
        guard let condition = route.condition,
            let (name, set) = SiblingIndex.key(of: condition, ruleSet)
        else {
            general.append(order)
            return
        }
        for text in set.texts {
            if set.isExact {
                keyed[name, default: Keyed()].exact[text, default: []].append(order)
            } else {
                keyed[name, default: Keyed()].folded[text, default: []].append(order)
            }
        }
        guard route.hasEnd, case .test(let test) = condition, test.isSolelyOneOf else { return }
        for text in set.texts {
            if set.isExact {
                if sole[name, default: Sole()].exact[text] == nil {
                    sole[name]?.exact[text] = order
                }
            } else if sole[name, default: Sole()].folded[text] == nil {
                sole[name]?.folded[text] = order
            }
        }
    }

    /// The shortest list of texts of which a lead must say one, so that the condition holds.
    private static func key(
        of condition: Condition, _ ruleSet: RuleSet
    ) -> (name: Name, set: TextSet)? {
        switch condition {
        case .test(let test):
            guard !test.orMissing else { return nil }
            for case .isOneOf(let set) in test.onValue {
                return (ruleSet.names[test.slot], set)
            }
            return nil
        case .all(let parts):
            return parts.compactMap { key(of: $0, ruleSet) }
                .min { $0.set.texts.count < $1.set.texts.count }
        case .use(let number): return key(of: ruleSet.conditions[number].condition, ruleSet)
        case .any, .not: return nil
        }
    }

    /// The routes that may take the lead, in order.
    func candidates(for lead: LintLead, before end: Int) -> [Int] {
        var result = general
        for (name, keyed) in keyed {
            for value in lead.values(of: name) {
                result += keyed.exact[value.exact] ?? []
                result += keyed.folded[value.folded] ?? []
            }
        }
        return Set(result.lazy.filter { $0 < end }).sorted()
    }
}

extension Test {
    /// Whether the test asks only that some value is one of a list.
    var isSolelyOneOf: Bool {
        guard onValue.count == 1, case .isOneOf = onValue[0] else { return false }
        return onField.isEmpty && !every && !orMissing
    }
}

/// Texts of one name that earlier routes take whatever else a lead says.
struct TakenTexts {
    struct Layer: Sendable {
        var level: Int
        var sole: SiblingIndex.Sole
        /// Only routes before this one count.
        var end: Int
        /// Only these count, if given.
        var only: Set<Int>?
    }

    var layers: [Layer] = []
    /// Where takers are noted that made a value impossible.
    var log: TakerLog?

    /// The route that takes the value.
    func taker(of value: Value) -> Taker? {
        first { [$0.exact[value.exact], $0.folded[value.folded]] }
    }

    /// Whether the value is taken; notes by whom.
    func excludes(_ value: Value) -> Bool { note(taker(of: value)) }

    /// Whether every text that differs from the value in case only is taken.
    func excludesInAnyCase(_ value: Value) -> Bool { note(first { [$0.folded[value.folded]] }) }

    private func note(_ taker: Taker?) -> Bool {
        guard let taker else { return false }
        log?.takers.insert(taker)
        return true
    }

    private func first(_ orders: (SiblingIndex.Sole) -> [Int?]) -> Taker? {
        for layer in layers {
            for case let order? in orders(layer.sole)
            where order < layer.end && layer.only?.contains(order) ?? true {
                return Taker(level: layer.level, order: order)
            }
        }
        return nil
    }
}

/// A route that takes a lead first.
struct Taker: Hashable, Sendable {
    var level: Int
    var order: Int
}

/// Collects takers during one search.
final class TakerLog {
    var takers: Set<Taker> = []
}
