import LeadFlow
import LeadKit
import LeadStore

/// What is told of a lead's deliveries beside their rows: what they wait for, which stand in for
/// which (`on_failure`), and whether they are damaged.
struct DeliveryNotes {
    var waits: SinkWaits
    var nowMilliseconds: Int64
    var standIns: StandIns
    /// By sequence.
    var damage: [Int64: String]

    static func read(
        _ deliveries: [DeliveryEntry], _ waits: SinkWaits, from store: any LeadStore
    ) async throws(StoreError) -> DeliveryNotes {
        DeliveryNotes(
            waits: waits, nowMilliseconds: SystemClock().nowMilliseconds(),
            standIns: StandIns(deliveries),
            damage: try await store.damage(ofDeliveries: deliveries.map(\.sequence)))
    }

    func wait(of delivery: DeliveryEntry) -> SinkWaits.Wait? {
        waits.wait(of: delivery, atMilliseconds: nowMilliseconds)
    }

    /// Lines about one delivery for people: a name, and what is told.
    func lines(of delivery: DeliveryEntry) -> [(name: String, text: String)] {
        var lines: [(name: String, text: String)] = []
        if let damage = damage[delivery.sequence] { lines.append(("damaged", damage)) }
        if let failed = standIns.failed(behind: delivery) {
            let key = failed.delivery.key.text
            lines.append(
                (
                    "stands in for",
                    "\(key) to '\(failed.delivery.sink)', which is dead: \(failed.detail ?? "")"
                ))
        }
        for one in standIns.successors(of: delivery) {
            lines.append(
                ("handed over as", "\(one.delivery.key.text) to '\(one.delivery.sink)'"))
        }
        return lines
    }
}
