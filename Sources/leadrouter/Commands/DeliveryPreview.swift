import LeadKit
import LeadRules

/// Shows deliveries as they would be sent: the settings after templates, secrets masked, and the
/// body where the sink makes it itself.
struct DeliveryPreview {
    /// What one delivery would be.
    struct Shown {
        var settings: [RenderedSetting]
        var body: String?
        /// Why the sink would never send it.
        var refusal: String?
    }

    private let ruleSet: RuleSet
    private let sinks: [String: SinkBlueprint]

    init(_ configuration: Configuration) {
        ruleSet = configuration.ruleSet
        sinks = Dictionary(
            configuration.sinks.map { ($0.name, $0.blueprint) }, uniquingKeysWith: { $1 })
    }

    func shown(
        _ delivery: PlannedDelivery, _ lead: Lead, isDuplicate: Bool
    ) -> Result<Shown, RenderFailure> {
        let key = DeliveryKey(
            source: lead.source, lead: lead.id, route: delivery.route, target: delivery.identity)
        let context = RenderContext(
            lead: lead, isDuplicate: isDuplicate, deliveryID: key.text, route: delivery.route,
            pool: delivery.assignment?.pool, member: delivery.assignment?.member)
        do throws(RenderFailure) {
            let settings = try ruleSet.render(delivery.target, of: context)
            let rendered = Dictionary(
                settings.map { ($0.name, $0.text) }, uniquingKeysWith: { $1 })
            let whole = Delivery(
                key: key, lead: lead, sink: delivery.target.sink, route: delivery.route,
                isCopy: delivery.isCopy, rendered: rendered)
            let sink = sinks[delivery.target.sink]
            return .success(
                Shown(settings: settings, body: sink?.body(whole), refusal: sink?.refusal(whole)))
        } catch {
            return .failure(error)
        }
    }

    /// The members `settings`, `body` and `refused` of a delivery's object.
    func write(
        _ delivery: PlannedDelivery, _ lead: Lead, isDuplicate: Bool, to writer: inout JSONWriter
    ) {
        writer.name("settings")
        switch shown(delivery, lead, isDuplicate: isDuplicate) {
        case .success(let shown):
            writer.object { writer in
                for setting in shown.settings {
                    writer.name(setting.name)
                    writer.string(setting.shown)
                }
            }
            if let body = shown.body {
                writer.name("body")
                writer.string(body)
            }
            if let refusal = shown.refusal {
                writer.name("refused")
                writer.string(refusal)
            }
        case .failure(let failure):
            writer.null()
            writer.name("failure")
            writer.string(failure.description)
        }
    }

    /// The same for people.
    func lines(_ delivery: PlannedDelivery, _ lead: Lead, isDuplicate: Bool) -> [String] {
        switch shown(delivery, lead, isDuplicate: isDuplicate) {
        case .success(let shown):
            shown.settings.flatMap { DeliveryPreview.lines($0.name, $0.shown) }
                + (shown.body.map { DeliveryPreview.lines("body", $0) } ?? [])
                + (shown.refusal.map { ["    would be refused: " + Console.shown($0)] } ?? [])
        case .failure(let failure): ["    would fail: \(failure)"]
        }
    }

    private static func lines(_ name: String, _ text: String) -> [String] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 1 else { return ["    \(name): \(Console.shown(text))"] }
        return ["    \(name):"] + lines.map { "      " + Console.shown(String($0)) }
    }
}
