public import LeadKit

/// Which of a lead's deliveries stand in for which others (`on_failure`).
///
/// The link is in the keys: that of a stand-in is made from its sink and the key of the delivery
/// that failed, so it needs no column, and no two deliveries can claim the same one.
public struct StandIns: Sendable {
    private var failed: [Int64: DeliveryEntry] = [:]
    private var successors: [Int64: [DeliveryEntry]] = [:]

    /// Looks for the links among the deliveries of one lead.
    public init(_ deliveries: [DeliveryEntry]) {
        for dead in deliveries where dead.state == .dead {
            for one in deliveries where one.generation == 0 && one.sequence > dead.sequence {
                let key = DeliveryKey(
                    source: one.source, lead: one.leadID, route: one.delivery.route,
                    standIn: one.delivery.sink, for: dead.delivery.key)
                guard key == one.delivery.key else { continue }
                failed[one.sequence] = dead
                successors[dead.sequence, default: []].append(one)
            }
        }
    }

    /// The delivery that it stands in for, if it does for one.
    public func failed(behind delivery: DeliveryEntry) -> DeliveryEntry? {
        failed[delivery.sequence]
    }

    /// The deliveries that stand in for it.
    public func successors(of delivery: DeliveryEntry) -> [DeliveryEntry] {
        successors[delivery.sequence] ?? []
    }
}

extension DeliveryKey {
    /// The key of the delivery to `sink` that stands in for one that failed.
    public init(source: String, lead: LeadID, route: String, standIn sink: String, for failed: Self)
    {
        self.init(source: source, lead: lead, route: route, target: "\(sink) after \(failed)")
    }
}
