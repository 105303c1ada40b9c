internal import LeadKit

/// A route with the lists that lead to it: what must be taken, in order, for it to be asked.
struct RoutePath: Sendable {
    /// One level: the list and the position of the route in it.
    struct Step: Sendable {
        var list: RouteList
        var index: Int

        var route: Route { list.routes[index] }
    }

    /// From the root down; the last is the route itself.
    var steps: [Step]

    /// The route itself.
    var route: Route { steps[steps.count - 1].route }
    /// Whether it, or one above it, is switched off.
    var isDisabled: Bool { steps.contains { $0.route.isDisabled } }
}

extension Route {
    /// Whether it ends a search itself, by `to` or `drop`.
    var decidesItself: Bool { !to.isEmpty || drop != nil }
    /// Where its `to` can lead: also what `hold_until` turns to when nobody can wait so long.
    var toTargets: [Target] { to + (holdUntil?.then ?? []) }
    /// The last part of the full name.
    var id: String { name.utf8.split(separator: 0x2F).last.map { String($0) ?? "" } ?? name }

    /// Whether the full name is this route's, or one below it.
    func covers(_ name: String) -> Bool {
        let own = self.name.utf8
        let other = name.utf8
        guard other.starts(with: own) else { return false }
        return other.count == own.count || other.dropFirst(own.count).first == 0x2F
    }

    /// Whether every lead that asks it ends there.
    var alwaysDecides: Bool {
        guard !isDisabled, condition == nil else { return false }
        return decidesItself || (routes?.routes.contains(where: \.alwaysDecides) ?? false)
    }
}

extension RouteList {
    /// Calls `body` with every route, those above before those below.
    func forEach(_ body: (RoutePath) -> Void) { forEach(below: [], body) }

    private func forEach(below steps: [RoutePath.Step], _ body: (RoutePath) -> Void) {
        for index in routes.indices {
            let path = RoutePath(steps: steps + [RoutePath.Step(list: self, index: index)])
            body(path)
            routes[index].routes?.forEach(below: path.steps, body)
        }
    }

    /// The route of that full name.
    func path(to name: String) -> RoutePath? {
        var steps: [RoutePath.Step] = []
        var list = self
        while true {
            guard let index = list.routes.firstIndex(where: { $0.covers(name) }) else {
                return nil
            }
            let route = list.routes[index]
            steps.append(RoutePath.Step(list: list, index: index))
            if route.name.utf8.count == name.utf8.count { return RoutePath(steps: steps) }
            guard let below = route.routes else { return nil }
            list = below
        }
    }

    /// The full names of all routes, those above before those below.
    var names: [String] {
        var names: [String] = []
        forEach { names.append($0.route.name) }
        return names
    }
}

extension RuleSet {
    /// The sinks that a target can lead to: its own, or those of its pool.
    func sinks(of target: Target) -> [String] {
        guard let pool = target.pool.flatMap({ pools[$0] }) else { return [target.sink] }
        var sinks = pool.members.map(\.target.sink)
        if case .fallback(let targets) = pool.whenNobody { sinks += targets.map(\.sink) }
        return sinks
    }

    /// The full names of all routes, those above before those below.
    public var routeNames: [String] { routes.names }

    /// The routes that somebody means who writes this name: the one that has it, or else those whose
    /// full names end in it.
    public func routes(meantBy name: String) -> [String] {
        if routes.path(to: name) != nil { return [name] }
        let end = Array(("/" + name).utf8.reversed())
        return routes.names.filter { $0.utf8.reversed().starts(with: end) }
    }

    /// What to write for a route that there is not: the nearest full name, or the full name of the
    /// route whose last part is nearest.
    public func help(forRoute name: String, orNames others: [String] = []) -> String? {
        let known = routes.names
        if let nearest = Nearest.name(to: name, among: known + others) {
            return "did you mean '\(nearest)'?"
        }
        let parts = Dictionary(
            known.map { ($0.utf8.split(separator: 0x2F).last.map { String($0) ?? "" } ?? $0, $0) },
            uniquingKeysWith: { first, _ in first })
        if let part = Nearest.name(to: name, among: parts.keys), let full = parts[part] {
            return "did you mean '\(full)'?"
        }
        return Nearest.help(for: name, among: known + others)
    }

    /// Whether a decision may send to a pool, which chooses by what went before.
    public var hasPools: Bool { !pools.isEmpty }

    /// The sinks that routes or the default name, each once, in the order met.
    var namedSinks: [String] {
        var seen: Set<String> = []
        var sinks: [String] = []
        func add(_ targets: [Target]) {
            for target in targets {
                for sink in self.sinks(of: target) where seen.insert(sink).inserted {
                    sinks.append(sink)
                }
            }
        }
        routes.forEach { path in
            add(path.route.toTargets)
            add(path.route.alsoTo)
        }
        if case .to(let targets) = fallback { add(targets) }
        return sinks
    }
}
