internal import LeadKit
internal import LeadStore

extension StoreContract {
    static let keptAsideChecks: [Check] = [
        .init("what is kept aside and a lead that has its name are both kept") { store in
            let (one, other): ([UInt8], [UInt8]) = ([0x7B], [0x5B])
            func keepAside(_ raw: [UInt8]) async throws {
                let item = InboxItem.quarantined(source: "facebook", raw: raw, reason: "no lead")
                try requireEqual(
                    try await store.accept([item], atMilliseconds: 1), [.quarantined], "answer")
            }
            func kept() async throws -> [InboxEntry] {
                try await store.leads(LeadFilter(state: .quarantined))
            }
            try await keepAside(one)
            try await keepAside(one)
            let first = try requireValue(try await kept().first, "not kept")
            try requireEqual(try await kept().count, 1, "kept once")
            // A form chooses the name of what is there.
            try requireEqual(
                try await store.accept(
                    [.lead(.sample(id: first.leadID.text))], atMilliseconds: 2), [.stored], "lead")
            try requireEqual(try await kept().map(\.raw), [one], "kept")
            try require(try await kept()[0].leadID != first.leadID, "they have one name")
            // And one that is not there yet.
            let prefix = first.leadID.text.utf8.dropLast(LeadID(contentOf: one).text.utf8.count)
            let name = String(decoding: prefix, as: UTF8.self) + LeadID(contentOf: other).text
            try requireEqual(
                try await store.accept([.lead(.sample(id: name))], atMilliseconds: 3), [.stored],
                "another lead")
            try await keepAside(other)
            try requireEqual(Set(try await kept().map(\.raw)), [one, other], "both")
            try requireEqual(try await store.stats().leads[.received], 2, "leads")
        }
    ]

