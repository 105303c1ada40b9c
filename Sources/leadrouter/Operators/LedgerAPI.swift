import ArgumentParser
import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore
import Logging
import Synchronization

/// The ledger over the admin API; `docs/admin-api.md` has it for its users.
struct LedgerAPI: Sendable {
    /// The most faults of a verification's answer; the rest is counted.
    static let faultsMax = 1000

    private let store: any LeadStore
    private let orders: LedgerOrders
    private let sinks: SinkOrders
    private let identity: StoreIdentity
    private let logger: Logger

    init(
        store: any LeadStore, delivery: DeliveryLoop, identity: StoreIdentity, logger: Logger,
        rules: @escaping @Sendable () -> RuleSet?, onLeads: @escaping @Sendable () -> Void,
        onDeliveries: @escaping @Sendable (Set<String>) -> Void
    ) {
        sinks = SinkOrders(.loop(delivery), store: store)
        self.store = store
        self.identity = identity
        self.logger = logger
        var orders = LedgerOrders(
            store: store, onDeliveries: onDeliveries, onDone: Self.log(logger))
        orders.onLeads = onLeads
        orders.rules = rules
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
            .get("leads") { await self.leads($0) },
            .get("leads/:id") { await self.lead($0) },
            .post("leads/decide") {
                await self.posting($0) { await self.orders.decideAgain($0) }
            },
            .post("leads/forget") { await self.posting($0) { await self.orders.forget($0) } },
            .get("deliveries") { await self.deliveries($0) },
            .get("deliveries/:key") { await self.delivery($0) },
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
            .get("stats") { await self.stats($0) },
            .get("ledger/verify") { await self.verify($0) },
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

    private func leads(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            let filter = try LedgerFilters.leads(query.parameters)
            let leads = try await store.leads(filter)
            writer.object { writer in
                writer.name("leads")
                writer.array { writer in for lead in leads { LedgerJSON.write(lead, to: &writer) } }
                LedgerAPI.next(leads.map(\.sequence), filter.limit, &writer)
            }
        }
    }

    private func deliveries(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            let filter = try LedgerFilters.deliveries(query.parameters)
            let deliveries = try await store.deliveries(filter)
            let waits = try await sinks.waits()
            let now = SystemClock().nowMilliseconds()
            writer.object { writer in
                writer.name("deliveries")
                writer.array { writer in
                    for delivery in deliveries {
                        let wait = waits.wait(of: delivery, atMilliseconds: now)
                        LedgerJSON.write(delivery, wait, to: &writer)
                    }
                }
                LedgerAPI.next(deliveries.map(\.sequence), filter.limit, &writer)
            }
        }
    }

    /// Where the next page begins; null when there is none.
    private static func next(_ sequences: [Int64], _ limit: Int, _ writer: inout JSONWriter) {
        writer.name("next_before")
        if sequences.count == limit, let last = sequences.last {
            writer.integer(last)
        } else {
            writer.null()
        }
    }

    private func lead(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            try LedgerFilters.check(query.parameters, known: ["source"])
            let id = try LedgerFilters.leadID(query.path["id"] ?? "")
            let found = try await Ledger.find(
                id, source: query.parameters.first?.value, in: store,
                waits: try await sinks.waits())
            logger.info("a lead was shown to an operator", metadata: ["lead": "\(id)"])
            writer.object { writer in
                writer.name("leads")
                writer.array { writer in for one in found { LedgerJSON.write(one, to: &writer) } }
            }
        }
    }

    private func delivery(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            try LedgerFilters.check(query.parameters, known: [])
            LedgerJSON.write(
                try await Ledger.find(
                    key: query.path["key"] ?? "", in: store, waits: try await sinks.waits()),
                to: &writer)
        }
    }

    private func stats(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            try LedgerFilters.check(query.parameters, known: [])
            let now = SystemClock().nowMilliseconds()
            LedgerJSON.write(
                try await LedgerFigures.read(store, atMilliseconds: now), to: &writer)
        }
    }

    private func verify(_ query: Query) async -> AdminServer.Answer {
        await answering { writer in
            try LedgerFilters.check(query.parameters, known: [])
            let found = FaultList(most: LedgerAPI.faultsMax)
            let extent = try await file().verify(
                isServed: true, atMilliseconds: SystemClock().nowMilliseconds(),
                progress: { _ in }, report: { found.add($0) })
            writer.object { writer in
                writer.name("leads")
                writer.integer(extent.leads)
                writer.name("deliveries")
                writer.integer(extent.deliveries)
                writer.name("attempts")
                writer.integer(extent.attempts)
                writer.name("fault_count")
                writer.integer(found.count)
                writer.name("faults")
                writer.array { writer in
                    for fault in found.kept { LedgerJSON.write(fault, to: &writer) }
                }
            }
        }
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
            let bytes = try await file().backup(to: path)
            logger.notice("a backup of the store was written", metadata: ["bytes": "\(bytes)"])
            writer.object { writer in
                writer.name("file")
                writer.string(path)
                writer.name("bytes")
                writer.integer(bytes)
            }
        }
    }

    private func file() throws -> any LedgerFile {
        guard let file = store as? any LedgerFile else {
            throw BadRequest(kind: .notFound, description: "this store is no file")
        }
        return file
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

/// The first faults, and how many there are.
final class FaultList: Sendable {
    private let most: Int
    private let state = Mutex<(kept: [LedgerFault], count: Int)>(([], 0))

    init(most: Int) { self.most = most }

    var kept: [LedgerFault] { state.withLock { $0.kept } }
    var count: Int { state.withLock { $0.count } }

    func add(_ fault: LedgerFault) {
        state.withLock { state in
            state.count += 1
            if state.kept.count < most { state.kept.append(fault) }
        }
    }
}
