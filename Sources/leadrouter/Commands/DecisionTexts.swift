import LeadKit
import LeadRules

/// Writes decisions as lines of NDJSON, and remembers how each was written: among a million leads
/// there are as many decisions as routes, and they differ in the lead's id only.
struct DecisionTexts {
    /// The most decisions that are remembered; further ones are written each time.
    private static let countMax = 8_192

    private struct Known {
        var decision: Decision
        /// What stands behind the lead's id.
        var text: [UInt8]
    }

    /// By the first route, or what becomes of the lead without one.
    private var known: [String: [Known]] = [:]
    private var count = 0
    private let start = Array("{\"lead_id\":".utf8)

    /// Writes what `Decision.write` does, and ends the line.
    mutating func write(_ decision: Decision, leadID: String, to writer: inout JSONWriter) {
        let key = decision.routes.first ?? decision.outcome.rawValue
        if let text = known[key]?.first(where: { $0.decision == decision })?.text {
            write(leadID, text, to: &writer)
        } else if count < DecisionTexts.countMax {
            let text = text(of: decision)
            known[key, default: []].append(Known(decision: decision, text: text))
            count += 1
            write(leadID, text, to: &writer)
        } else {
            decision.write(leadID: leadID, to: &writer)
            writer.newline()
        }
    }

    private func write(_ leadID: String, _ text: [UInt8], to writer: inout JSONWriter) {
        writer.verbatim(start)
        writer.string(leadID)
        writer.verbatim(text)
        writer.newline()
    }

    private func text(of decision: Decision) -> [UInt8] {
        var writer = JSONWriter()
        decision.write(leadID: nil, to: &writer)
        return Array(writer.bytes.dropFirst(start.count + "null".utf8.count))
    }
}
