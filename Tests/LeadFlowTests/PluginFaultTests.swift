import Foundation
import LeadKit
import LeadRules
import LeadStore
import Synchronization
import Testing

@testable import LeadFlow

/// R39: plug-ins that break their contract harm nobody but their own deliveries.
@Suite(.timeLimit(.minutes(2)))
struct PluginFaultTests {
    @Test func `plug-ins that hang, are deaf, talk nonsense, leak or lie leave the others alone`()
        async throws
    {
        let never = Gate()
        let released = Latch()
        let leaked = Mutex<[[UInt8]]>([])
        let well = Script()
        let hung = Script { (_, _) in await never.wait() }
        let deaf = Script { (_, _) in await released.wait() }
        let rude = Script { (delivery, call) throws(DeliveryFailure) in
            let noise = "no\r\n\u{1B}[2J\u{2028}" + String(repeating: "é", count: 100_000)
            throw call % 2 == 0 ? .reject(noise) : .retry(after: .seconds(-5), noise)
        }
        let leaky = Script { (_, _) in leaked.withLock { $0.append([1, 2, 3]) } }
        let liar = Script()
        let options = "timeout: 200ms, max_in_flight: 2, retry: {for: 7d, first: 1s, most: 2s}"
        let stage = try await Stage(
            sinks: [
                ("well", well, ""), ("hung", hung, options), ("deaf", deaf, options),
                ("rude", rude, options), ("leaky", leaky, options), ("liar", liar, options),
            ], rest: "default: {to: [well, hung, deaf, rude, leaky, liar]}")
        try await stage.run(clock: SystemClock()) { flow in
            // Also when the test is broken off: the flow would wait for the deaf ones for ever.
            defer {
                released.open()
                never.open()
            }
            try await stage.send(Array(0..<100), to: flow)
            // Long before anything could come of the others.
            try await stage.until { $0.sinks["well"]?[.delivered] == 100 }
            try await stage.until {
                $0.sinks["leaky"]?[.delivered] == 100 && $0.sinks["liar"]?[.delivered] == 100
                    && ($0.sinks["rude"]?[.dead] ?? 0) > 10
            }
            // New leads pass while attempts hang that nobody can break off.
            try await stage.send(Array(100..<150), to: flow)
            try await stage.until { $0.sinks["well"]?[.delivered] == 150 }
            // One that heeds is broken off and tried again; the deaf keep their two places.
            while hung.deliveries.count <= 2 { try await aMoment() }
        }
        #expect(Set(well.deliveries.map(\.key)).count == 150)
        #expect(well.deliveries.count == 150, "a repeat to one that was well")
        #expect(hung.mostUnderWay <= 2)
        #expect(deaf.mostUnderWay <= 2)
        for entry in try await stage.store.deliveries(DeliveryFilter(sink: "rude", limit: 1000)) {
            for attempt in try await stage.store.attempts(of: entry.sequence) {
                #expect(attempt.detail.utf8.count <= 520)
                #expect(attempt.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 })
            }
        }
        #expect(try await stage.store.stats().sinks["hung"]?[.dead] == nil)
        #expect(try await stage.store.stats().sinks["deaf"]?[.dead] == nil)
    }

    /// A trap cannot be caught: each ends a process, as it would end the service.
    @Test func `a plug-in that traps ends three processes, then its lead is set aside`()
        async throws
    {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "trap-\(UUID().uuidString)")
        let path: String = folder.path()
        let main = Script { (delivery, _) in
            precondition(delivery.lead.id.text != "1007", "the poison")
        }
        func stage() async throws -> Stage {
            try await Stage(sinks: [("main", main, "max_in_flight: 4")], folder: folder)
        }
        do {
            let first = try await stage()
            try await first.send(Array(0..<20), to: try await first.flow())
            try await first.route(to: "main")
            await first.store.close()
            // The folder is the last stage's to remove.
            try FileManager.default.copyItem(at: folder, to: folder.appendingPathExtension("kept"))
        }
        try FileManager.default.moveItem(at: folder.appendingPathExtension("kept"), to: folder)
        for _ in 1...LeaseVoid.crashesMax {
            await #expect(processExitsWith: .failure) { [path = path as String] in
                SQLiteStore.noteCrashes()
                let poisoned = Script { (delivery, _) in
                    precondition(delivery.lead.id.text != "1007", "the poison")
                }
                let stage = try await Stage(
                    sinks: [("main", poisoned, "max_in_flight: 4")], folder: URL(filePath: path))
                try await stage.run(clock: SystemClock()) { _ in
                    try await stage.until { $0.deliveries == [.delivered: 20] }
                }
            }
        }
        let last = try await stage()
        try await last.run(clock: SystemClock()) { _ in
            try await last.until { $0.deliveries == [.delivered: 19, .dead: 1] }
        }
        let dead = try await last.store.deliveries(DeliveryFilter(state: .dead))
        #expect(dead.map(\.leadID.text) == ["1007"])
        #expect(dead.first?.detail == LeaseVoid.reason)
    }
}

/// Holds whoever waits until it is opened, cancelled or not.
private final class Latch: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: [CheckedContinuation<Void, Never>])>(
        (false, []))

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                if !state.isOpen { state.waiting.append(continuation) }
                return state.isOpen
            }
            if isOpen { continuation.resume() }
        }
    }
}
