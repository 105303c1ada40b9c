import LeadKit
import LeadRules
import LeadTesting
import Testing

/// A sink with a template for every place, and a map of them.
struct PlacesSink: Sink {
    static let name = "places"
    static let summary = "Goes nowhere; has a template for every place."
    static let example = "sinks: {a: {plugin: places}}"

    struct Config: PluginConfig {
        var text: Template?
        var header: Template?
        var address: Template?
        var html: Template?
        var json: Template?
        var url: Template?
        var path: Template?
        var headers: [Template] = []

        static let settings: [Setting<Config>] = [
            .template("text", \.text, in: .text, "Text."),
            .template("header", \.header, in: .header, "One line."),
            .template("address", \.address, in: .address, isRequired: true, "An address."),
            .template("html", \.html, in: .html, "HTML."),
            .template("json", \.json, in: .json, "JSON."),
            .template("url", \.url, in: .url, "An address of the web."),
            .template("path", \.path, in: .path, "A path."),
            .templates("headers", \.headers, in: .header, "More lines."),
        ]
    }

    init(config: Config, context: PluginContext) {}
    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt { Receipt("none") }
}

/// A sink with plain settings only.
struct PlainSink: Sink {
    static let name = "plain"
    static let summary = "Goes nowhere."
    static let example = "sinks: {a: {plugin: plain}}"

    enum Mode: String, Sendable, CaseIterable { case fast, slow }

    struct Config: PluginConfig {
        var password: Secret?
        var mode = Mode.fast
        var size = ByteCount(0)
        var flag = false
        var count = 0
        var wait = Duration.zero
        var label = ""

        static let settings: [Setting<Config>] = [
            .optional("password", \.password, "A password."),
            .choice("mode", \.mode, default: .fast, "How."),
            .optional("size", \.size, default: "0", "How big."),
            .optional("flag", \.flag, default: "false", "Whether."),
            .optional("count", \.count, default: "0", "How many."),
            .optional("wait", \.wait, default: "0s", "How long."),
            .optional("label", \.label, default: "", "A label."),
        ]
    }

    init(config: Config, context: PluginContext) {}
    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt { Receipt("none") }
}

let catalogue = PluginCatalogue(sinks: [PlacesSink.self, PlainSink.self])

/// Reads a folder in memory.
func load(_ files: [String: String], environment: [String: String] = [:]) -> LoadResult {
    ConfigurationLoader.load(
        ConfigurationFilesInMemory(files, environment: environment), catalogue: catalogue)
}

/// A root file with sinks `a` to `d`, and the rest as given.
func root(_ rest: String, default fallback: String = "{hold: nobody}") -> String {
    """
    version: 1
    sinks: {a: {plugin: plain}, b: {plugin: plain}, c: {plugin: plain}, d: {plugin: plain}}
    default: \(fallback)

    """ + rest
}

/// The rules of a root file, and of more files beside it.
func rules(
    _ rest: String, default fallback: String = "{hold: nobody}", files: [String: String] = [:]
) throws -> RuleSet {
    var all = files
    all["leadrouter.yaml"] = root(rest, default: fallback)
    let result = load(all)
    return try #require(result.configuration, "\(result.report)").ruleSet
}

/// A lead with answers, each a name and its values.
func lead(
    _ fields: KeyValuePairs<String, [String]> = [:], consents: [Consent] = [],
    envelope: [LeadAttribute: String] = [:]
) -> Lead {
    var lead = Lead.sample(
        fields: FieldData(fields.map { Field($0.key, $0.value) }), envelope: envelope)
    lead.consents = consents
    return lead
}

extension RuleSet {
    /// The time at which the tests decide.
    static let noon = Timestamp(seconds: 1_760_011_200)

    /// Decides at noon of 2025-10-09.
    func decide(_ lead: Lead, isDuplicate: Bool = false) -> Decision {
        decide(lead, at: RuleSet.noon, isDuplicate: isDuplicate)
    }

    /// Explains at noon of 2025-10-09.
    func explain(_ lead: Lead) -> (Decision, Explanation) { explain(lead, at: RuleSet.noon) }
}

/// What a condition, written on one line, says of a lead; also checks that the decision follows.
func truth(
    _ condition: String, _ lead: Lead, more: String = "", files: [String: String] = [:]
) throws -> Truth {
    let rules = try rules(more + "\nroutes: [{id: r, when: \(condition), to: a}]", files: files)
    let (decision, explanation) = rules.explain(lead)
    let trace = try #require(explanation.routes.first)
    #expect((decision.outcome == .routed) == (trace.truth == .yes))
    #expect(rules.decide(lead) == decision)
    return trace.truth
}

/// `code` and place of every finding, in order.
func findings(_ result: LoadResult) -> [String] {
    result.diagnostics.map { "\($0.position) \($0.code)" }
}

/// Expects exactly one finding, at 1️⃣ of the file.
func expectOne(
    _ code: String, _ marked: String, file: String = "leadrouter.yaml",
    files: [String: String] = [:], environment: [String: String] = [:],
    location: SourceLocation = #_sourceLocation
) {
    let marked = MarkedText(marked)
    var all = files
    all[file] = marked.text
    let result = load(all, environment: environment)
    let place = marked.position("1️⃣", in: file)
    #expect(findings(result) == ["\(place) \(code)"], "\(result.report)", sourceLocation: location)
}
