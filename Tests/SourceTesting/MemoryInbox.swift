public import LeadKit

/// An inbox in memory: a lead id enters once, whatever brought it.
public actor MemoryInbox: InboxWriter {
    /// What was stored, in order; no duplicates.
    public private(set) var items: [InboxItem] = []
    /// How often something was offered.
    public private(set) var calls = 0
    private var ids: Set<LeadID> = []
    private var faults: [IntakeError] = []

    /// Makes an empty inbox.
    public init() {}

    /// Lets the next offers fail, one each.
    public func fail(_ errors: IntakeError...) { faults += errors }

    /// Stores the items.
    public func accept(_ offered: [InboxItem]) throws(IntakeError) -> [Acceptance] {
        calls += 1
        if !faults.isEmpty { throw faults.removeFirst() }
        return offered.map { item in
            switch item {
            case .lead(let lead): store(item, lead.id)
            case .reference(let reference): store(item, reference.id)
            case .quarantined:
                keepAside(item)
            }
        }
    }

    private func store(_ item: InboxItem, _ id: LeadID) -> Acceptance {
        guard ids.insert(id).inserted else { return .duplicate }
        items.append(item)
        return .stored
    }

    private func keepAside(_ item: InboxItem) -> Acceptance {
        items.append(item)
        return .quarantined
    }

    /// The leads stored.
    public var leads: [Lead] {
        items.compactMap { if case .lead(let lead) = $0 { lead } else { nil } }
    }

    /// The references stored.
    public var references: [LeadReference] {
        items.compactMap { if case .reference(let reference) = $0 { reference } else { nil } }
    }

    /// Why items were kept aside.
    public var quarantineReasons: [String] {
        items.compactMap { if case .quarantined(_, _, let reason) = $0 { reason } else { nil } }
    }

    /// The bytes of what was kept aside.
    public var quarantinedBytes: [[UInt8]] {
        items.compactMap { if case .quarantined(_, let raw, _) = $0 { raw } else { nil } }
    }

    /// Why it was.
    public var quarantinedReasons: [String] {
        items.compactMap { if case .quarantined(_, _, let reason) = $0 { reason } else { nil } }
    }
}
