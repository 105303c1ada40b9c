import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadStore
import LeadTesting

// What the demo prints, and whether the books balance.
extension DemoGround {
    func report(
        _ configuration: Configuration, _ store: SQLiteStore, ids: [String], answers: [Int: Int]
    ) async throws -> Bool {
        let stats = try await store.stats()
        let leads = try await store.leads(LeadFilter(limit: 1_000_000))
        let deliveries = try await store.deliveries(DeliveryFilter(limit: 1_000_000))
        printRoutes(leads, deliveries)
        try printExamples(configuration, leads)
        let caught = Caught(folder: folder, mails: mails.server, posts: posts.server)
        let books = Books(
            announced: Set(ids).count, answers: answers, stats: stats, deliveries: deliveries,
            plugins: Dictionary(
                uniqueKeysWithValues: configuration.sinks.map { ($0.name, $0.plugin) }),
            caught: caught)
        Console.print(books.text)
        Console.print(
            """

            mails     \(folder)/mail/*.eml
            posts     \(folder)/crm.ndjson
            files     \(folder)/archive/*.ndjson
            store     \(folder)/leads.db   (leadrouter leads list --store \(folder)/leads.db)
            """)
        return books.isBalanced
    }

    private func printRoutes(_ leads: [InboxEntry], _ deliveries: [DeliveryEntry]) {
        var outcomes: [String: Int] = [:]
        for lead in leads { outcomes[lead.outcome ?? lead.state.rawValue, default: 0] += 1 }
        var counts: [String: [DeliveryState: Int]] = [:]
        for delivery in deliveries {
            let name = "\(delivery.delivery.route)\u{0}\(delivery.delivery.sink)"
            counts[name, default: [:]][delivery.state, default: 0] += 1
        }
        var table = TextTable(["ROUTE", "SINK", "DELIVERED", "DEAD", "OPEN"])
        for (name, states) in counts.sorted(by: { $0.key < $1.key }) {
            let parts = name.split(separator: "\u{0}").map(String.init)
            table.add([
                parts[0], parts[1], String(states[.delivered] ?? 0), String(states[.dead] ?? 0),
                String((states[.pending] ?? 0) + (states[.leased] ?? 0)),
            ])
        }
        let summary = outcomes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            .joined(separator: ", ")
        Console.print("\n\(leads.count) leads: \(summary)\n\n\(table.text)\n")
    }

    private func printExamples(_ configuration: Configuration, _ leads: [InboxEntry]) throws {
        for outcome in [Decision.Outcome.routed, .default] {
            guard let entry = leads.last(where: { $0.outcome == outcome.rawValue }) else {
                continue
            }
            let received = Timestamp(milliseconds: entry.receivedMilliseconds)
            let reader = LeadReader(source: entry.source, receivedTime: received)
            let lead = try reader.graph(JSONDocument.parse(entry.lead).root)
            let ruleSet = configuration.ruleSet
            var (decision, explanation) = ruleSet.explain(lead, at: received)
            var pools = PoolState()
            let assigned = ruleSet.assign(decision, of: lead, at: received, state: &pools)
            (decision, explanation.pools) = (assigned.decision, assigned.traces)
            Console.print("why lead \(lead.id) was \(DecisionPrinter.sentence(decision)):")
            Console.print(ExplanationText.lines(explanation).joined(separator: "\n") + "\n")
        }
    }
}

/// What the other sides received.
struct Caught {
    var folder: String
    var mails: FakeSMTPServer
    var posts: FakeHTTPServer

    /// Distinct Message-IDs, HTTP keys and archive lines.
    var mailCount: Int { Set(mails.mails.compactMap { $0.header("Message-ID") }).count }
    var postCount: Int { Set(posts.requests.compactMap { $0.header("idempotency-key") }).count }

    var archiveLines: Int {
        let archive = folder + "/archive"
        let files = (try? FileManager.default.contentsOfDirectory(atPath: archive)) ?? []
        return files.reduce(0) { sum, file in
            let data = FileManager.default.contents(atPath: archive + "/" + file) ?? Data()
            return sum + data.count { $0 == 0x0A }
        }
    }
}

/// Both sides of the books.
struct Books {
    private struct Line {
        var name: String
        var left: Int
        var right: Int
    }

    private let lines: [Line]

    init(
        announced: Int, answers: [Int: Int], stats: StoreStats, deliveries: [DeliveryEntry],
        plugins: [String: String], caught: Caught
    ) {
        func delivered(_ plugin: String, except: String = "") -> Int {
            deliveries.count {
                $0.state == .delivered && plugins[$0.delivery.sink] == plugin
                    && $0.delivery.sink != except
            }
        }
        let received = stats.leads.values.reduce(0, +)
        let posts = answers.values.reduce(0, +)
        lines = [
            Line(name: "webhooks posted = answered 200", left: posts, right: answers[200] ?? 0),
            Line(name: "leads announced = received", left: announced, right: received),
            Line(
                name: "leads received = decided + held", left: received,
                right: (stats.leads[.decided] ?? 0) + (stats.leads[.held] ?? 0)),
            Line(
                name: "deliveries = delivered (+ 0 expected dead)",
                left: stats.deliveries.values.reduce(0, +),
                right: stats.deliveries[.delivered] ?? 0),
            Line(
                name: "delivered by mail = mails caught", left: delivered("smtp"),
                right: caught.mailCount),
            Line(
                name: "delivered by HTTP = posts caught", left: delivered("http"),
                right: caught.postCount),
            Line(
                name: "delivered to files = lines in the archive",
                left: delivered("file", except: "undeliverable"), right: caught.archiveLines),
        ]
    }

    var isBalanced: Bool { lines.allSatisfy { $0.left == $0.right && $0.left > 0 } }

    var text: String {
        var table = TextTable(["THE BOOKS", "", "", ""])
        for line in lines {
            table.add([
                line.name, String(line.left), String(line.right),
                line.left == line.right ? "ok" : "DIFFERS",
            ])
        }
        return table.text
    }
}
