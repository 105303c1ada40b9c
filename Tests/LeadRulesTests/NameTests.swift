import LeadKit
import LeadRules
import LeadTesting
import Testing

/// RULES section 2: what a rule sees.
struct NameTests {
    @Test func `answers are found by their trimmed, normalised name, with case`() throws {
        #expect(try truth("{what car?: x}", lead([" what car? ": ["x"]])) == .yes)
        #expect(try truth("{Make: x}", lead(["make": ["x"]])) == .unknown)
        #expect(try truth("{é: x}", lead(["e\u{301}": ["x"]])) == .yes)
        #expect(try truth("{'field[\"a.b\"]': x}", lead(["a.b": ["x"]])) == .yes)
        #expect(try truth("{'field[\"any\"]': x}", lead(["any": ["x"]])) == .yes)
        #expect(try truth("{'field[\"a\"b\\\"]': x}", lead(["a\"b\\": ["x"]])) == .yes)
        #expect(try truth("{lead: x}", lead(["lead": ["x"]])) == .yes)
    }

    @Test func `a repeated name appends its values`() throws {
        let twice = lead(["f": ["a"], "g": ["q"], " f": ["b"]])
        #expect(try truth("{f: {in: [a, b], every: true}, g: q}", twice) == .yes)
        #expect(try truth("{f: b}", twice) == .yes)
        #expect(try truth("{f: {not_equals: b}}", twice) == .no)
    }

    @Test(arguments: LeadAttribute.allCases) func `the whole envelope can be asked for`(
        _ attribute: LeadAttribute
    ) throws {
        let all = Dictionary(
            uniqueKeysWithValues: LeadAttribute.allCases.map { ($0, "v-" + $0.rawValue) })
        let wanted =
            switch attribute {
            case .id: "1730000000100000"
            case .source: "facebook"
            case .isTest, .isDuplicate: "false"
            default: "v-" + attribute.rawValue
            }
        #expect(
            try truth(
                "{lead.\(attribute.rawValue): {equals: \(wanted), exact: true}}",
                lead(envelope: all))
                == .yes)
    }

    @Test func `what the source did not say is missing`() throws {
        #expect(try truth("{lead.is_organic: false}", lead()) == .unknown)
        #expect(
            try truth("{lead.is_organic: false}", lead(envelope: [.isOrganic: "false"])) == .yes)
        #expect(try truth("{lead.ad_id: {exists: false}}", lead()) == .yes)
    }

    @Test func `a lead is a test when it says so in one of three ways`() throws {
        for value in ["test@meta.com", " test@fb.com ", "x <test lead: dummy data for email>"] {
            #expect(try truth("{lead.is_test: true}", lead(["f": ["a", value]])) == .yes)
        }
        #expect(try truth("{lead.is_test: true}", lead(envelope: [.isTest: "true"])) == .yes)
        for value in ["xtest@meta.com", "test@meta.com.br", "test lead: dummy data for"] {
            #expect(try truth("{lead.is_test: false}", lead(["f": [value]])) == .yes)
        }
    }

    @Test func `duplicates are what the caller found out`() throws {
        let rules = try rules(
            """
            dedupe: {by: [email, phone], within: 30d}
            routes: [{id: r, when: {lead.is_duplicate: true}, drop: again}]
            """)
        #expect(rules.decide(lead()).outcome == .held)
        #expect(rules.decide(lead(), isDuplicate: true).outcome == .dropped)
        let key = rules.dedupeKey(of: lead(["email": ["A@x.de"], "phone": ["1"]]))
        #expect(key != nil)
        #expect(key == rules.dedupeKey(of: lead(["phone": [" 1"], "email": ["a@X.de "]])))
        #expect(key != rules.dedupeKey(of: lead(["email": ["a@x.de1"]])))
        #expect(rules.dedupeKey(of: lead(["email": [" "]])) == nil)
        #expect(rules.dedupe?.withinSeconds == 2_592_000)
    }

    @Test func `checkboxes are true or false, and append when they come twice`() throws {
        let boxes = [Consent(key: "a b", isChecked: true), Consent(key: "c", isChecked: false)]
        #expect(try truth("{consent.a b: true}", lead(consents: boxes)) == .yes)
        #expect(try truth("{consent.c: true}", lead(consents: boxes)) == .no)
        #expect(try truth("{consent.d: {exists: false}}", lead(consents: boxes)) == .yes)
        let twice = [Consent(key: "c", isChecked: true), Consent(key: "c", isChecked: false)]
        #expect(
            try truth("{consent.c: {in: [\"true\"], every: true}}", lead(consents: twice)) == .no)
        #expect(try truth("{consent.c: true}", lead(consents: twice)) == .yes)
    }

    static let tables = """
        tables:
          area: {file: area.csv, key: code, match: store.area}
          store: {file: store.csv, key: number, match: dealer}
        """
    static let files = [
        "store.csv":
            "\u{FEFF}number,name,area\r\n0042,\" Zo\"\"e, Ltd \",N\r\n7,,S\r\n\r\n8,x,?\r\n",
        "area.csv": "code,boss\nN,Nina\nS,Sam\n",
    ]

    @Test(
        arguments: [
            (["0042"], "store.name", "zo\"e, ltd"), (["42"], "store.name", nil),
            ([], "store.name", nil),
            (["7"], "store.name", nil), (["7"], "store.area", "s"),
            (["nope", " 7 ", "0042"], "store.area", "s"),
            (["0042"], "area.boss", "nina"), (["7"], "area.boss", "sam"), (["8"], "area.boss", nil),
            (["8"], "area.code", nil), (["0042"], "store.number", "0042"),
        ] as [([String], String, String?)])
    func `the lead's key selects a row, which may select another table's`(
        _ values: [String], _ name: String, _ wanted: String?
    ) throws {
        let lead = lead(["dealer": values])
        let asked = wanted.map { "'\($0)'" } ?? "{exists: false}"
        #expect(
            try truth("{\(name): \(asked)}", lead, more: NameTests.tables, files: NameTests.files)
                == .yes)
    }

    @Test func `tables may be selected by the envelope or a checkbox, or by nothing`() throws {
        let files = ["t.csv": "k;v\ntrue;1\nfacebook;2\n"]
        func column(_ match: String) throws -> Truth {
            try truth(
                "{t.v: {exists: true}}", lead(consents: [Consent(key: "x", isChecked: true)]),
                more: "tables: {t: {file: t.csv, key: k, delimiter: ;\(match)}}", files: files)
        }
        #expect(try column(", match: lead.source") == .yes)
        #expect(try column(", match: consent.x") == .yes)
        #expect(try column(", match: nothing") == .no)
        #expect(try column("") == .no)
    }

    @Test func `values that should be keys of a table are reported when they are not`() throws {
        let rules = try rules(
            NameTests.tables + "\nfields: {dealer: {exact: true, expect_in: store}}",
            files: NameTests.files)
        #expect(rules.unexpectedFields(of: lead(["dealer": ["0042"]])).isEmpty)
        #expect(rules.unexpectedFields(of: lead()).isEmpty)
        #expect(rules.unexpectedFields(of: lead(["dealer": ["42"]])).map(\.field) == ["dealer"])
    }
}
