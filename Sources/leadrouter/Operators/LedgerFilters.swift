import LeadKit
import LeadStore

/// A request that cannot be carried out as it is written.
struct BadRequest: Error, CustomStringConvertible {
    /// Wrong usage, nothing found, more than one found, or a store that cannot be used.
    enum Kind: Int {
        case wrong = 400, notFound = 404, method = 405, ambiguous = 409, unavailable = 503
    }

    var kind = Kind.wrong
    var description: String
}

/// A name and a value: an option of a command, a parameter of an address, a member of a body.
typealias Parameter = (name: String, value: String)

/// Filters from texts: the same names and the same messages for commands and for the admin API.
enum LedgerFilters {
    static let leadNames = ["id", "source", "state", "outcome", "sink", "route", "since", "until"]
    static let deliveryNames = [
        "key", "lead", "source", "sink", "route", "state", "since", "until",
    ]
    static let pageNames = ["before", "limit"]
    /// What else chooses deliveries to look at: with `all=true`, dead letters that were redelivered.
    static let allName = "all"
    /// The most rows of one answer of the admin API.
    static let limitMax = 1000
    /// The rows of an answer, unless told.
    static let limitDefault = 50
    /// The fewest digits of a key that name a delivery.
    static let keyDigitsMin = 8

    static func leads(_ parameters: [Parameter]) throws(BadRequest) -> LeadFilter {
        try check(parameters, known: leadNames + pageNames)
        var filter = LeadFilter(limit: limitDefault)
        for (name, value) in parameters {
            switch name {
            case "id": filter.leadID = try leadID(value)
            case "source": filter.source = value
            case "state": filter.state = try state(value)
            case "outcome": filter.outcome = try outcome(value)
            case "sink": filter.sink = value
            case "route": filter.route = value
            case "since": filter.sinceMilliseconds = try time(value, name)
            case "until": filter.untilMilliseconds = try time(value, name)
            case "before": filter.beforeSequence = try number(value, name, .max)
            default: filter.limit = Int(try number(value, name, Int64(limitMax)))
            }
        }
        return filter
    }

    static func deliveries(_ parameters: [Parameter]) throws(BadRequest) -> DeliveryFilter {
        try check(parameters, known: deliveryNames + [allName] + pageNames)
        var filter = DeliveryFilter(limit: limitDefault)
        var isAll = false
        for (name, value) in parameters {
            switch name {
            case "key": filter.keyPrefix = try key(value)
            case "lead": filter.leadID = try leadID(value)
            case "source": filter.source = value
            case "sink": filter.sink = value
            case "route": filter.route = value
            case "state": filter.state = try state(value)
            case "since": filter.sinceMilliseconds = try time(value, name)
            case "until": filter.untilMilliseconds = try time(value, name)
            case allName: isAll = try bool(value, name)
            case "before": filter.beforeSequence = try number(value, name, .max)
            default: filter.limit = Int(try number(value, name, Int64(limitMax)))
            }
        }
        // A dead letter that was redelivered is another row's concern.
        if filter.state == .dead, !isAll { filter.isSuperseded = false }
        return filter
    }

    private static func bool(_ text: String, _ name: String) throws(BadRequest) -> Bool {
        guard let value = Bool(text) else {
            throw BadRequest(description: "'\(name)' needs true or false, not '\(text)'")
        }
        return value
    }

    /// A delivery's key, or how it begins.
    static func key(_ text: String) throws(BadRequest) -> String {
        let isHex = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x61...0x66).contains($0)
        }
        guard isHex, (keyDigitsMin...64).contains(text.utf8.count) else {
            throw BadRequest(
                description: "'\(text)' is no delivery's key; write at least its first "
                    + "\(keyDigitsMin) digits, as 'leadrouter deliveries list' shows them")
        }
        return text
    }

    static func leadID(_ text: String) throws(BadRequest) -> LeadID {
        guard let id = LeadID(text) else {
            throw BadRequest(description: "'\(text)' is no lead's id")
        }
        return id
    }

    static func time(_ text: String, _ name: String) throws(BadRequest) -> Int64 {
        guard let time = Timestamp(dateOrTime: text) else {
            throw BadRequest(
                description: "'\(name)' needs a time, not '\(text)'; write 2025-10-09 or "
                    + "2025-10-09T08:00:00Z")
        }
        return time.seconds * 1000
    }

    private static func state<State: RawRepresentable<String> & CaseIterable>(
        _ text: String
    ) throws(BadRequest) -> State {
        if let state = State(rawValue: text) { return state }
        throw unknown(text, "state", State.allCases.map(\.rawValue))
    }

    private static func outcome(_ text: String) throws(BadRequest) -> String {
        let known = ["routed", "default", "held", "dropped"]
        guard known.contains(text) else { throw unknown(text, "outcome", known) }
        return text
    }

    private static func number(
        _ text: String, _ name: String, _ most: Int64
    ) throws(BadRequest) -> Int64 {
        guard let number = Int64(text), (1...most).contains(number) else {
            let range = most == .max ? "from 1" : "from 1 to \(most)"
            throw BadRequest(description: "'\(name)' needs a number \(range), not '\(text)'")
        }
        return number
    }

    private static func unknown(_ text: String, _ what: String, _ known: [String]) -> BadRequest {
        let list = known.joined(separator: ", ")
        return BadRequest(
            description: "'\(text)' is no \(what); "
                + (Nearest.help(for: text, among: known) ?? "the \(what)s are \(list)"))
    }

    static func check(_ parameters: [Parameter], known: [String]) throws(BadRequest) {
        var seen: Set<String> = []
        for (name, _) in parameters {
            guard name != LeadSearch.answerName else { throw LeadSearch.isElsewhere }
            guard known.contains(name) else {
                throw BadRequest(
                    description: "unknown parameter '\(name)'; "
                        + (Nearest.help(for: name, among: known)
                            ?? "there are \(known.joined(separator: ", "))"))
            }
            guard seen.insert(name).inserted else {
                throw BadRequest(description: "'\(name)' is given twice")
            }
        }
    }
}
