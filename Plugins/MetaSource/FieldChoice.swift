import LeadKit
import Synchronization

/// Which lead fields to ask for. One name that the API's version does not know fails the whole
/// call (100, "nonexisting field"), so there is a short list that every version knows.
final class FieldChoice: Sendable {
    /// Graph API v21.0 to v26.0, lead node.
    static let recommended = [
        "id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id",
        "campaign_name", "form_id", "field_data", "custom_disclaimer_responses", "is_organic",
        "platform", "partner_name", "retailer_item_id",
    ]
    static let fallback = ["id", "created_time", "ad_id", "form_id", "field_data"]
    /// Without these there is no lead.
    private static let needed = ["id", "created_time", "field_data"]

    private let fields: Mutex<[String]>

    init(wanted: [String]) {
        fields = Mutex(FieldChoice.needed.filter { !wanted.contains($0) } + wanted)
    }

    /// The value of the parameter `fields`.
    var current: String { fields.withLock { $0.joined(separator: ",") } }

    /// Turns to the short list; false when it was in use already, so that asking again is useless.
    func fallBack(from used: String) -> Bool {
        let short = FieldChoice.fallback.joined(separator: ",")
        guard used != short else { return false }
        fields.withLock { $0 = FieldChoice.fallback }
        return true
    }

    /// Whether the text can be a field: letters, digits, `_`, and the `{},.()` of expansions.
    static func isName(_ text: String) -> Bool {
        !text.utf8.isEmpty
            && text.utf8.allSatisfy { byte in
                byte.isDigit || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || "_{},.()".utf8.contains(byte)
            }
    }
}
