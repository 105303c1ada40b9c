import LeadFlow
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// What `/health/ready` says: whether leads can be taken in, why not, and which rules are in force.
/// Needs no token, so a reason is one of few, and of a refused edit it names the place and not the
/// text. The log has the rest.
struct ServiceHealth {
    /// Why no lead is taken in.
    enum Reason {
        case starting
        case stopping
        case store(StoreTrouble)

        var word: String {
            switch self {
            case .starting: "starting"
            case .stopping: "stopping"
            case .store(let trouble): trouble.rawValue
            }
        }

        var sentence: String {
            switch self {
            case .starting: "the service starts"
            case .stopping: "the service stops: attempts under way may end"
            case .store(.diskFull):
                "the store's disk has too little room: no lead is taken in, deliveries go on"
            case .store(.storeBusy):
                "another program holds the store, or its disk does not answer: leads and deliveries wait"
            case .store(.storeFailed): "the store cannot be used: see the log"
            }
        }
    }

    let store: any LeadStore
    let reload: Reload?
    let file: FileCheck.State
    let phase: ServiceLife.Phase

    func readiness() async -> AdminServer.Readiness {
        let (reason, trouble) = await reason()
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("ready")
            writer.bool(reason == nil)
            if let reason {
                writer.name("reason")
                writer.string(reason.word)
                writer.name("message")
                writer.string(reason.sentence)
            }
            if file.faultCount > 0 { write(file, to: &writer) }
            if let reload, let edition = reload.rules.edition {
                writer.name("rules")
                writer.object { ServiceHealth.write(edition, reload.rules.refusal, to: &$0) }
            }
        }
        return AdminServer.Readiness(
            isReady: reason == nil, trouble: trouble, body: writer.bytes + [0x0A])
    }

    /// Why not, and what the log tells of it.
    private func reason() async -> (Reason?, String?) {
        switch phase {
        case .starting: return (.starting, nil)
        case .stopping: return (.stopping, nil)
        case .running:
            do throws(StoreError) {
                try await store.checkIntake()
                return (nil, nil)
            } catch {
                let reason = Reason.store(StoreTrouble(error))
                return (reason, "\(reason.word): \(error)")
            }
        }
    }

    private func write(_ file: FileCheck.State, to writer: inout JSONWriter) {
        writer.name("degraded")
        writer.bool(true)
        writer.name("store")
        writer.object { writer in
            writer.name("faults")
            writer.integer(file.faultCount)
            writer.name("since")
            writer.string(Timestamp(milliseconds: file.sinceMilliseconds ?? 0).text)
        }
    }

    private static func write(
        _ edition: CurrentRules.Edition, _ refusal: CurrentRules.Refusal?,
        to writer: inout JSONWriter
    ) {
        writer.name("hash")
        writer.string(edition.hash)
        writer.name("since")
        writer.string(edition.since.text)
        guard let refusal else { return }
        writer.name("refused")
        writer.object { writer in
            writer.name("since")
            writer.string(refusal.since.text)
            writer.name("errors")
            writer.integer(refusal.findings.errorCount)
            guard
                let first = refusal.findings.diagnostics.first(where: { $0.severity == .error })
            else { return }
            writer.name("first")
            writer.string(
                "\(first.position.file):\(first.position.line):\(first.position.column): "
                    + first.code)
        }
    }
}
