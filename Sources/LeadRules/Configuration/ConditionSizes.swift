internal import LeadKit

/// How deeply conditions nest and how many parts they have once `use` is followed.
///
/// What follows named conditions calls itself for each: a chain of thousands would overflow the
/// thread's stack, and thirty lines of which each uses the one above twice have 2³⁰ parts. Both are
/// refused before anything follows them. Sizes are found from the conditions that use none upwards,
/// without recursion from one to the next; those in circles are left out, which have their own
/// finding.
struct ConditionSizes {
    struct Size {
        var depth = 0
        var parts = 0
    }

    /// The most levels of a condition, those of what it uses among them.
    static let depthMax = 100
    /// The most parts of a condition that uses others.
    static let partsMax = 20_000
    /// The most parts of the conditions of all routes together that come from named ones.
    static let usedPartsMax = 2_000_000

    private var sizes: [Size]
    /// Named conditions that are too large themselves, and do not only use one that is.
    private(set) var tooLarge: [Int] = []
    private var isSpoilt: [Bool]

    init(_ conditions: [Condition]) {
        sizes = Array(repeating: Size(), count: conditions.count)
        isSpoilt = Array(repeating: false, count: conditions.count)
        var users: [[Int]] = Array(repeating: [], count: conditions.count)
        var open = Array(repeating: 0, count: conditions.count)
        for (number, condition) in conditions.enumerated() {
            condition.forEachUse { used in
                users[used].append(number)
                open[number] += 1
            }
        }
        var ready = conditions.indices.filter { open[$0] == 0 }
        while let number = ready.popLast() {
            measure(number, conditions[number])
            for user in users[number] {
                open[user] -= 1
                if open[user] == 0 { ready.append(user) }
            }
        }
        tooLarge.sort()
    }

    private mutating func measure(_ number: Int, _ condition: Condition) {
        if usesSpoilt(condition) {
            isSpoilt[number] = true
            return
        }
        let size = size(of: condition)
        sizes[number] = size
        guard isTooLarge(size, condition) else { return }
        isSpoilt[number] = true
        tooLarge.append(number)
    }

    /// Whether the size is refused. What is written out at length is bounded by its file.
    func isTooLarge(_ size: Size, _ condition: Condition) -> Bool {
        if size.depth > ConditionSizes.depthMax { return true }
        guard size.parts > ConditionSizes.partsMax else { return false }
        var uses = false
        condition.forEachUse { _ in uses = true }
        return uses
    }

    /// Whether it uses one that is refused.
    func usesSpoilt(_ condition: Condition) -> Bool {
        var result = false
        condition.forEachUse { if isSpoilt[$0] { result = true } }
        return result
    }

    func size(of condition: Condition) -> Size {
        switch condition {
        case .test: Size(depth: 1, parts: 1)
        case .not(let part): around([size(of: part)])
        case .all(let parts), .any(let parts): around(parts.map { size(of: $0) })
        case .use(let number): around([sizes[number]])
        }
    }

    private func around(_ parts: [Size]) -> Size {
        var result = Size(depth: 1, parts: 1)
        for part in parts {
            result.depth = max(result.depth, part.depth + 1)
            result.parts = min(result.parts + part.parts, 1 << 40)
        }
        return result
    }
}

extension ConfigurationLoader {
    static let largeConditionHelp =
        "name what differs, and put lists of texts into one comparison: 'field: [TEXT, TEXT]'"

    /// Refuses named conditions that are too large.
    mutating func check(_ sizes: ConditionSizes, of entries: [MergedConfiguration.Entry]) {
        for number in sizes.tooLarge {
            problems.error(
                "large-condition", at: entries[number].place,
                "the condition '\(entries[number].name)' nests past \(ConditionSizes.depthMax) "
                    + "levels or has over \(ConditionSizes.partsMax) parts, with what it uses",
                help: ConfigurationLoader.largeConditionHelp)
        }
    }

    /// Refuses the conditions of routes that are too large, or are it together.
    mutating func checkSizes(of routes: [Route], _ sizes: ConditionSizes) {
        var left = ConditionSizes.usedPartsMax
        for route in routes { checkSize(of: route, sizes, &left) }
    }

    private mutating func checkSize(of route: Route, _ sizes: ConditionSizes, _ left: inout Int) {
        for child in route.routes?.routes ?? [] { checkSize(of: child, sizes, &left) }
        guard let condition = route.condition, left >= 0, !sizes.usesSpoilt(condition) else {
            return
        }
        let size = sizes.size(of: condition)
        var usesOthers = false
        condition.forEachUse { _ in usesOthers = true }
        if usesOthers { left -= size.parts }
        guard left < 0 || sizes.isTooLarge(size, condition) else { return }
        problems.error(
            "large-condition", at: route.position,
            left < 0
                ? "the conditions of the routes up to here have over "
                    + "\(ConditionSizes.usedPartsMax) parts, with the named conditions they use"
                : "the condition of '\(route.name)' nests past \(ConditionSizes.depthMax) levels "
                    + "or has over \(ConditionSizes.partsMax) parts, with what it uses",
            help: ConfigurationLoader.largeConditionHelp)
    }
}
