/// What seeds did: one, or the sum of many.
struct Tally: Sendable, Equatable {
    var leads = 0
    var deliveries = 0
    var arrivals = 0
    var kills = 0
    var stops = 0
    /// Leads that were decided again, each time.
    var again = 0
    /// Stands for all that happened, step by step; of many seeds the sum.
    var trace: UInt64 = 0

    static func += (sum: inout Tally, one: Tally) {
        sum.leads += one.leads
        sum.deliveries += one.deliveries
        sum.arrivals += one.arrivals
        sum.kills += one.kills
        sum.stops += one.stops
        sum.again += one.again
        sum.trace &+= one.trace
    }
}

extension Tally: CustomStringConvertible {
    var description: String {
        "\(leads) leads, \(deliveries) deliveries, \(arrivals) arrivals, \(kills) kills, "
            + "\(stops) stops, \(again) decided again, trace \(String(trace, radix: 16))"
    }
}

/// How a process tells another that a seed has passed: one line.
struct Passed: LosslessStringConvertible, Sendable {
    var seed: UInt64
    var tally: Tally

    init(seed: UInt64, tally: Tally) {
        self.seed = seed
        self.tally = tally
    }

    init?(_ line: String) {
        let words = line.utf8.split(separator: UInt8(ascii: " "))
            .map { UInt64(String(decoding: $0, as: UTF8.self)) }
        guard words.count == 8, let seed = words[0], let trace = words[7] else { return nil }
        let counts = words[1..<7].compactMap { $0.map(Int.init) }
        guard counts.count == 6 else { return nil }
        self.seed = seed
        tally = Tally(
            leads: counts[0], deliveries: counts[1], arrivals: counts[2], kills: counts[3],
            stops: counts[4], again: counts[5], trace: trace)
    }

    var description: String {
        "\(seed) \(tally.leads) \(tally.deliveries) \(tally.arrivals) \(tally.kills) "
            + "\(tally.stops) \(tally.again) \(tally.trace)"
    }
}
