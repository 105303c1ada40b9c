internal import LeadKit

/// A lead of the fake Graph API: its JSON, and what the edges sort and select by.
struct GraphLead: Sendable {
    let id: String
    let form: String?
    let ad: String?
    let page: String?
    let createdSeconds: Int64
    let isTest: Bool
    /// The object in Graph shape, as it was loaded.
    let value: JSONValue

    init(_ value: JSONValue, isTest: Bool = false) throws(LeadError) {
        guard let id = value["id"]?.scalarText, !id.isEmpty,
            let text = value["created_time"]?.scalarText, let created = Timestamp(text)
        else { throw LeadError("a lead of the fake needs 'id' and 'created_time'") }
        self.id = id
        self.value = value
        self.isTest = isTest
        createdSeconds = created.seconds
        form = value["form_id"]?.scalarText
        ad = value["ad_id"]?.scalarText
        page = value["page_id"]?.scalarText
    }

    /// The fields of a lead node (UserLeadGenInfo). There is no `page_id` among them.
    static let fields: Set<String> = [
        "id", "created_time", "ad_id", "ad_name", "adset_id", "adset_name", "campaign_id",
        "campaign_name", "form_id", "is_organic", "platform", "custom_disclaimer_responses",
        "field_data", "home_listing", "partner_name", "post", "post_submission_check_result",
        "retailer_item_id", "vehicle",
    ]

    /// What comes when nothing is asked for.
    static let defaultFields = ["created_time", "id", "ad_id", "form_id", "field_data"]

    /// Writes the wanted fields that the lead has, and `id` always.
    func write(_ wanted: [String], to writer: inout JSONWriter) throws(GraphError) {
        for name in wanted where !GraphLead.fields.contains(name) {
            throw .nonexistingField(name, on: "UserLeadGenInfo")
        }
        writer.object { writer in
            for name in wanted where name != "id" {
                guard let member = value[name] else { continue }
                writer.name(name)
                writer.value(member)
            }
            writer.name("id")
            writer.string(id)
        }
    }
}

/// All leads of the fake, by id and by edge.
struct GraphLeads: Sendable {
    private(set) var byID: [String: GraphLead] = [:]
    /// The leads of each form and each ad, newest first once asked for.
    private var edges: [String: [GraphLead]] = [:]
    private var unsorted: Set<String> = []

    /// Adds a lead, or replaces the one of that id.
    mutating func add(_ lead: GraphLead) {
        remove(lead.id)
        byID[lead.id] = lead
        for parent in [lead.form, lead.ad].compactMap(\.self) {
            edges[parent, default: []].append(lead)
            unsorted.insert(parent)
        }
    }

    /// Whether there was such a lead.
    @discardableResult
    mutating func remove(_ id: String) -> Bool {
        guard let lead = byID.removeValue(forKey: id) else { return false }
        for parent in [lead.form, lead.ad].compactMap(\.self) {
            edges[parent]?.removeAll { $0.id == id }
        }
        return true
    }

    /// The leads of a form or an ad, newest first; nil when nothing of it was ever known.
    mutating func edge(_ parent: String) -> [GraphLead]? {
        if unsorted.remove(parent) != nil {
            // Stable: leads of the same second stay in the order they were added.
            edges[parent]?.sort { $0.createdSeconds > $1.createdSeconds }
        }
        return edges[parent]
    }

    /// The forms that leads came from, in order of id.
    var forms: [String] { Set(byID.values.compactMap(\.form)).sorted() }
}
