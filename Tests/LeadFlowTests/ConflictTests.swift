import LeadKit
import LeadMemory
import LeadStore
import LeadTesting
import Testing

@testable import LeadFlow

/// A known id that comes with other answers is counted apart and told.
@Suite(.timeLimit(.minutes(1))) struct ConflictTests {
    private let store = MemoryStore()
    private let counts = IntakeCounts()
    private let lines = LogLines()
    private let clock = HandClock()

    private func inbox() -> Inbox {
        let conflicts = Conflicts(store: store, clock: clock, logger: lines.logger)
        return Inbox(
            store: store, clock: clock, counts: counts,
            conflicts: { await conflicts.find(among: $0, $1) })
    }

    private func lead(
        _ id: String, _ answer: String, received: String = "2025-10-09T08:53:30Z"
    ) -> InboxItem {
        .lead(
            .sample(
                id: id, source: "web", fields: [Field("email", answer)],
                envelope: [.receivedTime: received]))
    }

    private func counted() -> [String] {
        counts.all(of: []).filter { $0.count > 0 }.map { "\($0.outcome) \($0.count)" }
    }

    @Test func `the same lead again is a duplicate, whenever it comes`() async throws {
        let again = lead("1", "zoe@example.com", received: "2026-01-01T00:00:00Z")
        _ = try await inbox().accept([lead("1", "zoe@example.com")])
        #expect(try await inbox().accept([again]) == [.duplicate])
        #expect(counted() == ["stored 1", "duplicate 1"])
        #expect(lines.all.isEmpty)
    }

    @Test func `other answers under a known id are a conflict`() async throws {
        _ = try await inbox().accept([lead("1", "zoe@example.com")])
        let answers = try await inbox().accept([
            lead("2", "a@example.com"), lead("1", "bob@example.com"), lead("2", "b@example.com"),
        ])
        #expect(answers == [.stored, .duplicate, .duplicate], "senders are told as before")
        #expect(counted() == ["stored 2", "conflict 2"])
        #expect(try await store.leads(LeadFilter()).count == 2)
    }

    @Test func `one line a source and minute says it, with the id and without answers`()
        async throws
    {
        let inbox = inbox()
        _ = try await inbox.accept([lead("1", "zoe@example.com"), lead("2", "zoe@example.com")])
        for answer in ["a", "b", "c"] { _ = try await inbox.accept([lead("1", answer)]) }
        #expect(lines.all.count == 1)
        clock.advance(by: .milliseconds(Conflicts.quietMilliseconds))
        _ = try await inbox.accept([lead("2", "canary")])
        #expect(lines.all.count == 2)
        #expect(ByteSearch.contains(lines.all.last ?? "", "2"))
        #expect(ByteSearch.contains(lines.all.last ?? "", "not_logged_before=2"))
        #expect(!lines.all.contains { ByteSearch.contains($0, "canary") })
        #expect(counted() == ["stored 2", "conflict 4"])
    }

    @Test func `of a call so many are compared`() async throws {
        let inbox = inbox()
        let ids = (1...(Conflicts.comparedMax + 5)).map { String($0) }
        _ = try await inbox.accept(ids.map { lead($0, "zoe") })
        _ = try await inbox.accept(ids.map { lead($0, "bob") })
        #expect(counted() == ["stored 105", "duplicate 5", "conflict 100"])
    }

    @Test func `a forgotten lead conflicts with nothing`() async throws {
        let inbox = inbox()
        _ = try await inbox.accept([lead("1", "zoe")])
        _ = try await store.forget(
            [1], ForgetOptions(cancelsPending: true), Order(by: "ann", atMilliseconds: 1))
        _ = try await inbox.accept([lead("1", "bob")])
        #expect(counted() == ["stored 1", "duplicate 1"])
    }
}
