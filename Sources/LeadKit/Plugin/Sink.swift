/// Where leads go. One attempt a call; queueing, retries, back-off, time limits and concurrency
/// are the engine's.
public protocol Sink: Plugin {
    /// Makes one attempt. The same key may come again after a lost answer: where the other side
    /// can recognise repeats, hand it the key.
    ///
    /// Must return within a second of being cancelled; an attempt cancelled halfway counts as
    /// `.retry`, since it may have arrived.
    ///
    /// - Returns: the proof that it arrived.
    /// - Throws: `DeliveryFailure` with what to do next.
    func deliver(_ delivery: Delivery) async throws(DeliveryFailure) -> Receipt

    /// Asks the other side whether a delivery could pass, without sending a lead. Passes unless
    /// written.
    func probe() async throws(DeliveryFailure)

    /// What of the other side a delivery depends on, such as `https://crm.example.com:443`: the part
    /// that is left alone, with all its deliveries, when it is sick. Made from the settings and
    /// `rendered` alone, without I/O; the same for the same settings. One short line, no secret.
    /// The sink's own name unless written.
    func destination(of delivery: Delivery) -> String

    /// Whether all deliveries have the same destination, as far as the settings tell: then that one
    /// may have the sink's whole capacity. True unless written.
    var hasOneDestination: Bool { get }

    /// How long an attempt may take where the configuration does not say: what its protocol asks for.
    /// 30 seconds unless written.
    static var timeout: Duration { get }

    /// The body that the sink itself makes of a delivery, for people who try their rules out: an
    /// HTTP request's, a file's line. Nil, unless written, for one whose body is a setting. Holds
    /// no secret, and touches nothing.
    static func body(of delivery: Delivery, config: Config) -> String?

    /// Why the sink would never send this delivery, in the words that `deliver` would throw, for
    /// people who try their rules out: a recipient that is not an address. Nil, unless written.
    /// Touches nothing, and quotes no lead data.
    static func refusal(of delivery: Delivery, config: Config) -> String?
}

extension Sink {
    /// Half a minute.
    public static var timeout: Duration { .seconds(30) }

    /// No body of its own.
    public static func body(of delivery: Delivery, config: Config) -> String? { nil }

    /// The sink's own name.
    public func destination(of delivery: Delivery) -> String { delivery.sink }

    /// One.
    public var hasOneDestination: Bool { true }

    /// Nothing is refused.
    public static func refusal(of delivery: Delivery, config: Config) -> String? { nil }

    /// Always passes.
    public func probe() async throws(DeliveryFailure) {}
}

/// One lead for one target of one route: what a sink is given.
public struct Delivery: Sendable {
    /// The same on every attempt.
    public var key: DeliveryKey
    /// The lead.
    public var lead: Lead
    /// The name of the configured sink.
    public var sink: String
    /// The full name of the route that sent it, such as `dealers/premium`, or `default`.
    public var route: String
    /// Whether it is a copy (`also_to`).
    public var isCopy: Bool
    /// Which attempt this is, from 1. At least 2 when an earlier one may have left something behind,
    /// also one that was not spent.
    public var attempt: Int
    /// How long the attempt may take.
    public var timeout: Duration
    /// The settings that are filled in for each delivery, by `Template.name`.
    public var rendered: [String: String]

    /// Makes a delivery.
    public init(
        key: DeliveryKey, lead: Lead, sink: String, route: String, isCopy: Bool = false,
        attempt: Int = 1, timeout: Duration = .seconds(30), rendered: [String: String] = [:]
    ) {
        self.key = key
        self.lead = lead
        self.sink = sink
        self.route = route
        self.isCopy = isCopy
        self.attempt = attempt
        self.timeout = timeout
        self.rendered = rendered
    }

    /// What a template setting became for this delivery; empty for nil.
    public subscript(template: Template?) -> String {
        template.flatMap { rendered[$0.name] } ?? ""
    }

    /// The lead as the JSON object that sinks send: the Graph shape and envelope of
    /// `Lead.write(to:)`, preceded by `delivery_id`, `source`, `sink`, `route` and `copy`.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.name("delivery_id")
            writer.string(key.text)
            writer.name("source")
            writer.string(lead.source)
            writer.name("sink")
            writer.string(sink)
            writer.name("route")
            writer.string(route)
            writer.name("copy")
            writer.bool(isCopy)
            lead.writeMembers(to: &writer)
        }
        return writer.bytes
    }
}

