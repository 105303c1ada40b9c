import LeadKit

/// A delivery as `application/x-www-form-urlencoded`: what is known of the lead, then its answers,
/// a name once for each value.
enum FormBody {
    static func bytes(of delivery: Delivery) -> [UInt8] {
        var pairs: [(String, String)] = [
            ("delivery_id", delivery.key.text), ("lead_id", delivery.lead.id.text),
            ("source", delivery.lead.source), ("sink", delivery.sink), ("route", delivery.route),
        ]
        for attribute in LeadAttribute.allCases where attribute != .id && attribute != .source {
            if let text = delivery.lead[attribute] { pairs.append((attribute.rawValue, text)) }
        }
        let reserved = FormBody.reserved
        for field in delivery.lead.fieldData {
            // An answer must not pass for what we say of the lead.
            let isTaken = reserved.contains { $0.utf8.elementsEqual(field.name.utf8) }
            let name = isTaken ? "field.\(field.name)" : field.name
            for value in field.values { pairs.append((name, value)) }
        }
        let texts = pairs.map { encoded($0.0) + "=" + encoded($0.1) }
        return Array(texts.joined(separator: "&").utf8)
    }

    private static let reserved =
        ["delivery_id", "lead_id", "sink", "route"] + LeadAttribute.allCases.map(\.rawValue)

    private static func encoded(_ text: String) -> String { Template.Place.percentEncoded(text) }
}
