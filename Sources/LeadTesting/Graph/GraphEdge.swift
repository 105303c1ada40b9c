internal import Foundation
internal import LeadKit
internal import Synchronization

/// The lists of the fake Graph API: leads, test leads, forms.
struct GraphEdge {
    let api: FakeGraphAPI
    let parameters: [String: String]
    /// The edge's own address, without a query.
    let url: String

    /// The names in `fields`; nil when it was not sent.
    static func fields(_ parameters: [String: String]) -> [String]? {
        guard let text = parameters["fields"] else { return nil }
        let names = text.utf8.split(separator: UInt8(ascii: ","))
            .map { String(decoding: $0, as: UTF8.self).trimmed }.filter { !$0.isEmpty }
        return names.isEmpty ? nil : names
    }

    /// `GET /FORM/leads` or `GET /AD/leads`.
    func leads(of parent: String, to writer: inout JSONWriter) throws(GraphError) {
        guard let all = api.state.withLock({ $0.leads.edge(parent) }) else {
            throw .unknownObject(parent)
        }
        let conditions = try GraphFilter.conditions(parameters["filtering"])
        let rows = all.filter { lead in conditions.allSatisfy { $0.passes(lead.createdSeconds) } }
        try write(rows, mayBeEmpty: api.options.formsWithEmptyPages.contains(parent), to: &writer)
    }

    /// `GET /FORM/test_leads`.
    func testLeads(of form: String, to writer: inout JSONWriter) throws(GraphError) {
        let rows = api.state.withLock { $0.leads.edge(form) } ?? []
        try write(rows.filter(\.isTest), mayBeEmpty: false, to: &writer)
    }

    private func write(
        _ rows: [GraphLead], mayBeEmpty: Bool, to writer: inout JSONWriter
    ) throws(GraphError) {
        let wanted = GraphEdge.fields(parameters) ?? GraphLead.defaultFields
        let page = GraphPage(ids: rows.map(\.id), parameters: parameters, mayBeEmpty: mayBeEmpty)
        let range = try page.range(limit: try limit())
        try writer.object { (writer) throws(GraphError) in
            writer.name("data")
            try writer.array { (writer) throws(GraphError) in
                for lead in rows[range] { try lead.write(wanted, to: &writer) }
            }
            page.writePaging(range, limit: try limit(), url: url, to: &writer)
            if ["true", "True", "1"].contains(parameters["summary"]) {
                writer.name("summary")
                writer.object { writer in
                    writer.name("total_count")
                    writer.integer(rows.count)
                }
            }
        }
    }

    /// 25 unless told; too large ones are cut silently.
    private func limit() throws(GraphError) -> Int {
        guard let text = parameters["limit"] else { return 25 }
        guard let limit = Int(text), limit > 0 else {
            throw .parameter("Param limit must be a positive number")
        }
        return min(limit, api.options.pageSizeMax)
    }

    /// `POST /FORM/test_leads`: one at a time for each form; the webhook is up to the caller.
    func createTestLead(of form: String, to writer: inout JSONWriter) throws(GraphError) {
        guard api.forms.contains(where: { $0.id == form }) else {
            throw .unknownObject(form, method: "post")
        }
        let existing = api.state.withLock { $0.leads.edge(form) ?? [] }
        guard !existing.contains(where: \.isTest) else { throw .testLeadExists }
        let number = api.state.withLock { state in
            state.testLeadNumber += 1
            return state.testLeadNumber
        }
        let id = String(1_739_900_000_000_000 + number)
        let lead = try testLead(id: id, form: form)
        api.state.withLock { $0.leads.add(lead) }
        writer.object { writer in
            writer.name("id")
            writer.string(id)
        }
    }

    /// Organic, without ad ids, with the marker of dummy data unless the caller sent answers.
    private func testLead(id: String, form: String) throws(GraphError) -> GraphLead {
        var answers = #"[{"name":"full_name","values":["<test lead: dummy data for full_name>"]},"#
        answers += #"{"name":"email","values":["test@meta.com"]}]"#
        if let sent = parameters["field_data"], !sent.isEmpty { answers = sent }
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970)).text.dropLast() + "+0000"
        let text = """
            {"id":"\(id)","created_time":"\(now)","form_id":"\(form)","is_organic":true,\
            "platform":"fb","field_data":\(answers)}
            """
        guard let value = try? JSONDocument.parse(Array(text.utf8)).root,
            let lead = try? GraphLead(value, isTest: true)
        else { throw .parameter("param field_data must be an array.") }
        return lead
    }

    /// `GET /PAGE/leadgen_forms`.
    func forms(of page: String, to writer: inout JSONWriter) throws(GraphError) {
        let forms = api.forms.filter { $0.page == page }
        guard page == api.options.pageID || !forms.isEmpty else { throw .unknownObject(page) }
        let wanted = GraphEdge.fields(parameters) ?? GraphForm.defaultFields
        let list = GraphPage(ids: forms.map(\.id), parameters: parameters, mayBeEmpty: false)
        let range = try list.range(limit: try limit())
        try writer.object { (writer) throws(GraphError) in
            writer.name("data")
            try writer.array { (writer) throws(GraphError) in
                for form in forms[range] { try form.write(wanted, to: &writer) }
            }
            list.writePaging(range, limit: try limit(), url: url, to: &writer)
        }
    }

    func subscribedApps(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.name("data")
            writer.array { writer in
                writer.object { writer in
                    writer.name("id")
                    writer.string("9001")
                    writer.name("name")
                    writer.string("leadrouter")
                    writer.name("subscribed_fields")
                    writer.array { $0.string("leadgen") }
                }
            }
        }
    }
}

/// One condition of `filtering`. The service ignores what it does not understand, silently: a
/// wrong field (`created_time`), a date instead of a unix time, an unknown operator.
struct GraphFilter {
    let passes: @Sendable (Int64) -> Bool

    static func conditions(_ text: String?) throws(GraphError) -> [GraphFilter] {
        guard let text, !text.isEmpty else { return [] }
        guard let root = try? JSONDocument.parse(Array(text.utf8)).root else {
            throw .parameter("param filtering must be an array.")
        }
        return (root.kind == .object ? [root] : root.elements).compactMap(GraphFilter.init)
    }

    private init?(_ value: JSONValue) {
        guard value["field"]?.string == "time_created",
            let bound = value["value"]?.scalarText.flatMap({ Int64($0) })
        else { return nil }
        switch value["operator"]?.string {
        case "GREATER_THAN": passes = { $0 > bound }
        case "GREATER_THAN_OR_EQUAL": passes = { $0 >= bound }
        case "LESS_THAN": passes = { $0 < bound }
        default: return nil
        }
    }
}
