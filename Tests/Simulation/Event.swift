import LeadKit

/// Something that happens in a scenario.
enum Event: Sendable {
    case lead(Lead, isAnnounced: Bool)
    case refuse(String)
    case mood(World.Mood, sink: String)
    case sourceMood(World.Mood)
    case jump(milliseconds: Int64)
    case kill
    /// An operator pauses a sink, or lets it go on.
    case pause(sink: String, isOn: Bool)
    /// An operator gives all leads that are decided to the rules again.
    case decideAgain(cancelsOthers: Bool)
    /// Sinks are exchanged while they work; the rules stay.
    case reload(rules: Int)
    /// A clean stop; the next start has other rules, if any are named.
    case stop(rules: Int?)

    /// Seven days, in order of time: at least 200 leads, then all faults end.
    static func plan(_ chance: inout Chance) -> [(at: Int64, event: Event)] {
        let hour: Int64 = 3_600_000
        let days = 7 * 24 * Int(hour)
        var events: [(at: Int64, event: Event)] = []
        func time(_ chance: inout Chance) -> Int64 { Int64(chance.number(0...days)) }
        var number = 0
        while number < 200 {
            let burst = time(&chance)
            for _ in 0..<chance.number(1...20) {
                let lead = SimulatedRules.lead(number, &chance)
                number += 1
                let isAnnounced = chance.thousandth(400)
                let at = burst + Int64(chance.number(0...5000))
                events.append((at, .lead(lead, isAnnounced: isAnnounced)))
                while chance.thousandth(200) {
                    let again = at + Int64(chance.number(0...(chance.thousandth(500) ? 0 : 90_000)))
                    events.append((again, .lead(lead, isAnnounced: isAnnounced)))
                }
                if chance.thousandth(20) { events.append((at - 1, .refuse(lead.id.text))) }
            }
        }
        for sink in SimulatedRules.sinks + ["archive"] {
            for _ in 0..<chance.number(0...4) {
                let start = time(&chance)
                let place = sink + chance.one(of: ["", "-0", "-1"])
                let mood = chance.one(of: [World.Mood.down, .lockedOut, .hung, .forgetful])
                // Shorter than the time after which a delivery is given up; mostly much shorter,
                // since hours of probes show nothing that minutes do not.
                let length = Int64(chance.number(1...(chance.thousandth(50) ? 48 : 4))) * hour
                events.append((start, .mood(mood, sink: place)))
                events.append((start + length, .mood(.healthy, sink: place)))
            }
        }
        for _ in 0..<chance.number(0...3) {
            let start = time(&chance)
            events.append((start, .sourceMood(chance.one(of: [.down, .lockedOut]))))
            let length = Int64(chance.number(1...(chance.thousandth(50) ? 20 : 4))) * hour
            events.append((start + length, .sourceMood(.healthy)))
        }
        for _ in 0..<chance.number(0...10) { events.append((time(&chance), .kill)) }
        // Kills while there is something to do, too.
        for _ in 0..<chance.number(0...10) {
            let busy = chance.one(of: events).at
            events.append((busy + Int64(chance.number(0...3000)), .kill))
        }
        for _ in 0..<chance.number(0...6) {
            let rules =
                chance.thousandth(600) ? chance.number(0...(SimulatedRules.versions - 1)) : nil
            events.append((time(&chance), .stop(rules: rules)))
        }
        for _ in 0..<chance.number(0...4) {
            let sink = chance.one(of: SimulatedRules.sinks + ["archive"])
            let start = time(&chance)
            events.append((start, .pause(sink: sink, isOn: true)))
            let length = Int64(chance.number(1...12 * 60)) * 60_000
            events.append((start + length, .pause(sink: sink, isOn: false)))
        }
        for _ in 0..<chance.number(0...6) {
            // While there is something to do.
            let busy = chance.one(of: events).at + Int64(chance.number(0...3000))
            events.append((busy, .reload(rules: chance.number(0...(SimulatedRules.versions - 1)))))
        }
        for _ in 0..<chance.number(0...4) {
            let size = chance.one(of: [1000, 60_000, 3_600_000, 86_400_000, 30 * 86_400_000])
            let sign = chance.thousandth(500) ? 1 : -1
            events.append((time(&chance), .jump(milliseconds: Int64(size * sign))))
        }
        for sink in SimulatedRules.sinks + ["archive"] {
            events.append((Int64(days) + 47 * hour, .pause(sink: sink, isOn: false)))
            for place in [sink, sink + "-0", sink + "-1"] {
                events.append((Int64(days) + 48 * hour, .mood(.healthy, sink: place)))
            }
        }
        events.append((Int64(days) + 48 * hour, .sourceMood(.healthy)))
        // Drawn last, so that seeds are in all else what they were.
        for _ in 0..<chance.number(0...2) {
            // As a mail server does that comes back and knows nobody, with a burst behind it.
            let busy = min(chance.one(of: events).at, Int64(days))
            let place = chance.one(of: SimulatedRules.sinks) + chance.one(of: ["", "-0", "-1"])
            let back = busy + hour
            let length = Int64(chance.number(1...4)) * hour
            events.append((busy - 1, .mood(.down, sink: place)))
            events.append((back, .mood(.picky, sink: place)))
            events.append((back + length, .mood(.healthy, sink: place)))
        }
        for _ in 0..<chance.number(0...2) {
            // By rules that are mostly others, with what waits at sick sinks still pending.
            let start = time(&chance)
            let rules = chance.number(0...(SimulatedRules.versions - 1))
            events.append((start, .stop(rules: rules)))
            let later = start + Int64(chance.number(0...60)) * 60_000
            events.append((later, .decideAgain(cancelsOthers: chance.thousandth(500))))
        }
        let ordered = events.enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }
        return ordered.map(\.element)
    }
}
