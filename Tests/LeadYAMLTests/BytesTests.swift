import LeadKit
import LeadYAML
import Testing

/// Bytes that no YAML file has are named, and told where they stand.
struct BytesTests {
    private func finding(_ bytes: [UInt8]) -> String? {
        var problems = SettingProblems()
        _ = YAMLReader.read(bytes, file: "f.yaml", problems: &problems)
        return problems.diagnostics.first.map { "\($0.position) \($0.code) \($0.message)" }
    }

    static let cases: [(bytes: [UInt8], wanted: String)] = [
        ([0], "a control character stands here (U+0000)"),
        ([0x1B], "a control character stands here (U+001B)"),
        ([0x7F], "a control character stands here (U+007F)"),
        ([0xC2, 0x9B], "a control character stands here (U+009B)"),
        (
            [0xED, 0xA0, 0x80],
            "half a character stands here (a surrogate), which is not UTF-8 text"
        ),
        ([0xFF], "this line is not UTF-8 text"), ([0xC3], "this line is not UTF-8 text"),
        ([0xF5, 0x80, 0x80, 0x80], "this line is not UTF-8 text"),
    ]

    @Test(arguments: cases) func `it is named where it stands`(
        _ one: (bytes: [UInt8], wanted: String)
    ) {
        let before = Array("a: b\nü: \"é".utf8)
        #expect(
            finding(before + one.bytes + Array("\"\n".utf8))
                == "f.yaml:2:6 yaml-syntax \(one.wanted)")
    }

    @Test func `text of every plane, tabs and both line ends pass`() {
        #expect(finding(Array("a: \"é 中 🚗 \u{85}\t\"\r\nb: [x]\n# ----\n".utf8)) == nil)
        let rule = String(repeating: "-", count: 200)
        #expect(finding(Array("a: |\n  \(rule)\n  text\n".utf8)) == nil)
    }

    @Test func `a line of thousands of hyphens is refused before it is read`() {
        let text = "a:\n" + String(repeating: "- ", count: 100_000) + "x"
        #expect(finding(Array(text.utf8)) == "f.yaml:2:129 yaml-depth this nests past 64 levels")
    }
}
