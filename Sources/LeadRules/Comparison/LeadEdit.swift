internal import LeadKit

/// One field, checkbox or attribute of a lead that is different.
public struct LeadEdit: Sendable, Equatable {
    /// The name as rules write it: `zip_code`, `lead.form_id`, `consent.news`.
    public let name: String
    /// What the lead says; empty when it is missing.
    public let old: [String]
    /// What it would have to say; empty when it would have to be missing.
    public let new: [String]
    /// What else is different then.
    public let note: String?
    let target: Name
    /// How many edits of single characters it takes.
    let cost: Int

    init(
        name: String, target: Name, old: [String], new: [String], note: String? = nil,
        isInvented: Bool = false
    ) {
        self.name = name
        self.target = target
        self.old = old
        self.new = new
        self.note = note
        let distance = EditDistance.or0IfAlike(
            old.joined(separator: "\n"), new.joined(separator: "\n"))
        // A value that nobody named says less than one from the rules.
        cost = distance + (isInvented ? 8 : 0)
    }
}

/// A lead with some edits, and the circumstances that it is decided in.
struct EditedLead: Sendable {
    var lead: Lead
    var isDuplicate: Bool
    let now: Timestamp

    func decide(with decider: Decider) -> Decision {
        decider.decide(lead, at: now, isDuplicate: isDuplicate)
    }

    /// The decision with the members that pools would choose if they remembered nothing.
    func assigned(_ decision: Decision, _ ruleSet: RuleSet) -> Decision {
        var pools = PoolState()
        return ruleSet.assign(decision, of: lead, at: now, state: &pools).decision
    }

    func evaluator(for ruleSet: RuleSet) -> Evaluator {
        Evaluator(ruleSet: ruleSet, view: ruleSet.view(lead, now, isDuplicate))
    }

    func applying(_ edits: [LeadEdit]) -> EditedLead {
        var edited = self
        for edit in edits { edited.apply(edit) }
        edited.lead.raw = []
        return edited
    }

    private mutating func apply(_ edit: LeadEdit) {
        switch edit.target {
        case .field(let name): setField(name, edit.new)
        case .attribute(let attribute): set(attribute, edit.new.first)
        case .consent(let key):
            lead.consents.removeAll { Normalization.value($0.key) == key }
            lead.consents += edit.new.map { Consent(key: key, isChecked: $0 == "true") }
        case .column, .schedule: return
        }
    }

    /// In the place of the first answer of that name, or at the end.
    private mutating func setField(_ name: String, _ values: [String]) {
        var fields = Array(lead.fieldData)
        let place = fields.firstIndex { Normalization.value($0.name) == name }
        fields.removeAll { Normalization.value($0.name) == name }
        if !values.isEmpty { fields.insert(Field(name, values), at: place ?? fields.count) }
        lead.fieldData = FieldData(fields)
    }

    private mutating func set(_ attribute: LeadAttribute, _ text: String?) {
        switch attribute {
        case .id: if let id = text.flatMap({ LeadID($0) }) { lead.id = id }
        case .source: if let text { lead.source = text }
        case .isDuplicate: isDuplicate = text == "true"
        case .isTest:
            lead.envelope[.isTest] = text
            if text != "true" { removeTestAnswers() }
        default: lead.envelope[attribute] = text
        }
    }

    /// Answers that mark a lead as a test, such as Meta's dummy data.
    private mutating func removeTestAnswers() {
        let marked = lead.testAnswers
        lead.fieldData = FieldData(lead.fieldData.filter { !marked.contains($0) })
    }
}

extension Lead {
    /// The answers that mark it as a test.
    fileprivate var testAnswers: [Field] {
        fieldData.filter { Lead(id: id, source: source, fieldData: [$0]).isTest }
    }

    /// What goes with calling it no test.
    var testAnswersNote: String? {
        let names = testAnswers.map(\.name)
        return names.isEmpty ? nil : "without its test answers \(names.joined(separator: ", "))"
    }
}

/// The edits of single scalars from one text to another (Levenshtein).
enum EditDistance {
    /// Beyond so many scalars the longer text's length stands for the distance.
    static let scalarsMax = 64

    static func between(_ a: String, _ b: String) -> Int {
        let a = Array(a.unicodeScalars)
        let b = Array(b.unicodeScalars)
        if a == b { return 0 }
        guard !a.isEmpty, !b.isEmpty, max(a.count, b.count) <= scalarsMax else {
            return max(a.count, b.count)
        }
        var row = Array(0...b.count)
        for (i, scalar) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let replaced = diagonal + (scalar == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
            }
        }
        return row[b.count]
    }

    /// None for texts that differ only in case, leading zeros, blanks or marks: mostly they were
    /// meant to be the same.
    static func or0IfAlike(_ a: String, _ b: String) -> Int {
        NearMiss.difference(a, b) == nil ? between(a, b) : 0
    }

    /// The candidates nearest to a text, nearest first.
    static func nearest(
        to text: String, among candidates: some Collection<String>, count: Int
    ) -> [String] {
        candidates.map { (text: $0, distance: or0IfAlike(text, $0)) }
            .sorted { ($0.distance, $0.text) < ($1.distance, $1.text) }
            .prefix(count).map(\.text)
    }
}
