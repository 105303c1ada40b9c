internal import LeadKit

/// What is written in a route, found in one pass over its entries.
struct RouteEntries {
    private(set) var id: SettingNode?
    private(set) var when: SettingNode?
    private(set) var always: SettingNode?
    private(set) var to: SettingNode?
    private(set) var alsoTo: SettingNode?
    private(set) var holdUntil: SettingNode?
    private(set) var drop: SettingNode?
    private(set) var routes: SettingNode?
    private(set) var match: SettingNode?
    private(set) var note: SettingNode?
    private(set) var disabled: SettingNode?
    /// Names that are no keys of a route.
    private(set) var unknown: [SettingNode] = []

    init(_ entries: [(name: SettingNode, value: SettingNode)]) {
        // By index: a loop over the entries would copy each with all that it holds.
        for index in entries.indices {
            switch entries[index].name.text {
            case "id": id = entries[index].value
            case "when": when = entries[index].value
            case "to": to = entries[index].value
            case "note": note = entries[index].value
            case "always": always = entries[index].value
            case "also_to": alsoTo = entries[index].value
            case "routes": routes = entries[index].value
            case "match": match = entries[index].value
            case "drop": drop = entries[index].value
            case "hold_until": holdUntil = entries[index].value
            case "disabled": disabled = entries[index].value
            default: unknown.append(entries[index].name)
            }
        }
    }

    /// Whether a lead that takes the route goes anywhere.
    var doesSomething: Bool { to != nil || alsoTo != nil || drop != nil || routes != nil }
}
