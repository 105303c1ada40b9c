import LeadKit
import LeadTesting
import LeadYAML
import Testing

struct YAMLReaderTests {
    private func read(
        _ text: String, limits: YAMLReader.Limits = .init()
    ) -> (root: SettingNode?, problems: [Diagnostic]) {
        var problems = SettingProblems()
        let root = YAMLReader.read(
            Array(text.utf8), file: "x.yaml", limits: limits, problems: &problems)
        return (root, problems.diagnostics)
    }

    static let refused: [(text: String, code: String)] = [
        ("a: 1️⃣!!int 3", "yaml-tag"), ("a: 1️⃣!secret x", "yaml-tag"),
        ("a: 1️⃣!!map {b: c}", "yaml-tag"),
        ("a: 1️⃣!!seq [b]", "yaml-tag"), ("a: 1️⃣! x", "yaml-tag"),
        ("a: &x {b: c}\nd: {1️⃣<<: *x}", "yaml-merge"), ("1️⃣to:", "yaml-empty-value"),
        ("a: b\n1️⃣to: # nothing\n", "yaml-empty-value"),
        ("a:\n  - b\n  -1️⃣ \n  - c", "yaml-empty-value"),
        ("a: {1️⃣b}", "yaml-empty-value"), ("a: b\n1️⃣---\nc: d", "yaml-documents"),
        ("a: 1️⃣*b", "yaml-alias"), ("a: &a [1️⃣*a]", "yaml-alias"), ("a: b\n1️⃣a: c", "duplicate-key"),
        ("a: b\n1️⃣\"a\": c", "duplicate-key"), ("x: {a: b, 1️⃣a: c}", "duplicate-key"),
        ("1️⃣[a]: b", "yaml-key"), ("1️⃣{a: b}: c", "yaml-key"), ("1️⃣", "yaml-empty"),
        ("1️⃣# only a comment", "yaml-empty"),
        ("a: b\n1️⃣\tc: d", "yaml-syntax"), ("a: b1️⃣: c", "yaml-syntax"), ("a: 1️⃣[b\n", "yaml-syntax"),
        ("a: 1️⃣@b", "yaml-syntax"), ("a: 1️⃣%b", "yaml-syntax"), ("a1️⃣\0: b", "yaml-syntax"),
    ]

    @Test(arguments: refused) func `what could surprise is refused at its place`(
        _ one: (text: String, code: String)
    ) {
        let marked = MarkedText(one.text)
        let (root, problems) = read(marked.text)
        #expect((root == nil) != YAMLReader.spoilsAValueOnly(one.code))
        #expect(problems.map(\.code) == [one.code])
        let place = problems.first.map { ($0.position.line, $0.position.column) } ?? (0, 0)
        #expect(place == marked["1️⃣"], "\(problems)")
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        for bytes in [
            [0x61, 0x3A, 0x20, 0xFF], [0xFF, 0xFE, 0x61, 0x00], [0x61, 0x3A, 0x20, 0xC3],
        ] as [[UInt8]] {
            var problems = SettingProblems()
            #expect(YAMLReader.read(bytes, file: "x", problems: &problems) == nil)
            #expect(problems.diagnostics.map(\.code) == ["yaml-syntax"])
        }
    }

    @Test func `all duplicates and tags of a file are found in one pass`() {
        let (_, problems) = read("a: b\na: c\nd: !x e\nf: {g: 1, g: 2}\nh:\n")
        #expect(
            problems.map(\.code).sorted() == [
                "duplicate-key", "duplicate-key", "yaml-empty-value", "yaml-tag",
            ])
    }

    @Test(arguments: [
        "0123", "no", "12:30", "~", "null", "true", "1e3", "0x1F", ".inf", "2025-10-09", "=", "-1",
    ])
    func `every scalar is the text that is written`(_ text: String) {
        #expect(read("a: \(text)").root?["a"]?.text == text)
        #expect(read("a: \"\(text)\"").root?["a"]?.text == text)
        #expect(read("\(text): a").root?.entries?.first?.name.text == text)
    }

    @Test func `an empty text in quotes is a text`() {
        #expect(read("a: \"\"").root?["a"]?.text == "")
        #expect(read("a: ''").root?["a"]?.text == "")
    }

    @Test func `keys that differ in bytes are different keys`() {
        #expect(read("é: a\ne\u{301}: b").root?.entries?.count == 2)
    }

    @Test func `places count scalars, and a byte order mark counts nothing`() {
        let root = read("\u{FEFF}é🚗: {b: c}").root
        #expect(root?.entries?.first?.value.position.column == 5)
        #expect(
            root?.entries?.first?.value["b"]?.position
                == Position(file: "x.yaml", line: 1, column: 9))
    }

    @Test func `aliases repeat what they name`() {
        let root = read("a: &x [b, c]\nd: *x\ne: &y z\nf: *y").root
        guard case .list(let nodes)? = root?["d"]?.content else {
            Issue.record("no list")
            return
        }
        #expect(nodes.compactMap(\.text) == ["b", "c"])
        #expect(root?["f"]?.text == "z")
    }

    @Test func `sixty-four levels are read, one more is refused`() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + "x" + String(repeating: "]", count: depth)
        }
        #expect(read(nested(64)).root != nil)
        let (root, problems) = read(nested(65))
        #expect(root == nil && problems.map(\.code) == ["yaml-depth"])
        #expect(problems.first?.position.column == 65)
        #expect(read(nested(20_000)).problems.map(\.code) == ["yaml-depth"])
        // Aliases nest, too.
        let steps = (1...65).map { "a\($0): &a\($0) [\($0 == 1 ? "x" : "*a\($0 - 1)")]" }
        #expect(read(steps.joined(separator: "\n")).problems.map(\.code) == ["yaml-depth"])
    }

    @Test func `an alias bomb is refused before it explodes`() {
        var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...9 {
            let aliases = Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
            text += "a\(level): &a\(level) [\(aliases)]\n"
        }
        #expect(read(text).problems.map(\.code) == ["yaml-size"])
    }

    @Test func `values are counted up to the limit, exactly`() {
        var limits = YAMLReader.Limits()
        limits.nodesMax = 4
        #expect(read("a: [b, c, d]", limits: limits).root != nil)
        #expect(read("a: [b, c, d, e]", limits: limits).problems.map(\.code) == ["yaml-size"])
        limits.bytesMax = 3
        #expect(read("a: b", limits: limits).problems.map(\.code) == ["yaml-size"])
    }
}
