import LeadKit

/// Finds the announced leads in one event. Each change stands alone: a bad one is kept aside and
/// the others go on.
struct EventReader {
    /// What was authentic and of no use.
    struct Ignored {
        /// Samples that the app dashboard's Test button sent.
        var dashboardSamples = 0
        /// Entries that say only which field changed, of a subscription without values.
        var withoutValues = 0
        /// Other objects, fields and kinds of entries.
        var others = 0
    }

    /// For the inbox, in the order of the event; no lead twice.
    private(set) var items: [InboxItem] = []
    private(set) var ignored = Ignored()

    private let config: MetaConfig
    private let source: String
    private let received: Timestamp
    private var seen: Set<GraphID> = []

    init(config: MetaConfig, source: String, received: Timestamp) {
        self.config = config
        self.source = source
        self.received = received
    }

    /// Reads the event; `body` is what it was parsed from.
    mutating func read(_ event: JSONValue, body: [UInt8]) {
        guard event["object"]?.string == "page" else {
            ignored.others += 1
            return
        }
        guard let entries = event["entry"], entries.kind == .array else {
            items.append(
                .quarantined(source: source, raw: body, reason: "the event has no list 'entry'"))
            return
        }
        for entry in entries.elements { read(entry: entry) }
    }

    private mutating func read(entry: JSONValue) {
        guard entry.kind == .object else {
            return quarantine(entry, "an entry of the event is no object")
        }
        guard let changes = entry["changes"] else {
            if entry["changed_fields"] != nil {
                ignored.withoutValues += 1
            } else {
                ignored.others += 1
            }
            return
        }
        guard changes.kind == .array else {
            return quarantine(entry, "'changes' of an entry is no list")
        }
        for change in changes.elements { read(change: change, of: entry) }
    }

    private mutating func read(change: JSONValue, of entry: JSONValue) {
        guard let field = change["field"]?.string else {
            return quarantine(change, "a change names no 'field'")
        }
        // 'leadgen_update' also has a leadgen_id, and announces no lead.
        guard field == "leadgen" else {
            ignored.others += 1
            return
        }
        guard let value = change["value"], value.kind == .object else {
            return quarantine(change, "a leadgen change has no object 'value'")
        }
        guard let lead = GraphID(value["leadgen_id"]) else {
            return quarantine(change, "'leadgen_id' is not 1 to 19 digits")
        }
        let pages = [GraphID(value["page_id"]), GraphID(entry["id"])]
        if isDashboardSample(lead, pages: pages) {
            ignored.dashboardSamples += 1
            return
        }
        let known = pages.compactMap { $0?.text }
        let page = known.first { config.pages[$0] != nil } ?? known.first
        guard config.token(page: page) != nil else {
            return quarantine(change, "no access token for the page of this lead")
        }
        if seen.insert(lead).inserted { announce(lead, page: page, value: value) }
    }

    private mutating func announce(_ lead: GraphID, page: String?, value: JSONValue) {
        guard let id = LeadID(lead.text) else { return }
        var envelope = Envelope([.receivedTime: received.text])
        envelope[.pageID] = page
        envelope[.formID] = GraphID(value["form_id"])?.text
        // Absent for organic and test leads; some stacks write 0 or nothing.
        envelope[.adID] = GraphID(value["ad_id"])?.text
        envelope[.createdTime] = value["created_time"]?.scalarText.map(LeadReader.normalisedTime)
        items.append(.reference(LeadReference(source: source, id: id, envelope: envelope)))
    }

    /// The Test button's ids are one digit over and over, and its page id is such a one or 0.
    private func isDashboardSample(_ lead: GraphID, pages: [GraphID?]) -> Bool {
        lead.isRepeatedDigit
            && pages.allSatisfy { page in
                page.map { $0.isRepeatedDigit && config.pages[$0.text] == nil } ?? true
            }
    }

    private mutating func quarantine(_ value: JSONValue, _ reason: String) {
        var writer = JSONWriter()
        writer.value(value)
        items.append(.quarantined(source: source, raw: writer.bytes, reason: reason))
    }
}
