import LeadKit
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("2025-10-09T08:53:20Z", "2025-10-09T08:53:20Z"),
        ("2025-10-09T08:53:20+0000", "2025-10-09T08:53:20Z"),
        ("2025-10-09t10:53:20.120+02:00", "2025-10-09T08:53:20.120Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2024-02-29T23:00:00-0130", "2024-03-01T00:30:00Z"),
        (" 1969-12-31T23:59:59z ", "1969-12-31T23:59:59Z"),
        ("2000-01-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
    ]) func `a time is written in UTC with its fraction`(_ text: String, _ wanted: String) {
        #expect(Timestamp(text)?.text == wanted)
    }

    @Test(arguments: [
        "", "2025-10-09", "2025-10-09T08:53:20", "2025-10-09T08:53Z", "2025-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z", "2025-10-09T24:00:00Z", "2025-10-09T08:60:00Z",
        "2025-10-09T08:53:61Z",
        "2025-10-09T08:53:20.Z", "2025-10-09T08:53:20,5Z", "2025-10-09T08:53:20+00",
        "2025-10-09T08:53:20+24:00",
        "2025-10-09T08:53:20Zx", "２025-10-09T08:53:20Z", "20251009T085320Z", "2025-10-00T00:00:00Z",
    ]) func `anything else is no time`(_ text: String) { #expect(Timestamp(text) == nil) }

    @Test func `equal instants are equal however written, and fractions are exact`() {
        #expect(Timestamp("2025-10-09T08:00:00.50Z") == Timestamp("2025-10-09T10:00:00.5+02:00"))
        let a = Timestamp("2025-10-09T08:00:00.123456789012345678901Z")
        let b = Timestamp("2025-10-09T08:00:00.123456789012345678902Z")
        if let a, let b { #expect(a < b && a != b) } else { Issue.record("not read") }
    }

    @Test func `each day of eight centuries is written and read back`() {
        for day in stride(from: Int64(-719_162), through: 292_194, by: 97) {
            let time = Timestamp(seconds: day * 86_400 + 86_399)
            #expect(Timestamp(time.text)?.seconds == time.seconds)
        }
        #expect(Timestamp(milliseconds: -1).text == "1969-12-31T23:59:59Z")
        // What a damaged row may hold.
        #expect(Timestamp(milliseconds: .min).seconds == -9_223_372_036_854_776)
        #expect(!Timestamp(milliseconds: .min).text.isEmpty)
        #expect(!Timestamp(milliseconds: .max).text.isEmpty)
        #expect(Timestamp(seconds: 951_782_400).dateText == "2000-02-29")
    }
}

struct DeliveryKeyTests {
    @Test func `each part and its borders count, and the key is always the same`() throws {
        let id = try #require(LeadID("1"))
        let other = try #require(LeadID("11"))
        let keys = [
            DeliveryKey(source: "s", lead: id, route: "r", target: "t"),
            DeliveryKey(source: "s1", lead: id, route: "r", target: "t"),
            DeliveryKey(source: "s", lead: other, route: "r", target: "t"),
            DeliveryKey(source: "s", lead: id, route: "rt", target: ""),
            DeliveryKey(source: "s", lead: id, route: "", target: "rt"),
            DeliveryKey(source: "s", lead: id, route: "r", target: "t", generation: 1),
        ]
        #expect(Set(keys).count == keys.count)
        #expect(keys[0].text == Digest.sha256Hex("1:s1:11:r1:t1:0".utf8))
        #expect(DeliveryKey(keys[0].text) == keys[0])
        for bad in ["", "x", keys[0].text.uppercased() + "A", String(repeating: "g", count: 64)] {
            #expect(DeliveryKey(bad) == nil)
        }
    }
}

struct SecretTests {
    struct Holder { var password: Secret? }

    @Test func `a secret is never printed`() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(Holder(password: secret), to: &dumped)
        let texts = [
            "\(secret)", String(describing: secret), String(reflecting: secret), "\([secret])",
            "\(Holder(password: secret))", String(reflecting: ["k": secret]), dumped,
            "\(Optional(secret) as Any)", "\(Mirror(reflecting: secret).children.map { "\($0)" })",
        ]
        for text in texts { #expect(!ByteSearch.contains(text, "hunter2"), "\(text)") }
    }
}

struct NearestTests {
    @Test(
        arguments: [
            ("selected_deler", "selected_dealer"), ("Sinks", "sinks"), ("isnks", "sinks"),
            ("xyz", nil), ("", nil),
        ] as [(String, String?)]) func `the nearest name is the one meant`(
            _ typed: String, _ wanted: String?
        )
    {
        #expect(Nearest.name(to: typed, among: ["selected_dealer", "sinks", "sources"]) == wanted)
    }

    @Test func `a finding is printed with its line, a caret, and no control characters`() {
        let found = Diagnostic(
            .error, "unknown-key", at: Position(file: "r.yaml", line: 12, column: 3, length: 4),
            "unknown key 'whne'", help: "did you mean 'when'?")
        #expect(
            found.rendered(sourceLine: "\téwhne: \u{1B}[31m\u{202E}x")
                == "r.yaml:12:3: error[unknown-key]: unknown key 'whne'\n 12 | \téwhne: \u{FFFD}[31m\u{FFFD}x\n    | \t ^~~~\nhelp: did you mean 'when'?"
        )
    }
}

struct BlankTests {
    @Test func `a blank is what Unicode calls White_Space`() {
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            if scalar.isBlank != scalar.properties.isWhitespace { Issue.record("\(value)") }
        }
    }

    @Test(arguments: [
        ("", ""), (" ", ""), (" a b ", "a b"), ("é\u{2003}", "é"), ("\u{3000}é", "é"),
        ("\u{200B}a\u{200B}", "\u{200B}a\u{200B}"), ("a \u{301}", "a \u{301}"), ("\r\na\n", "a"),
    ]) func `trimming takes blanks off both ends, scalar by scalar`(
        _ text: String, _ trimmed: String
    ) {
        #expect(text.trimmed.utf8.elementsEqual(trimmed.utf8))
        #expect(text.isBlank == trimmed.isEmpty)
    }

    @Test(arguments: [
        "\u{1B}", "\u{07}", "\u{9B}", "\u{AD}", "\u{200B}", "\u{200D}", "\u{202E}", "\u{2028}",
        "\u{2060}", "\u{2066}", "\u{FEFF}", "\u{E0041}", "\u{61C}",
    ]) func `a character that nobody sees shows on a terminal`(_ hidden: String) {
        #expect(Diagnostic.printable("é\(hidden)b").utf8.elementsEqual("é\u{FFFD}b".utf8))
    }
}
