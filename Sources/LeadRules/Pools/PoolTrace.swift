public import LeadKit

/// How a pool chose, for explanations.
public struct PoolTrace: Sendable, Equatable {
    /// A member who was passed over.
    public struct Skipped: Sendable, Equatable {
        /// Who.
        public let member: String
        /// Why.
        public let reason: String
    }

    /// The pool.
    public let pool: String
    /// The route that sent the lead to it.
    public let route: String
    /// Who was chosen; nil when `fallback` got the lead, or it is held.
    public let member: String?
    /// Why them, or what became of the lead.
    public let reason: String
    /// Who was passed over, in order.
    public let skipped: [Skipped]
}

extension PoolTrace {
    /// Writes an element of the `pools` array of the NDJSON format.
    public func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("pool")
            writer.string(pool)
            writer.name("route")
            writer.string(route)
            writer.name("member")
            writer.string(member)
            writer.name("reason")
            writer.string(reason)
            writer.name("skipped")
            writer.array { writer in
                for one in skipped {
                    writer.object { writer in
                        writer.name("member")
                        writer.string(one.member)
                        writer.name("reason")
                        writer.string(one.reason)
                    }
                }
            }
        }
    }

    /// The same for people: a line, and one below it for each who was passed over.
    public var lines: [String] {
        ["pool \(pool): " + (member.map { "\($0), \(reason)" } ?? reason)]
            + skipped.map { "  not \($0.member): \($0.reason)" }
    }
}
