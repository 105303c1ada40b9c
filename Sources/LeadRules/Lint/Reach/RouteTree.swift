internal import LeadKit

/// The routes as a flat list with their neighbours, and an index a level.
struct RouteTree {
    struct Node: Sendable {
        var route: Route
        var parent: Int?
        /// Which level it stands in, and where.
        var level: Int
        var order: Int
        /// The level of its children.
        var children: Int?
        /// Whether it, or a route above it, is switched off.
        var isOff: Bool
    }

    struct Level: Sendable {
        var match: MatchMode
        /// Nodes in order.
        var nodes: [Int] = []
        var index = SiblingIndex()
    }

    private(set) var nodes: [Node] = []
    private(set) var levels: [Level] = []
    /// What all searches in the tree share.
    let work: LintWork

    init(_ ruleSet: RuleSet) {
        work = LintWork(routes: RouteTree.count(ruleSet.routes))
        add(ruleSet.routes, parent: nil, isOff: false, ruleSet)
    }

    private static func count(_ list: RouteList) -> Int {
        list.routes.reduce(0) { $0 + 1 + ($1.routes.map { count($0) } ?? 0) }
    }

    private mutating func add(_ list: RouteList, parent: Int?, isOff: Bool, _ ruleSet: RuleSet) {
        let level = levels.count
        levels.append(Level(match: list.match))
        for (order, route) in list.routes.enumerated() {
            let number = nodes.count
            let off = isOff || route.isDisabled
            nodes.append(
                Node(route: route, parent: parent, level: level, order: order, isOff: off))
            levels[level].nodes.append(number)
            if let children = route.routes {
                nodes[number].children = levels.count
                add(children, parent: number, isOff: off, ruleSet)
            }
            levels[level].index.add(route, at: order, ruleSet)
        }
    }

    /// The node and those above it, the root first.
    func path(to node: Int) -> [Int] {
        var result = [node]
        while let parent = nodes[result[0]].parent { result.insert(parent, at: 0) }
        return result
    }
}

extension Route {
    /// Whether the route itself decides once it is taken.
    var hasEnd: Bool { !to.isEmpty || drop != nil }
}
