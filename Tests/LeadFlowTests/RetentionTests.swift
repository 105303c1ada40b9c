import GRDB
import LeadKit
import LeadRules
import LeadTesting
import Logging
import Testing

@testable import LeadFlow
@testable import LeadStore

/// What retention does when clocks and stores are not as they should be.
@Suite(.timeLimit(.minutes(1)))
struct RetentionTests {
    private let day: Int64 = 86_400_000
    private let clock = HandClock()

    /// A store with three held leads that were taken in two years and a day ago.
    private func stage() async throws -> Stage {
        let stage = try await Stage(sinks: [("main", Script(), "")])
        let time = clock.nowMilliseconds() - 731 * day
        _ = try await stage.store.accept(
            ["1", "2", "3"].map { .lead(.sample(id: $0)) }, atMilliseconds: time)
        let entries = try await stage.store.undecided(after: 0, limit: 9)
        _ = try await stage.store.record(
            entries.map { entry in
                DecisionRecord(
                    sequence: entry.sequence, state: .held, outcome: "held", reason: nil,
                    decision: "{}", ruleSetHash: "hash", deliveries: [], atMilliseconds: time)
            }, thenUndecided: 0)
        return stage
    }

    private func retention(_ stage: Stage, _ flow: Flow) -> Retention {
        Retention(
            settings: {
                var settings = RetentionSettings()
                settings.held = .seconds(90 * 86_400)
                return settings
            }, oldEnough: { flow.delivery.latestMilliseconds(ofAge: $0) }, store: stage.store,
            clock: FastClock(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    private func begin(_ flow: Flow) async throws {
        while flow.delivery.latestMilliseconds(ofAge: .zero) == nil { try await aMoment() }
    }

    @Test func `a clock that went on by years while the service was off makes no lead old`()
        async throws
    {
        let stage = try await stage()
        try await stage.store.record(
            ClockJump(expectedMilliseconds: clock.nowMilliseconds() - 730 * day, byMilliseconds: 0))
        let idle = try await stage.flow(clock: clock)
        #expect(try await retention(stage, idle).pass() == 0, "nobody knows yet how old they are")
        try await stage.run(clock: clock) { flow in
            try await begin(flow)
            let retention = retention(stage, flow)
            var forgotten = [try await retention.pass()]
            // It may have been a service that was off: in the end they are forgotten.
            for days: Int64 in [88, 1] {
                clock.advance(by: .milliseconds(days * day + 1))
                forgotten.append(try await retention.pass())
            }
            #expect(forgotten == [0, 0, 3])
        }
    }

    @Test func `a service that was at work until now forgets what is old`() async throws {
        let stage = try await stage()
        try await stage.store.record(
            ClockJump(expectedMilliseconds: clock.nowMilliseconds() - 60_000, byMilliseconds: 0))
        try await stage.run(clock: clock) { flow in
            try await begin(flow)
            let forgotten = try await retention(stage, flow).pass()
            #expect(forgotten == 3)
        }
    }

    @Test func `what cannot be read is a fault that is told, and the next pass tries again`()
        async throws
    {
        let stage = try await stage()
        let check = FileCheck(
            store: stage.store, clock: FastClock(), logger: Logger(label: "test"))
        let log = LogLines()
        let retention = Retention(
            settings: {
                var settings = RetentionSettings()
                settings.delivered = .seconds(90 * 86_400)
                settings.held = .seconds(90 * 86_400)
                return settings
            }, oldEnough: { _ in .max }, store: stage.store, clock: FastClock(),
            onFault: { check.note($0) }, logger: log.logger)
        let index = try await stage.store.read { db in
            try String.fetchOne(db, sql: "SELECT sql FROM sqlite_schema WHERE name = 'inbox_over'")
        }
        try await stage.store.write { db in try db.execute(sql: "DROP INDEX inbox_over") }
        #expect(try await retention.pass() == 0)
        #expect(check.state.faultCount == 2, "one for each way to be over")
        #expect(log.having("error leads that 'retention' may forget cannot be read").count == 2)
        try await stage.store.write { db in try db.execute(sql: index ?? "") }
        // A store that cannot write ends the service, as ever.
        try await stage.store.write { db in
            try db.execute(
                sql: """
                    CREATE TRIGGER no BEFORE UPDATE ON inbox
                    BEGIN SELECT raise(ABORT, 'no'); END
                    """)
        }
        await #expect(throws: StoreError.self) { try await retention.pass() }
        try await stage.store.write { db in try db.execute(sql: "DROP TRIGGER no") }
        #expect(try await retention.pass() == 3)
    }
}
