import Foundation
import LeadKit
import Testing

@testable import LeadRules

/// Opening hours, and what waits for them.
struct ScheduleTests {
    private func time(_ text: String) throws -> Timestamp { try #require(Timestamp(text)) }

    private func schedule(_ text: String) throws -> Schedule {
        try #require(try rules("schedules: {s: {\(text)}}").schedules.first)
    }

    static let showroom = """
        time_zone: Europe/Rome,
        open: {mon-fri: ["09:00-12:30", "14:30-19:00"], sat: "9:00 - 13:00"},
        closed: ["2025-12-25", "2026-01-01..2026-01-06", "08-15"],
        special: {"2025-12-24": "09:00-12:00", "2026-08-15": "10:00-11:00", "2025-10-13": closed}
        """

    // Rome is two hours ahead of UTC in summer, one in winter. 2025-10-09 is a Thursday.
    @Test(arguments: [
        ("2025-10-09T06:59:59Z", false), ("2025-10-09T07:00:00Z", true),
        ("2025-10-09T10:29:59Z", true), ("2025-10-09T10:30:00Z", false),
        ("2025-10-09T12:30:00Z", true), ("2025-10-09T16:59:59Z", true),
        ("2025-10-09T17:00:00Z", false), ("2025-10-11T10:59:59Z", true),
        ("2025-10-11T11:00:00Z", false), ("2025-10-12T08:00:00Z", false),
        ("2025-10-13T08:00:00Z", false), ("2025-10-14T08:00:00Z", true),
        ("2025-11-06T07:30:00Z", false), ("2025-11-06T08:00:00Z", true),
        ("2025-12-24T10:59:59Z", true), ("2025-12-24T11:00:00Z", false),
        ("2025-12-25T09:00:00Z", false), ("2025-12-31T09:00:00Z", true),
        ("2026-01-01T09:00:00Z", false), ("2026-01-06T09:00:00Z", false),
        ("2026-01-07T09:00:00Z", true), ("2025-08-15T09:00:00Z", false),
        ("2026-08-15T08:30:00Z", true), ("2027-08-16T08:30:00Z", true),
        ("2030-08-15T08:30:00Z", false),
    ]) func `a schedule is open in its periods`(_ text: String, _ isOpen: Bool) throws {
        let rules = try rules(
            "schedules: {s: {\(ScheduleTests.showroom)}}\nroutes: [{id: r, when: {schedule.s: open}, to: a}]"
        )
        let decision = rules.decide(lead(), at: try time(text))
        #expect((decision.outcome == .routed) == isOpen)
    }

    @Test(arguments: [
        ("mon", "mon"), ("Monday", "mon"), ("mon-wed", "mon tue wed"),
        ("fri-mon", "fri sat sun mon"),
        ("mon,wed, fri-sat", "mon wed fri sat"), ("mon-sun", "mon tue wed thu fri sat sun"),
        ("sun", "sun"),
    ]) func `days are names, ranges and lists`(_ text: String, _ wanted: String) throws {
        #expect(try Weekday.days(text).map { Weekday.names[$0] }.joined(separator: " ") == wanted)
    }

    @Test(arguments: [
        ("2025-10-10T17:59:59Z", false), ("2025-10-10T18:00:00Z", true),
        ("2025-10-10T22:00:00Z", true), ("2025-10-10T23:59:59Z", true),
        ("2025-10-11T00:00:00Z", false), ("2025-10-11T22:30:00Z", false),
        // The Friday that is closed; the Thursday before it runs on.
        ("2025-12-26T00:30:00Z", true), ("2025-12-26T01:00:00Z", false),
        ("2025-12-26T20:00:00Z", false), ("2025-12-27T00:30:00Z", false),
    ]) func `a period past midnight belongs to the day on which it begins`(
        _ text: String, _ isOpen: Bool
    ) throws {
        let schedule = try schedule(
            "time_zone: Europe/Rome, open: {thu-fri: \"20:00-02:00\"}, closed: 2025-12-26")
        #expect(schedule.isOpen(at: try time(text).seconds) == isOpen)
    }

    @Test func `the whole day ends at 24:00, and days may meet`() throws {
        let day = try schedule("time_zone: UTC, open: {thu: \"00:00-24:00\", fri: \"0:00-01:00\"}")
        let start = try time("2025-10-09T00:00:00Z").seconds
        let open = (-3600..<(30 * 3600)).filter { day.isOpen(at: start + Int64($0)) }
        #expect(open == Array(0..<(25 * 3600)))
    }

    /// Open or closed from second to second, in UTC, around a change of clocks.
    static let changes: [(zone: String, period: String, at: String, wanted: String)] = [
        // 02:00 → 03:00 at 01:00Z on 2025-03-30.
        ("Europe/Rome", "01:30-02:30", "2025-03-30T00:00:00Z", "00:30-01:00"),
        ("Europe/Rome", "02:15-02:45", "2025-03-30T00:00:00Z", ""),
        ("Europe/Rome", "02:30-04:00", "2025-03-30T00:00:00Z", "01:00-02:00"),
        ("Europe/Rome", "03:00-04:00", "2025-03-30T00:00:00Z", "01:00-02:00"),
        // 03:00 → 02:00 at 01:00Z on 2025-10-26.
        ("Europe/Rome", "01:00-02:30", "2025-10-25T23:00:00Z", "23:00-00:30 01:00-01:30"),
        ("Europe/Rome", "02:15-02:45", "2025-10-25T23:00:00Z", "00:15-00:45 01:15-01:45"),
        ("Europe/Rome", "02:00-03:00", "2025-10-25T23:00:00Z", "00:00-02:00"),
        ("Europe/Rome", "02:30-03:30", "2025-10-25T23:00:00Z", "00:30-01:00 01:30-02:30"),
        // 02:00 → 02:30 at 15:30Z on 2025-10-04.
        ("Australia/Lord_Howe", "01:30-02:15", "2025-10-04T14:00:00Z", "15:00-15:30"),
        ("Australia/Lord_Howe", "02:10-02:20", "2025-10-04T14:00:00Z", ""),
        ("Australia/Lord_Howe", "02:10-03:00", "2025-10-04T14:00:00Z", "15:30-16:00"),
        // 02:00 → 01:30 at 15:00Z on 2025-04-05.
        ("Australia/Lord_Howe", "01:00-01:45", "2025-04-05T13:30:00Z", "14:00-14:45 15:00-15:15"),
        ("Australia/Lord_Howe", "01:40-01:50", "2025-04-05T13:30:00Z", "14:40-14:50 15:10-15:20"),
        // A midnight that does not exist: 00:00 → 01:00 at 04:00Z on 2025-09-07.
        ("America/Santiago", "00:00-02:00", "2025-09-07T03:00:00Z", "04:00-05:00"),
    ]

    @Test(arguments: changes) func `when clocks change a period means what the wall clock shows`(
        _ one: (zone: String, period: String, at: String, wanted: String)
    ) throws {
        let schedule = try schedule(
            "time_zone: \(one.zone), open: {mon-sun: \"\(one.period)\"}")
        let start = try time(one.at).seconds
        var edges: [String] = []
        var wasOpen = false
        for second in start...(start + 5 * 3600) {
            let isOpen = schedule.isOpen(at: second)
            if isOpen != wasOpen {
                let text = Timestamp(seconds: second).text.dropFirst(11).prefix(5)
                edges.append((isOpen ? " " : "-") + text)
            }
            wasOpen = isOpen
        }
        #expect(edges.joined().trimmed == one.wanted)
    }

    @Test func `offsets are Foundation's, in every zone`() throws {
        var random = SystemRandomNumberGenerator()
        for name in TimeZone.knownTimeZoneIdentifiers where name != "GMT" {
            let zone = try #require(ZoneOffsets(name))
            let foundation = try #require(TimeZone(identifier: name))
            for _ in 0..<50 {
                let second = Int64.random(in: 946_684_800..<4_000_000_000, using: &random)
                let date = Date(timeIntervalSince1970: Double(second))
                #expect(
                    zone.segment(at: second).offset == Int64(foundation.secondsFromGMT(for: date)),
                    "\(name) at \(second)")
            }
        }
    }

