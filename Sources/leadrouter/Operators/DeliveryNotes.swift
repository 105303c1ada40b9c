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
}
