internal import LeadKit
internal import Synchronization

/// A form of the fake Graph API, derived from the leads that came from it.
struct GraphForm: Sendable {
    let id: String
    let page: String
    let leadCount: Int
    let organicCount: Int
    /// The names of the answers, in the order of a lead that has them.
    let questions: [String]

    /// What comes when nothing is asked for.
    static let defaultFields = ["id", "locale", "name", "status"]

    private static let fields: Set<String> = [
        "id", "name", "status", "locale", "page_id", "leads_count", "organic_leads_count",
        "expired_leads_count", "questions", "created_time", "tracking_parameters",
    ]

    /// Writes the wanted fields that the form has, and `id` always.
    func write(_ wanted: [String], to writer: inout JSONWriter) throws(GraphError) {
        for name in wanted where !GraphForm.fields.contains(name) {
            throw .nonexistingField(name, on: "LeadGenData")
        }
        writer.object { writer in
            for name in wanted { writeField(name, to: &writer) }
            writer.name("id")
            writer.string(id)
        }
    }

    private func writeField(_ name: String, to writer: inout JSONWriter) {
        func count(_ number: Int) {
            writer.name(name)
            writer.integer(number)
        }
        func text(_ text: String) {
            writer.name(name)
            writer.string(text)
        }
        switch name {
        case "name": text("Form \(id)")
        case "status": text("ACTIVE")
        case "locale": text("en_US")
        case "page_id": text(page)
        case "leads_count": count(leadCount)
        case "organic_leads_count": count(organicCount)
        case "expired_leads_count": count(0)
        case "questions":
            writer.name(name)
            writer.array { writer in
                for (index, key) in questions.enumerated() {
                    GraphForm.writeQuestion(String(index + 1), key, to: &writer)
                }
            }
        default: break
        }
    }

    private static func writeQuestion(_ id: String, _ key: String, to writer: inout JSONWriter) {
        let types = [
            "full_name": "FULL_NAME", "first_name": "FIRST_NAME", "last_name": "LAST_NAME",
            "email": "EMAIL", "phone_number": "PHONE", "zip_code": "ZIP", "city": "CITY",
            "selected_dealer": "STORE_LOOKUP",
        ]
        writer.object { writer in
            for (name, value) in [
                ("id", id), ("key", key), ("label", key), ("type", types[key] ?? "CUSTOM"),
            ] {
                writer.name(name)
                writer.string(value)
            }
        }
    }

    static func writePage(_ id: String, to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("name")
            writer.string("Page \(id)")
            writer.name("id")
            writer.string(id)
        }
    }
}

extension FakeGraphAPI {
    /// The forms that leads came from, in order of id.
    var forms: [GraphForm] {
        state.withLock { state in
            state.leads.forms.map { id in
                let leads = state.leads.edge(id) ?? []
                let first = leads.first { $0.value["field_data"]?.elements.isEmpty == false }
                return GraphForm(
                    id: id, page: leads.compactMap(\.page).first ?? options.pageID,
                    leadCount: leads.count,
                    organicCount: leads.filter { $0.value["is_organic"]?.bool == true }.count,
                    questions: (first?.value["field_data"]?.elements ?? [])
                        .compactMap { $0["name"]?.string })
            }
        }
    }
}