    /// The first opening against a walk from second to second (from a change of clocks on, in
    /// steps of five minutes: all periods here begin and end on them).
    @Test(arguments: [
        "Europe/Rome", "Australia/Lord_Howe", "America/Santiago", "Africa/Casablanca",
        "Asia/Kathmandu",
    ]) func `the first opening is the first open moment`(_ zone: String) throws {
        let schedule = try schedule(
            "time_zone: \(zone), open: {mon: \"00:30-02:10\", tue-fri: [\"01:45-02:20\", \"22:00-01:35\"], sun: \"02:15-03:00\"}, closed: [\"2025-10-28\"]"
        )
        for start in ["2025-03-28T00:00:00Z", "2025-10-24T00:00:00Z", "2025-04-04T00:00:00Z"] {
            let first = try time(start).seconds
            for step in 0..<(5 * 288) {
                let from = first + Int64(step) * 300
                let end = from + 86_400
                let walked = stride(from: from, through: end, by: 300).first {
                    schedule.isOpen(at: $0)
                }
                let found = schedule.firstOpen(from: from, through: end)
                #expect(found == walked, "from \(Timestamp(seconds: from).text)")
                if found != walked { return }
            }
        }
    }

    /// Now, then what becomes of a route's `to: a`, `also_to: b`.
    static let holds: [(hold: String, now: String, wanted: String)] = [
        ("at_most: 16h", "2025-10-09T08:00:00Z", "a, copy b"),
        ("at_most: 16h", "2025-10-09T17:00:00Z", "a at 2025-10-10T07:00:00Z, copy b"),
        ("at_most: 14h", "2025-10-09T17:00:00Z", "a at 2025-10-10T07:00:00Z, copy b"),
        ("at_most: 13h", "2025-10-09T17:00:00Z", "a at 2025-10-10T06:00:00Z, copy b"),
        ("at_most: 13h, then: [c, d]", "2025-10-09T17:00:00Z", "c, d, copy b"),
        ("at_most: 16h, then: c", "2025-10-09T17:00:00Z", "a at 2025-10-10T07:00:00Z, copy b"),
        ("at_most: 16h", "2025-10-09T10:30:00.5Z", "a at 2025-10-09T12:30:00Z, copy b"),
        // From Saturday to Monday, over the Sunday on which clocks change.
        ("at_most: 3d", "2025-10-25T12:00:00Z", "a at 2025-10-27T08:00:00Z, copy b"),
        ("at_most: 3d", "2026-01-01T12:00:00Z", "a at 2026-01-04T12:00:00Z, copy b"),
    ]