    static let intakeChecks: [Check] = [
        .init("a lead enters once for each source and id") { store in
            try requireEqual(try await store.acceptLeads(["1"]), [.stored], "a new lead")
            try requireEqual(try await store.acceptLeads(["1"]), [.duplicate], "a known lead")
            let other = Lead.sample(id: "1", source: "website")
            try requireEqual(
                try await store.accept([.lead(other)], atMilliseconds: 1), [.stored],
                "the id from another source")
            try requireEqual(try await store.undecided(after: 0, limit: 9).count, 2, "rows")
        },
        .init("a lead comes back as it was accepted") { store in
            var lead = Lead.sample(id: "1")
            lead.raw = Array(#"{"id": 1}"#.utf8)
            _ = try await store.accept([.lead(lead)], atMilliseconds: 1234)
            let entry = try requireValue(
                try await store.undecided(after: 0, limit: 9).first, "the lead is not there")
            try requireEqual(entry.lead, lead.json, "the lead's JSON")
            try requireEqual(entry.raw, lead.raw, "the raw bytes")
            try requireEqual(entry.receivedMilliseconds, 1234, "the time")
            try requireEqual(entry.state, .received, "the state")
            try requireEqual(entry.source, "facebook", "the source")
        },
        .init("a batch is answered in order") { store in
            _ = try await store.acceptLeads(["2"])
            let items: [InboxItem] = [
                .lead(.sample(id: "1")), .lead(.sample(id: "2")),
                .quarantined(source: "facebook", raw: [0x7B], reason: "no object"),
                .reference(.sample("3")), .lead(.sample(id: "4")),
            ]
            try requireEqual(
                try await store.accept(items, atMilliseconds: 1),
                [.stored, .duplicate, .quarantined, .stored, .stored], "answers")
        },
        .init("the same lead twice in one batch is stored once") { store in
            try requireEqual(
                try await store.acceptLeads(["1", "2", "1"]), [.stored, .stored, .duplicate],
                "answers")
            try requireEqual(try await store.undecided(after: 0, limit: 9).count, 2, "rows")
        },
        .init("ids are compared byte for byte") { store in
            // é as one scalar and as two: equal as Swift texts, two ids all the same.
            try requireEqual(
                try await store.acceptLeads(["\u{E9}", "e\u{301}", "E\u{301}", "1", "01"]),
                [.stored, .stored, .stored, .stored, .stored], "answers")
        },
        .init("200 concurrent accepts of one id store it once") { store in
            let answers = try await withThrowingTaskGroup(of: [Acceptance].self) { group in
                for _ in 0..<200 { group.addTask { try await store.acceptLeads(["1"]) } }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try requireEqual(answers.filter { $0 == .stored }.count, 1, "stored")
            try requireEqual(answers.filter { $0 == .duplicate }.count, 199, "duplicates")
        },
        .init("a whole lead fills in its reference") { store in
            let reference = InboxItem.reference(.sample("1"))
            try requireEqual(
                try await store.accept([reference], atMilliseconds: 1), [.stored], "announced")
            try requireEqual(
                try await store.accept([reference], atMilliseconds: 2), [.duplicate], "again")
            try requireEqual(try await store.undecided(after: 0, limit: 9), [], "undecided")
            try requireEqual(try await store.acceptLeads(["1"]), [.duplicate], "the whole lead")
            let entries = try await store.undecided(after: 0, limit: 9)
            try requireEqual(entries.map(\.lead), [Lead.sample(id: "1").json], "filled in")
            let due = try await store.dueReferences(
                source: "facebook", atMilliseconds: 9999, limit: 9)
            try require(due.isEmpty, "the reference is still to be read")
        },
        .init("a known lead is not changed by another of its id") { store in
            _ = try await store.acceptLeads(["1"])
            let other = Lead.sample(id: "1", fields: [Field("car_make", "other")])
            _ = try await store.accept([.lead(other), .reference(.sample("1"))], atMilliseconds: 2)
            let entries = try await store.undecided(after: 0, limit: 9)
            try requireEqual(entries.map(\.lead), [Lead.sample(id: "1").json], "leads")
        },
        .init("due references come oldest due first, of one source") { store in
            for (id, time) in [("1", Int64(20)), ("2", 10), ("3", 30)] {
                _ = try await store.accept([.reference(.sample(id))], atMilliseconds: time)
            }
            _ = try await store.accept(
                [.reference(.sample("9", source: "other"))], atMilliseconds: 1)
            func due(_ time: Int64, limit: Int = 9) async throws -> [String] {
                try await store.dueReferences(
                    source: "facebook", atMilliseconds: time, limit: limit
                ).map(\.reference.id.text)
            }
            try requireEqual(try await due(30), ["2", "1", "3"], "all due")
            try requireEqual(try await due(30, limit: 2), ["2", "1"], "with a limit")
            let next = try await store.nextReferenceMilliseconds(source: "facebook")
            try requireEqual(next, 10, "next due")
            let none = try await store.nextReferenceMilliseconds(source: "nobody")
            try requireEqual(none, nil, "next due of a source without references")
        },
        .init("references behind a limit move to it, others stay") { store in
            try await referencesMove(store)
        },
        .init("a reference is asked for again, filled in or given up") { store in
            try await fetchEnds(store)
        },
    ]

    @Sendable private static func referencesMove(_ store: any LeadStore) async throws {
        for (id, time) in [("1", Int64(90_000)), ("2", 100), ("3", 900)] {
            _ = try await store.accept([.reference(.sample(id))], atMilliseconds: time)
        }
        _ = try await store.accept(
            [.reference(.sample("9", source: "other"))], atMilliseconds: 90_000)
        func due(_ time: Int64) async throws -> [PendingReference] {
            try await store.dueReferences(source: "facebook", atMilliseconds: time, limit: 9)
        }
        try await store.record(
            due(100).map {
                FetchRecord(
                    sequence: $0.sequence,
                    result: .again(dueMilliseconds: 70_000, reason: "x", countsAttempt: true))
            })
        var limit = ReferenceLimit(
            source: "facebook", atMilliseconds: 1000, waitsMilliseconds: [0, 500],
            toleranceMilliseconds: 89_000)
        try requireEqual(try await store.limitDue(limit), 0, "moved within the tolerance")
        limit.toleranceMilliseconds = 0
        try requireEqual(try await store.limitDue(limit), 2, "moved")
        try requireEqual(try await store.limitDue(limit), 0, "moved again")
        func ids(_ time: Int64) async throws -> [String] {
            try await due(time).map(\.reference.id.text)
        }
        try requireEqual(try await ids(999), ["3"], "one that was due before")
        try requireEqual(try await ids(1000), ["3", "1"], "and a new one")
        try requireEqual(try await ids(1499), ["3", "1"], "and none that is to wait")
        try requireEqual(try await ids(1500), ["3", "1", "2"], "and one that was asked for")
        let elsewhere = try await store.nextReferenceMilliseconds(source: "other")
        try requireEqual(elsewhere, 90_000, "of another source")
    }

    @Sendable private static func fetchEnds(_ store: any LeadStore) async throws {
        let items = ["1", "2", "3"].map { InboxItem.reference(.sample($0)) }
        _ = try await store.accept(items, atMilliseconds: 10)
        let due = try await store.dueReferences(source: "facebook", atMilliseconds: 10, limit: 9)
        try requireEqual(due.map(\.reference), items.compactMap(\.reference), "references")
        try requireEqual(due.map(\.attempts), [0, 0, 0], "attempts")
        try requireEqual(due.map(\.receivedMilliseconds), [10, 10, 10], "times")
        try await store.record([
            FetchRecord(sequence: due[0].sequence, result: .lead(.sample(id: "1"))),
            FetchRecord(
                sequence: due[1].sequence,
                result: .again(dueMilliseconds: 50, reason: "busy", countsAttempt: true)),
            FetchRecord(sequence: due[2].sequence, result: .quarantined(reason: "gone")),
        ])
        try requireEqual(
            try await store.undecided(after: 0, limit: 9).map(\.leadID.text), ["1"], "filled in")
        let none = try await store.dueReferences(source: "facebook", atMilliseconds: 49, limit: 9)
        try require(none.isEmpty, "a reference comes before it is due")
        let again = try await store.dueReferences(source: "facebook", atMilliseconds: 50, limit: 9)
        try requireEqual(again.map(\.reference.id.text), ["2"], "due again")
        try requireEqual(again.map(\.attempts), [1], "attempts counted")
        try await store.record([
            FetchRecord(
                sequence: due[1].sequence,
                result: .again(dueMilliseconds: 60, reason: "token", countsAttempt: false))
        ])
        let held = try await store.dueReferences(source: "facebook", atMilliseconds: 60, limit: 9)
        try requireEqual(held.map(\.attempts), [1], "attempts not counted")
        let quarantined = try await store.leads(LeadFilter(state: .quarantined))
        try requireEqual(quarantined.map(\.reason), ["gone"], "reason of the one given up")
    }
}

extension InboxItem {
    fileprivate var reference: LeadReference? {
        if case .reference(let reference) = self { reference } else { nil }
    }
}
