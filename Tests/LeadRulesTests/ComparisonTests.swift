import LeadKit
import LeadRules
import Testing

/// `diff`: what two rule sets make of the same leads.
struct ComparisonTests {
    private func compare(
        _ old: String, _ new: String, _ leads: [Lead], fallback: String = "{to: d}"
    ) throws -> RoutingComparison {
        let before = try rules("routes: [\(old)]", default: fallback)
        let after = try rules("routes: [\(new)]", default: fallback)
        var comparison = RoutingComparison()
        for lead in leads {
            comparison.add(lead.id, old: before.decide(lead), new: after.decide(lead))
        }
        return comparison
    }

    /// A route for leads with `f: x`, and what it does.
    private func route(_ end: String, id: String = "r") -> String {
        "{id: \(id), when: {f: x}, \(end)}"
    }

    @Test(
        arguments: [
            ("to: a", "to: a", nil), ("to: a", "to: b", .moved), ("to: [a, b]", "to: [b, a]", nil),
            ("to: a", "to: [a, b]", .moved), ("to: a", "drop: no", .newlyDropped),
            ("drop: no", "drop: never", nil), ("drop: no", "to: a", .newlyRouted),
            ("to: a", "to: a, also_to: b", .copies), ("to: a", "also_to: a", .newlyUnmatched),
            ("also_to: a", "to: a", .newlyRouted),
        ] as [(String, String, Move?)])
    func `a lead moves when its outcome or sinks differ`(
        _ old: String, _ new: String, _ move: Move?
    ) throws {
        let comparison = try compare(route(old), route(new), [lead(["f": ["x"]])])
        #expect(comparison.moves == (move.map { [$0: 1] } ?? [:]))
        #expect(comparison.movedCount == (move == nil ? 0 : 1))
    }

    @Test func `a lead that only changes its outcome keeps its ends`() throws {
        let x = [lead(["f": ["x"]])]
        let same = try compare(route("to: d"), route("also_to: a, to: d", id: "s"), x)
        #expect(same.groups.map { $0.old.hasSameEnds(as: $0.new) } == [false])
        let outcome = try compare(route("to: d"), "{id: r, when: {f: y}, to: a}", x)
        #expect(outcome.groups.map(\.move) == [.newlyUnmatched])
        #expect(outcome.groups.map { $0.old.hasSameEnds(as: $0.new) } == [true])
    }

    @Test func `another route to the same sinks is listed and not counted`() throws {
        let comparison = try compare(
            route("to: a"), route("to: a", id: "s"), [lead(["f": ["x"]])])
        #expect(comparison.moves == [.renamed: 1] && comparison.movedCount == 0)
        #expect(comparison.groups.map(\.old.name) == ["r"])
        #expect(comparison.groups.map(\.new.name) == ["s"])
    }

    @Test func `groups have counts and the first three ids, and sinks their gains and losses`()
        throws
    {
        let leads = (1...5).map { number -> Lead in
            var one = lead(["f": [number == 5 ? "y" : "x"]])
            one.id = LeadID(String(number)) ?? one.id
            return one
        }
        let comparison = try compare(route("to: [a, b]"), route("to: [b, c]"), leads)
        #expect(comparison.count == 5)
        let group = try #require(comparison.groups.first)
        #expect(comparison.groups.count == 1 && group.count == 4 && group.move == .moved)
        #expect(group.examples.map(\.text) == ["1", "2", "3"])
        #expect(comparison.sinks["a"] == .init(counts: (4, 0, 0, 4)))
        #expect(comparison.sinks["b"] == .init(counts: (4, 4, 0, 0)))
        #expect(comparison.sinks["c"] == .init(counts: (0, 4, 4, 0)))
        #expect(comparison.sinks["d"] == .init(counts: (1, 1, 0, 0)))
        let routed = try #require(comparison.outcomes[.routed])
        #expect(routed.old == 4 && routed.new == 4)
    }

    @Test func `a duplicate is a lead with the key of an earlier one, within the time`() throws {
        let rules = try rules("dedupe: {by: [email], within: 1h}\nroutes: []")
        var earlier = EarlierLeads()
        func ask(_ email: [String], _ created: String) -> Bool {
            earlier.holdsDuplicate(
                of: lead(["email": email], envelope: [.createdTime: created]), for: rules,
                at: RuleSet.noon)
        }
        #expect(!ask(["A@b.example"], "2025-10-09T08:00:00Z"))
        #expect(ask(["a@B.example "], "2025-10-09T09:00:00Z"))
        #expect(!ask(["a@b.example"], "2025-10-09T10:00:01Z"))
        #expect(!ask([], "2025-10-09T10:00:01Z"))
        #expect(!ask([], "2025-10-09T10:00:02Z"))
    }
}

extension RoutingComparison.SinkCount {
    fileprivate init(counts: (Int, Int, Int, Int)) {
        self.init()
        (old, new, gained, lost) = counts
    }
}