    @Test(arguments: holds) func `what is held waits, and copies do not`(
        _ one: (hold: String, now: String, wanted: String)
    ) throws {
        let rules = try rules(
            "schedules: {s: {\(ScheduleTests.showroom)}}\nroutes: [{id: r, always: true, to: a, also_to: b, hold_until: {schedule: s, \(one.hold)}}]"
        )
        let decision = rules.decide(lead(), at: try time(one.now))
        let shown = decision.deliveries.map { delivery in
            (delivery.isCopy ? "copy " : "") + delivery.target.sink
                + (delivery.notBefore.map { " at \($0.text)" } ?? "")
        }
        #expect(shown.joined(separator: ", ") == one.wanted)
        #expect(decision.routes == ["r"])
    }

    @Test func `a decision and its explanation say what it waits for`() throws {
        let rules = try rules(
            "schedules: {s: {\(ScheduleTests.showroom)}}\nroutes: [{id: r, when: {not: {schedule.s: open}}, to: a, hold_until: {schedule: s, at_most: 16h}}]"
        )
        let (decision, explanation) = rules.explain(lead(), at: try time("2025-10-09T17:00:00Z"))
        var writer = JSONWriter()
        decision.write(leadID: "17", to: &writer)
        #expect(
            writer.text
                == #"{"lead_id":"17","outcome":"routed","routes":["r"],"deliveries":[{"sink":"a","route":"r","copy":false,"not_before":"2025-10-10T07:00:00Z"}],"reason":null}"#
        )
        writer = JSONWriter()
        explanation.write(to: &writer)
        #expect(
            writer.text
                == #"[{"route":"r","taken":"true","decided":true,"hold_until":"schedule 's' is closed, waits until 2025-10-10T07:00:00Z","when":{"asked":"not","result":"true","parts":[{"asked":"schedule.s equals open","result":"false","values":["closed"]}]}}]"#
        )
    }

    static let mistakes: [(code: String, text: String)] = [
        ("bad-value", "schedules: {s: 1️⃣x}"),
        ("bad-name", "schedules: {1️⃣a b: {time_zone: UTC, open: {mon: closed}}}"),
        ("reserved-name", "schedules: {1️⃣schedule: {time_zone: UTC, open: {mon: closed}}}"),
        ("missing-key", "schedules: {1️⃣s: {open: {mon: \"09:00-18:00\"}}}"),
        ("missing-key", "schedules: {1️⃣s: {time_zone: UTC}}"),
        ("unknown-key", "schedules: {s: {time_zone: UTC, open: {mon: closed}, 1️⃣close: x}}"),
        ("bad-value", "schedules: {s: {time_zone: 1️⃣Europe/Roma, open: {mon: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: 1️⃣CET, open: {mon: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: 1️⃣+02:00, open: {mon: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: 1️⃣[UTC], open: {mon: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: 1️⃣{}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: 1️⃣\"09:00-18:00\"}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {1️⃣mo: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {1️⃣mon-: closed}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {1️⃣mon-wed-fri: closed}}}"),
        (
            "duplicate-day",
            "schedules: {s: {time_zone: UTC, open: {mon-fri: closed, 1️⃣wed: closed}}}"
        ),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣9-18}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣\"09:00–18:00\"}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣\"09:00-24:01\"}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣\"09:60-18:00\"}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣\"09:00-09:00\"}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣\"24:00-02:00\"}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣[]}}}"),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: 1️⃣{a: b}}}}"),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: [\"09:00-12:00\", 1️⃣\"11:00-13:00\"]}}}"
        ),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: 1️⃣25.12.2025}}"),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: [1️⃣2025-02-30]}}"
        ),
        ("bad-value", "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: [1️⃣13-01]}}"),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: [1️⃣2025-02-02..2025-01-01]}}"
        ),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: 1️⃣{2025-12-25: closed}}}"
        ),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, special: 1️⃣[2025-12-25]}}"
        ),
        (
            "bad-value",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, special: {1️⃣today: closed}}}"
        ),
        (
            "duplicate-date",
            "schedules: {s: {time_zone: UTC, open: {mon: closed}, closed: 2025-12-24..2025-12-26, special: {1️⃣2025-12-24: \"09:00-12:00\"}}}"
        ),
        ("undefined-schedule", "routes: [{id: r, when: {1️⃣schedule.t: open}, to: a}]"),
        ("bad-name", "dedupe: {by: [1️⃣schedule.s], within: 1d}"),
        ("bad-name", "tables: {t: {file: t.csv, key: k, match: 1️⃣schedule.s}}"),
        ("bad-name", "fields: {1️⃣schedule.s: {type: text}}"),
    ]

    @Test(arguments: mistakes) func `a mistake in a schedule is found once, at its place`(
        _ one: (code: String, text: String)
    ) {
        let good = "\nschedules: {s: {time_zone: UTC, open: {mon: closed}}}"
        let isAboutOne = ByteSearch.hasPrefix(one.text, "schedules")
        expectOne(
            one.code, root(one.text + (isAboutOne ? "" : good)), files: ["t.csv": "k,v\n1,2\n"])
    }

    static let uses: [(code: String, text: String)] = [
        ("bad-value", "routes: [{id: r, when: {schedule.s: 1️⃣opened}, to: a}]"),
        ("bad-value", "routes: [{id: r, when: {schedule.s: 1️⃣true}, to: a}]"),
        ("bad-value", "routes: [{id: r, when: {schedule.s: 1️⃣[open, closed]}, to: a}]"),
        ("bad-value", "routes: [{id: r, when: {schedule.s: 1️⃣{exists: true}}, to: a}]"),
        ("bad-value", "routes: [{id: r, always: true, to: a, hold_until: 1️⃣s}]"),
        ("missing-key", "routes: [{id: r, always: true, to: a, hold_until: 1️⃣{schedule: s}}]"),
        ("missing-key", "routes: [{id: r, always: true, to: a, hold_until: 1️⃣{at_most: 1h}}]"),
        (
            "undefined-schedule",
            "routes: [{id: r, always: true, to: a, hold_until: {schedule: 1️⃣ss, at_most: 1h}}]"
        ),
        (
            "bad-value",
            "routes: [{id: r, always: true, to: a, hold_until: {schedule: s, at_most: 1️⃣1 day}}]"
        ),
        (
            "bad-value",
            "routes: [{id: r, always: true, to: a, hold_until: {schedule: s, at_most: 1️⃣91d}}]"
        ),
        (
            "undefined-sink",
            "routes: [{id: r, always: true, to: a, hold_until: {schedule: s, at_most: 1h, then: 1️⃣x}}]"
        ),
        (
            "unknown-key",
            "routes: [{id: r, always: true, to: a, hold_until: {schedule: s, at_most: 1h, 1️⃣than: b}}]"
        ),
        (
            "no-effect",
            "routes: [{id: r, always: true, drop: x, hold_until: 1️⃣{schedule: s, at_most: 1h}}]"
        ),
    ]

    @Test(arguments: uses) func `a mistake in asking or waiting is found once, at its place`(
        _ one: (code: String, text: String)
    ) {
        expectOne(
            one.code, root(one.text + "\nschedules: {s: {time_zone: UTC, open: {mon: closed}}}"))
    }

    @Test func `a template cannot ask a schedule`() {
        expectOne(
            "bad-name",
            "version: 1\ndefault: {to: p}\nschedules: {s: {time_zone: UTC, open: {mon: closed}}}\nsinks: {p: {plugin: places, address: x@y.example, text: 1️⃣\"{{schedule.s}}\"}}"
        )
    }

    @Test func `a message says what to type`() {
        let report = load([
            "leadrouter.yaml": root(
                "schedules: {s: {time_zone: Europe/Roma, open: {mo-fri: 9-18}}, t: {time_zone: CET, open: {thur: \"09:00-18:00\"}}}"
            )
        ]).diagnostics.map { "\($0.message); \($0.help ?? "-")" }
        #expect(
            report == [
                "'Europe/Roma' is not the name of a time zone; did you mean 'Europe/Rome'?",
                "'mo' is not a day of the week; did you mean 'mon'?",
                "'9-18' is not a period; write '09:00-18:00'",
                "'CET' is not the name of a time zone; write region and city, such as 'Europe/Rome' or 'America/New_York'",
                "'thur' is not a day of the week; did you mean 'thu'?",
            ])
    }
}