/// Names a delivery for ever: SHA-256 over source, lead id, route, target and replay generation,
/// as 64 hexadecimal digits. The same after any crash and on every attempt.
public struct DeliveryKey: Sendable, Hashable, CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public let text: String

    /// Makes the key. `target` is the sink's name and whatever else tells two targets of one
    /// route apart; `generation` counts redeliveries ordered by an operator, from 0.
    public init(source: String, lead: LeadID, route: String, target: String, generation: Int = 0) {
        text = Digest.sha256Hex(parts: [source, lead.text, route, target, String(generation)])
    }

    /// Reads a key; nil unless it is 64 lower-case hexadecimal digits.
    public init?(_ text: String) {
        guard text.utf8.count == 64,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        self.text = text
    }

    /// The digits.
    public var description: String { text }
}

/// The proof that a delivery arrived: an SMTP reply, an HTTP status, a file's path and length.
public struct Receipt: Sendable, Equatable {
    /// One line; never lead data.
    public let text: String
    /// What the other side said, one line, such as the number by which it knows the lead. May repeat
    /// lead data: it is kept with the attempt, and never logged.
    public let answer: String
    /// To whom or where it went, as the settings came out for this lead: one line. May be lead data,
    /// too, and is kept where the answer is.
    public let recipient: String

    /// Makes a receipt; each text becomes one line of at most 500 bytes.
    public init(_ text: String, to recipient: String = "", answer: String = "") {
        self.text = Receipt.line(text)
        self.answer = Receipt.line(answer)
        self.recipient = Receipt.line(recipient)
    }

    static func line(_ text: String) -> String {
        // Whatever a plugin says, it costs no more than what is kept of it: a scalar has at most four
        // bytes, and none becomes longer.
        let line = Template.Place.oneLine(
            String(decoding: text.utf8.prefix(2000), as: UTF8.self))
        return line.utf8.count <= 500
            ? line : String(decoding: line.utf8.prefix(500), as: UTF8.self) + "…"
    }
}

/// Why an attempt failed, and what to do next.
public struct DeliveryFailure: Error, Sendable, CustomStringConvertible {
    /// What the engine does next.
    public enum Verdict: Sendable, Equatable {
        /// This lead, later; `after` is the least wait that the other side asked for.
        case retry(after: Duration?)
        /// This lead, never: it becomes a dead letter at once.
        case reject
        /// Nothing will pass (credentials, a missing folder): the destination rests, no attempt is
        /// spent.
        case halt
    }

    /// What to do next.
    public let verdict: Verdict
    /// One line for operators; never lead data, never a secret.
    public let reason: String
    /// Whether the lead may have arrived all the same: the answer was lost, not refused.
    public let isAmbiguous: Bool
    /// Whether the other side is well and only this lead has trouble, such as a mailbox that is
    /// full: its destination is then not thought sick. Always so for `.reject`.
    public let isOfThisLead: Bool
    /// What the other side said, one line: it knows best what it does not like. May repeat lead data:
    /// it is kept with the attempt, and never logged.
    public let answer: String
    /// To whom or where it was to go: one line. May be lead data, too, and is kept where the answer is.
    public let recipient: String

    /// Makes a failure; each text becomes one line of at most 500 bytes.
    public init(
        _ verdict: Verdict, _ reason: String, isAmbiguous: Bool = false, isOfThisLead: Bool = false,
        to recipient: String = "", answer: String = ""
    ) {
        self.answer = Receipt.line(answer)
        self.recipient = Receipt.line(recipient)
        self.verdict = verdict
        self.reason = Receipt.line(reason)
        self.isAmbiguous = isAmbiguous
        self.isOfThisLead = isOfThisLead || verdict == .reject
    }

    /// This lead, later. When unsure whether it arrived, this is right: the key stays the same.
    public static func retry(
        after: Duration? = nil, _ reason: String, isAmbiguous: Bool = false,
        isOfThisLead: Bool = false
    ) -> DeliveryFailure {
        DeliveryFailure(
            .retry(after: after), reason, isAmbiguous: isAmbiguous, isOfThisLead: isOfThisLead)
    }

    /// This lead, never.
    public static func reject(_ reason: String) -> DeliveryFailure {
        DeliveryFailure(.reject, reason)
    }

    /// Nothing will pass.
    public static func halt(_ reason: String) -> DeliveryFailure { DeliveryFailure(.halt, reason) }

    /// The same, with what the other side said.
    public func answered(_ answer: String) -> DeliveryFailure {
        DeliveryFailure(
            verdict, reason, isAmbiguous: isAmbiguous, isOfThisLead: isOfThisLead, to: recipient,
            answer: answer)
    }

    /// The same, with where it was to go.
    public func sent(to recipient: String) -> DeliveryFailure {
        DeliveryFailure(
            verdict, reason, isAmbiguous: isAmbiguous, isOfThisLead: isOfThisLead, to: recipient,
            answer: answer)
    }

    /// The reason.
    public var description: String { reason }
}
