/// Decisions that were put together of several routes, by the routes that were reached: among many
/// leads the same ones are reached again and again.
struct DecisionMemo {
    /// The most decisions that are remembered.
    private static let countMax = 8_192
    /// The most routes of one that is.
    private static let routesMax = 6

    /// What was reached, in order. Two keys are equal only when all of it is.
    struct Key: Hashable {
        private var routes: (Int32, Int32, Int32, Int32, Int32, Int32) = (0, 0, 0, 0, 0, 0)
        private var count: Int32 = 0
        private var sum: UInt64
        private let isDecided: Bool

        init(isDecided: Bool) {
            self.isDecided = isDecided
            sum = isDecided ? 1 : 2
        }

        /// Whether there is room for everything that was added.
        var isWhole: Bool { count <= DecisionMemo.routesMax }

        mutating func add(_ route: Int32, _ isDecision: Bool) {
            let number = route << 1 | (isDecision ? 1 : 0)
            if count < DecisionMemo.routesMax {
                withUnsafeMutableBytes(of: &routes) {
                    $0.storeBytes(of: number, toByteOffset: 4 * Int(count), as: Int32.self)
                }
            }
            count += 1
            sum = (sum ^ UInt64(UInt32(bitPattern: number))) &* 0x9E37_79B9_7F4A_7C15
        }

        static func == (a: Key, b: Key) -> Bool {
            a.count == b.count && a.isDecided == b.isDecided && a.sum == b.sum
                && a.routes == b.routes
        }

        func hash(into hasher: inout Hasher) { hasher.combine(sum) }
    }

    private var known: [Key: Decision] = [:]

    subscript(key: Key) -> Decision? { key.isWhole ? known[key] : nil }

    mutating func remember(_ decision: Decision, of key: Key) {
        guard key.isWhole, known.count < DecisionMemo.countMax else { return }
        known[key] = decision
    }
}
