/// Finds what leads back to itself: conditions that use conditions, sinks that fall back to sinks.
///
/// Tarjan's strongly connected components (1972), in time linear in nodes and edges, with a stack
/// of its own: a chain of thousands must not overflow the thread's.
struct Cycles {
    private let edges: [[Int]]
    private var order: [Int?]
    private var lowest: [Int]
    private var isWaiting: [Bool]
    private var waiting: [Int] = []
    private var count = 0
    private var found: [Int] = []

    /// The nodes that can be reached from themselves, in ascending order; `edges` says for each
    /// node where it leads.
    static func members(of edges: [[Int]]) -> [Int] {
        var search = Cycles(edges)
        for node in edges.indices where search.order[node] == nil { search.visit(node) }
        return search.found.sorted()
    }

    private init(_ edges: [[Int]]) {
        self.edges = edges
        order = Array(repeating: nil, count: edges.count)
        lowest = Array(repeating: 0, count: edges.count)
        isWaiting = Array(repeating: false, count: edges.count)
    }

    private mutating func visit(_ start: Int) {
        enter(start)
        var path = [(node: start, edge: 0)]
        while let (node, edge) = path.last {
            guard edge < edges[node].count else {
                path.removeLast()
                leave(node)
                if let parent = path.last?.node {
                    lowest[parent] = min(lowest[parent], lowest[node])
                }
                continue
            }
            path[path.count - 1].edge += 1
            let next = edges[node][edge]
            if let number = order[next] {
                if isWaiting[next] { lowest[node] = min(lowest[node], number) }
            } else {
                enter(next)
                path.append((next, 0))
            }
        }
    }

    private mutating func enter(_ node: Int) {
        order[node] = count
        lowest[node] = count
        count += 1
        waiting.append(node)
        isWaiting[node] = true
    }

    /// At the first node of a component, takes the component off the waiting ones.
    private mutating func leave(_ node: Int) {
        guard lowest[node] == order[node] else { return }
        var component: [Int] = []
        while let last = waiting.popLast() {
            isWaiting[last] = false
            component.append(last)
            if last == node { break }
        }
        if component.count > 1 || edges[node].contains(node) { found += component }
    }
}
