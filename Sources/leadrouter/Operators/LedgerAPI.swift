import ArgumentParser
import Foundation
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore
import Logging

/// The ledger over the admin API; `docs/admin-api.md` has it for its users.
struct LedgerAPI: Sendable {
    private let store: any LeadStore
    private let looks: LedgerLooks
    private let orders: LedgerOrders
    private let sinks: SinkOrders
    private let identity: StoreIdentity
    private let logger: Logger

    /// `ruleSet` is of the rules in force.
    init(
        store: any LeadStore, delivery: DeliveryLoop, identity: StoreIdentity, logger: Logger,
        ruleSet: @escaping @Sendable () -> RuleSet?, onLeads: @escaping @Sendable () -> Void,
        onDeliveries: @escaping @Sendable (Set<String>) -> Void
    ) {
        sinks = SinkOrders(.loop(delivery), store: store)
        looks = LedgerLooks(store: store, sinks: sinks, ruleSet: ruleSet)
        self.store = store
        self.identity = identity
        self.logger = logger
        var orders = LedgerOrders(
            store: store, onDeliveries: onDeliveries, onDone: Self.log(logger))
        orders.onLeads = onLeads
        orders.rules = ruleSet
        self.orders = orders
    }

    /// Numbers only: what is in a lead, and why somebody wants it gone, is not for the log.
    private static func log(
        _ logger: Logger
    ) -> @Sendable (String, Order, [OrderAnswer: Int]) -> Void {
        return { what, order, answers in
            logger.notice(
                "an operator's order was carried out",
                metadata: [
                    "order": "\(what)", "by": "\(order.by)", "done": "\(answers[.done] ?? 0)",
                    "asked": "\(answers.values.reduce(0, +))",
                ])
        }
    }

    var endpoints: [AdminServer.Endpoint] {
        answers + LedgerAPI.refusals(beside: answers)
    }

    private var answers: [AdminServer.Endpoint] {
        [
            .get("leads") { await self.looks.answer(.leads, $0.parameters) },
            .get("leads/:id") { await self.lead($0) },
            .post("leads/search") { await self.posting($0) { await self.search($0) } },
            .post("leads/decide") {
                await self.posting($0) { await self.orders.decideAgain($0) }
            },
            .post("leads/forget") { await self.posting($0) { await self.orders.forget($0) } },
            .get("deliveries") { await self.looks.answer(.deliveries, $0.parameters) },
            .get("deliveries/:key") {
                await self.looks.answer(.delivery($0.path["key"] ?? ""), $0.parameters)
            },
            .post("deliveries/redeliver") {
                await self.posting($0) { await self.orders.answer(.redeliver, $0) }
            },
            .post("deliveries/cancel") {
                await self.posting($0) { await self.orders.answer(.cancel, $0) }
            },
            .get("sinks") { query in await self.looking(query) { await self.sinks.list() } },
            .post("sinks/pause") { await self.posting($0) { await self.sinks.pause($0) } },
            .post("sinks/resume") { await self.posting($0) { await self.sinks.resume($0) } },
            .post("sinks/probe") { await self.posting($0) { await self.sinks.probe($0) } },
            .get("store") { await self.which($0) },
            .get("stats") { await self.looks.answer(.stats, $0.parameters) },
            .get("ledger/verify") { await self.looks.answer(.verify, $0.parameters) },
            .post("ledger/backup") { query in
                await self.posting(query) { await self.backup($0) }
            },
        ]
    }

    private typealias Query = AdminServer.Endpoint.Query

    /// Who this is, and which store it has.
    private func which(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            writer.object { writer in
                writer.name("program")
                writer.string("leadrouter")
                writer.name("version")
                writer.string(LeadRouter.configuration.version)
                writer.name("store")
                identity.write(to: &writer)
            }
        }
    }

    private func lead(_ query: Query) async -> AdminServer.Answer {
        let id = query.path["id"] ?? ""
        let answer = await looks.answer(.lead(id), query.parameters)
        if answer.status == 200, let id = LeadID(id) {
            logger.info("a lead was shown to an operator", metadata: ["lead": "\(id)"])
        }
        return answer
    }

    /// What is looked for is personal data, and not for the log.
    private func search(_ body: [UInt8]) async -> AdminServer.Answer {
        let answer = await looks.search(body)
        if answer.status == 200 { logger.info("leads were searched for an answer") }
        return answer
    }

    private func backup(_ body: [UInt8]) async -> AdminServer.Answer {
        await answering { writer in
            let root = try JSONBody.object(body)
            guard root.members.map(\.name) == ["file"], let path = root["file"]?.string,
                path.utf8.first == 0x2F
            else {
                throw BadRequest(
                    description: "send {\"file\": PATH} with an absolute path")
            }
            guard let file = store as? any LedgerFile else { throw LedgerLooks.noFile }
            try LedgerAPI.checkFolder(of: path)
            let copy = try await file.backup(to: path)
            logger.notice(
                "a backup of the store was written", metadata: ["bytes": "\(copy.bytes)"])
            LedgerJSON.write(copy, path, to: &writer)
        }
    }

    /// A folder that is not there is a slip of who asks; the rest is the store's to refuse.
    private static func checkFolder(of path: String) throws(BadRequest) {
        let folder = URL(filePath: path).deletingLastPathComponent().path(percentEncoded: false)
        guard !FileManager.default.fileExists(atPath: folder) else { return }
        throw BadRequest(kind: .notFound, description: "there is no folder '\(folder)'")
    }

    private func looking(
        _ query: Query, _ body: () async -> AdminServer.Answer
    ) async -> AdminServer.Answer {
        await posting(query) { _ in await body() }
    }

    private func posting(
        _ query: Query, _ action: ([UInt8]) async -> AdminServer.Answer
    ) async -> AdminServer.Answer {
        do throws(BadRequest) {
            try LedgerFilters.check(query.parameters, known: [])
        } catch {
            return AdminServer.Answer(refusing: error)
        }
        return await action(query.body)
    }

    private func answering(
        _ body: (inout JSONWriter) async throws -> Void
    ) async -> AdminServer.Answer {
        do {
            var writer = JSONWriter()
            try await body(&writer)
            return AdminServer.Answer(body: writer.bytes)
        } catch {
            return AdminServer.Answer(refusing: error)
        }
    }
}
