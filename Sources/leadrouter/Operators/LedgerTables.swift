import LeadKit
import LeadStore

/// Answers about the ledger as text for people: what an answer holds, whoever gave it.
enum LedgerTables {
    static let leadHeader = ["LEAD", "SOURCE", "RECEIVED", "STATE", "OUTCOME", "REASON"]

    static func leadCells(_ lead: JSONValue) -> [String] {
        ["lead_id", "source", "received_time", "state", "outcome", "reason"].map { lead.text($0) }
    }

    static let deliveryHeader = [
        "DELIVERY", "MADE", "LEAD", "SINK", "ROUTE", "STATE", "ATTEMPTS", "NEXT",
        "RECEIPT OR REASON",
    ]
    /// So much of a lead's id stands in a row of deliveries: some are a hash long.
    private static let leadColumns = 24
    /// So much of a delivery's key stands in a row.
    static let keyDigits = 12

    static func deliveryCells(_ delivery: JSONValue) -> [String] {
        [
            key(delivery), delivery.text("created_time"), shortened(delivery.text("lead_id")),
            delivery.text("sink"), delivery.text("route"), state(delivery),
            delivery["attempts"]?.scalarText ?? "", DeliveryWait(delivery)?.short ?? "",
            delivery.text("detail"),
        ]
    }

    static func key(_ delivery: JSONValue) -> String {
        String(decoding: delivery.text("delivery_id").utf8.prefix(keyDigits), as: UTF8.self)
    }

    static func state(_ delivery: JSONValue) -> String {
        delivery.text("state") + (delivery["redelivered"]?.bool == true ? ", redelivered" : "")
    }

    private static func shortened(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard scalars.count > leadColumns else { return text }
        return String(String.UnicodeScalarView(scalars.prefix(leadColumns - 1))) + "…"
    }

    static func deliveries(_ deliveries: [JSONValue]) -> String {
        var table = TextTable(deliveryHeader)
        for delivery in deliveries { table.add(deliveryCells(delivery)) }
        return table.text
    }

    static func earlier(_ decisions: [JSONValue]) -> String {
        var table = TextTable(["DECIDED BEFORE", "OUTCOME", "ROUTES", "REASON", "RULES"])
        for one in decisions {
            let routes = one["decision"]?["routes"]?.elements ?? []
            table.add([
                one.text("decided_time"), one.text("outcome"),
                routes.compactMap(\.string).joined(separator: ", "), one.text("reason"),
                String(one.text("rule_set_hash").prefix(16)),
            ])
        }
        return table.text
    }

    static func orders(_ orders: [JSONValue]) -> String {
        var table = TextTable(["ORDERED", "TIME", "BY", "REASON"])
        for order in orders { table.add(["order", "time", "by", "reason"].map { order.text($0) }) }
        return table.text
    }

    /// What is told of a delivery with its lead's others at hand: a name, and a line.
    static func notes(_ delivery: JSONValue) -> [(name: String, text: String)] {
        var lines: [(name: String, text: String)] = []
        if let damage = delivery["damage"]?.string { lines.append(("damaged", damage)) }
        if let key = delivery["stands_in_for"]?.string {
            let sink = delivery.text("stands_in_for_sink")
            let why = delivery.text("stands_in_because")
            lines.append(("stands in for", "\(key) to '\(sink)', which is dead: \(why)"))
        }
        let keys = delivery["handed_over_as"]?.elements ?? []
        let sinks = delivery["handed_over_to"]?.elements ?? []
        for (key, sink) in zip(keys, sinks) {
            lines.append(("handed over as", "\(key.string ?? "") to '\(sink.string ?? "")'"))
        }
        return lines
    }
}

/// What a delivery waits for, as an answer says it.
struct DeliveryWait {
    private let kind: SinkWaits.Wait.Kind
    private let sentence: String
    private let due: String
    private let sink: String

    /// Nil for one that does not wait.
    init?(_ delivery: JSONValue) {
        guard let sentence = delivery["waits"]?.string,
            let kind = SinkWaits.Wait.Kind(rawValue: delivery.text("waits_for"))
        else { return nil }
        self.kind = kind
        self.sentence = sentence
        due = delivery.text("due_time")
        sink = delivery.text("sink")
    }

    /// A word or two, or a time: for a table.
    var short: String {
        switch kind {
        case .room: "due"
        case .schedule: "held until \(due)"
        case .attempt: due
        case .paused, .pausedByConfiguration: "paused"
        case .notConfigured: "not configured"
        }
    }

    /// Behind "waits", with what can be done if anything has to be.
    var advice: String { sentence + (help.map { "; \($0)" } ?? "") }

    /// What stands below a table about a delivery like this; nil for nothing.
    var note: String? {
        switch kind {
        case .room: "due: " + Console.shown(sentence)
        case .paused, .pausedByConfiguration, .notConfigured:
            Console.shown("\(short): \(sink): \(advice)")
        case .schedule, .attempt: nil
        }
    }

    private var help: String? {
        switch kind {
        case .notConfigured:
            "put it back, or call what waits off with 'leadrouter deliveries cancel --sink \(sink)'"
        case .paused: "'leadrouter sinks resume \(sink)' lets it go on"
        case .pausedByConfiguration, .room, .schedule, .attempt: nil
        }
    }
}

extension JSONValue {
    /// The text of a member that is a string; empty for any other.
    func text(_ name: String) -> String { self[name]?.string ?? "" }
}
