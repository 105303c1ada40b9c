import LeadKit
import LeadRules

/// The rules of the simulated program, in several versions, and what they must decide: told twice,
/// once as YAML for the program and once here.
enum SimulatedRules {
    static let sinks = ["north", "south", "east"]
    static let dealers = ["d0", "d1", "d2", "d3", "d4"]
    static let versions = 4
    static let attemptsAtOnce = 3

    /// Those of all versions. They name no seed, so that a process compiles them once.
    static let configurations = (0..<versions).map { configuration(version: $0, world: world) }
    /// What the world of a seed is called: a process plays one at a time.
    static let world = "seed"

    private static func configuration(version: Int, world: String) -> Configuration {
        var yaml =
            "version: 1\nsources: {source: {plugin: simulated, world: \"\(world)\"}}\nsinks:\n"
        for sink in sinks + ["archive"] {
            yaml += "  \(sink): {plugin: simulated, world: \"\(world)\", timeout: 30s, "
            yaml +=
                "max_in_flight: \(attemptsAtOnce), max_in_flight_per_destination: 2, retry: {for: 3d, first: 10s, most: 6h}"
            yaml += sink == "archive" ? "}\n" : ", on_failure: [archive]}\n"
        }
        yaml += "pools: {team: {members: [\(sinks.joined(separator: ", "))], fallback: archive}}\n"
        yaml += "default: {to: [archive]}\nroutes:\n"
        yaml += "  - {id: spam, when: {kind: spam}, drop: spam}\n"
        yaml += "  - {id: shared, when: {kind: shared}, to: [{pool: team}]}\n"
        yaml += "  - {id: gold, when: {kind: gold}, also_to: [archive]}\n"
        for (number, dealer) in dealers.enumerated() {
            let sink = sinks[(number + version) % sinks.count]
            yaml += "  - {id: v\(version)-\(dealer), when: {dealer: \(dealer)}, to: [\(sink)]}\n"
        }
        let result = ConfigurationLoader.load(
            ConfigurationFilesInMemory(["leadrouter.yaml": yaml]),
            catalogue: PluginCatalogue(sources: [SimulatedSource.self], sinks: [SimulatedSink.self])
        )
        guard let configuration = result.configuration else { preconditionFailure(result.report) }
        return configuration
    }

    /// Where a lead goes: the routes and sinks, copies last. Whom the pool chooses is nobody's to
    /// say but the pool's.
    static func expected(dealer: String, kind: String, version: Int) -> [String] {
        if kind == "spam" { return [] }
        if kind == "shared" { return ["shared pool team"] }
        var expected: [String] = []
        if let number = dealers.firstIndex(of: dealer) {
            expected.append("v\(version)-\(dealer) \(sinks[(number + version) % sinks.count])")
        } else {
            expected.append("default archive")
        }
        // The same sink is reached twice at most once, and a `to` comes before a copy.
        if kind == "gold", expected[0] != "default archive" { expected.append("gold archive") }
        return expected
    }

    static func lead(_ number: Int, _ chance: inout Chance) -> Lead {
        let fields: FieldData = [
            Field("dealer", chance.one(of: dealers + ["unknown"])),
            Field("kind", chance.one(of: ["plain", "plain", "plain", "gold", "spam", "shared"])),
        ]
        guard let id = LeadID(String(1_730_000_000_000_000 + number)) else {
            preconditionFailure("an id of digits is an id")
        }
        return Lead(id: id, source: "source", fieldData: fields)
    }
}
