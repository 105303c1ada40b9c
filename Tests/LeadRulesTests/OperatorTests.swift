import LeadKit
import LeadRules
import Testing

/// RULES section 3: each operator on true, false and unknown.
struct OperatorTests {
    typealias Case = (condition: String, values: [String], truth: Truth)

    private func check(
        _ table: [Case], more: String = "", files: [String: String] = [:],
        location: SourceLocation = #_sourceLocation
    ) throws {
        for (condition, values, wanted) in table {
            let found = try truth(
                "{f: \(condition)}", lead(["f": values]), more: more, files: files)
            #expect(found == wanted, "\(condition) on \(values)", sourceLocation: location)
        }
    }

    @Test func `text operators compare trimmed, normalised and folded text`() throws {
        try check([
            ("Honda", ["honda"], .yes), ("Honda", ["  HONDA\u{A0}"], .yes), ("Honda", ["Kia"], .no),
            ("Honda", [], .unknown), ("Honda", [""], .unknown),
            ("Honda", ["  ", "\u{3000}"], .unknown),
            ("\" Honda \"", ["honda"], .yes),
            ("[Honda, Kia]", ["kia"], .yes), ("[Honda, Kia]", ["Seat"], .no), ("[a]", [], .unknown),
            ("{equals: x}", ["X"], .yes), ("{in: [x, y]}", ["Y"], .yes),
            ("{equals: café}", ["CAFE\u{301}"], .yes), ("{equals: e}", ["é"], .no),
            ("{equals: straße}", ["STRASSE"], .yes), ("{equals: ΣΊΣΥΦΟΣ}", ["σίσυφος"], .yes),
            ("{not_equals: x}", ["y"], .yes), ("{not_equals: x}", ["X"], .no),
            ("{not_equals: x}", ["y", "x"], .no), ("{not_equals: x}", [" "], .unknown),
            ("{not_in: [x, y]}", ["z"], .yes), ("{not_in: [x, y]}", ["z", "Y"], .no),
            ("{not_in: [x]}", [], .unknown),
            ("{starts_with: \"75\"}", ["75001"], .yes),
            ("{starts_with: [\"75\", \"92\"]}", ["92x"], .yes),
            ("{starts_with: a}", ["ba"], .no), ("{starts_with: a}", [], .unknown),
            ("{starts_with: e}", ["e\u{301}a"], .no),
            ("{ends_with: ab}", ["xAB"], .yes), ("{ends_with: [q, b]}", ["ab"], .yes),
            ("{ends_with: a}", ["ab"], .no), ("{ends_with: a}", [], .unknown),
            ("{contains: oN}", ["Honda"], .yes), ("{contains: [q, nd]}", ["Honda"], .yes),
            ("{contains: x}", ["Honda"], .no), ("{contains: x}", [], .unknown),
            ("{contains: ss}", ["Gauß"], .yes),
            // A zero-width blank is no white space: it stays.
            ("Honda", ["Honda\u{200B}"], .no), ("Honda", ["\u{85}Honda\u{2028}"], .yes),
            ("no", ["no"], .yes), ("0123", ["0123"], .yes), ("0123", ["123"], .no),
            ("12:30", ["12:30"], .yes), ("1e3", ["1000"], .no),
        ])
    }

    @Test func `exact keeps case, trims and normalises all the same`() throws {
        try check([
            ("{equals: Honda, exact: true}", ["honda"], .no),
            ("{equals: Honda, exact: true}", [" Honda "], .yes),
            ("{equals: é, exact: true}", ["e\u{301}"], .yes),
            ("{not_equals: Honda, exact: true}", ["honda"], .yes),
            ("{starts_with: H, exact: true}", ["honda"], .no),
            ("{ends_with: A, exact: true}", ["honda"], .no),
            ("{contains: N, exact: true}", ["honda"], .no),
        ])
        let exact = "fields: {f: {exact: true}}"
        try check(
            [
                ("Honda", ["honda"], .no), ("[Honda]", ["Honda"], .yes),
                ("{equals: Honda, exact: false}", ["honda"], .yes),
            ], more: exact)
    }

    @Test func `patterns match whole values or parts, with case, in RE2's syntax`() throws {
        try check([
            ("{matches: \"[0-9]{5}\"}", ["12345"], .yes),
            ("{matches: \"[0-9]{5}\"}", ["a12345"], .no),
            ("{matches: \"[0-9]{5}\"}", [" 12345 "], .yes), ("{matches: a|ab}", ["ab"], .yes),
            ("{matches: a}", [], .unknown), ("{search: b}", ["abc"], .yes),
            ("{search: B}", ["abc"], .no), ("{search: \"(?i)B\"}", ["abc"], .yes),
            ("{search: b}", [], .unknown), ("{matches: é}", ["e\u{301}"], .yes),
            ("{matches: '\\d'}", ["٣"], .no), ("{matches: .}", ["é"], .yes),
            ("{matches: .}", ["🚗"], .yes),
            ("{matches: a.b}", ["a\nb"], .no), ("{search: ^b}", ["a\nb"], .no),
            ("{search: \"(?m)^b\"}", ["a\nb"], .yes),
            ("{search: '(a+)+$'}", [String(repeating: "a", count: 5000) + "b"], .no),
        ])
    }

    @Test func `numbers are compared exactly as decimals`() throws {
        let huge = String(repeating: "9", count: 400)
        try check([
            ("{above: 10}", ["10.0000000000000000000000001"], .yes), ("{above: 10}", ["10"], .no),
            ("{above: 0.1}", ["0.10"], .no), ("{at_least: 10}", ["10"], .yes),
            ("{at_least: 10}", ["+10.00"], .yes), ("{at_least: 10}", ["9.99"], .no),
            ("{below: 0}", ["-0.5"], .yes), ("{below: 0}", ["-0"], .no),
            ("{at_most: 0}", ["-0"], .yes),
            ("{at_most: 5}", ["5.1"], .no), ("{below: -1}", ["-2"], .yes),
            ("{below: -1}", ["-0.9"], .no),
            ("{above: 9007199254740992}", ["9007199254740993"], .yes),
            ("{above: \(huge)}", [huge + ".1"], .yes), ("{above: 1}", ["0000002"], .yes),
            ("{between: [1, 2]}", ["1"], .yes), ("{between: [1, 2]}", ["2"], .yes),
            ("{between: [1, 2]}", ["2.01"], .no), ("{between: [-2, -1]}", ["-1.5"], .yes),
            ("{above: 1}", ["1e3"], .unknown), ("{above: 1}", ["٣"], .unknown),
            ("{above: 1}", ["5."], .unknown), ("{above: 1}", [".5"], .unknown),
            ("{above: 1}", ["1,000"], .unknown), ("{above: 1}", ["$5"], .unknown),
            ("{above: 1}", ["--2"], .unknown), ("{above: 1}", ["2 000"], .unknown),
            ("{above: 1}", ["0x10"], .unknown), ("{above: 1}", ["inf"], .unknown),
            ("{above: 1}", [" 2\u{A0}"], .yes), ("{above: 1}", [], .unknown),
            ("{between: [1, 2]}", ["x"], .unknown), ("{above: 1}", ["x", "2"], .yes),
            ("{above: 1}", ["x", "0"], .unknown), ("{above: 1, or_missing: true}", ["x"], .unknown),
        ])
    }

    @Test func `equals is text on a number field too`() throws {
        try check([("10", ["10.0"], .no)], more: "fields: {f: {type: number}}")
    }

    @Test func `times are compared exactly, however they are written`() throws {
        try check([
            ("{after: 2025-10-09}", ["2025-10-09T00:00:00Z"], .no),
            ("{after: 2025-10-09}", ["2025-10-09T00:00:00.0000000001Z"], .yes),
            ("{before: 2025-10-09}", ["2025-10-08"], .yes),
            ("{before: 2025-10-09}", ["2025-10-09"], .no),
            ("{before: 2025-10-09T08:00:00Z}", ["2025-10-09T09:59:59+0200"], .yes),
            ("{before: 2025-10-09T08:00:00Z}", ["2025-10-09T10:00:00+02:00"], .no),
            ("{after: 2025-10-09T07:59:59z}", ["2025-10-09t08:00:00z"], .yes),
            ("{after: 2016-12-31T23:59:60Z}", ["2017-01-01T00:00:00Z"], .no),
            ("{after: 2016-12-31T23:59:59Z}", ["2016-12-31T23:59:60Z"], .yes),
            ("{before: 2025-10-09T08:00:00.5Z}", ["2025-10-09T08:00:00.50Z"], .no),
            ("{after: 2025-10-09T08:00:00.1Z}", ["2025-10-09T08:00:00.12Z"], .yes),
            ("{before: 2025-10-09}", ["2025-02-30"], .unknown),
            ("{before: 2025-10-09}", ["09.10.2025"], .unknown),
            ("{before: 2025-10-09}", ["2025-10-09T08:00:00"], .unknown),
            ("{before: 2025-10-09}", [], .unknown),
            ("{before: 2025-10-09}", ["２025-10-09"], .unknown),
        ])
    }

    @Test func `exists is never unknown`() throws {
        try check([
            ("{exists: true}", ["x"], .yes), ("{exists: true}", [], .no),
            ("{exists: true}", ["", " \u{A0}"], .no),
            ("{exists: false}", ["x"], .no), ("{exists: false}", [], .yes),
            ("{exists: false}", ["\t"], .yes),
            ("{exists: true}", ["", "x"], .yes),
        ])
        #expect(try truth("{g: {exists: false}}", lead()) == .yes)
    }

    static let types: [(type: String, good: [String], bad: [String])] = [
        ("text", ["x"], []),
        ("number", ["1", "-1.5"], ["1e3", "x"]),
        ("date", ["2025-10-09"], ["2025-10-32", "2025-10-09T08:00:00Z"]),
        ("time", ["2025-10-09T08:00:00Z"], ["2025-10-09"]),
        (
            "email", ["zoe@example.com", "zoë@example.com"],
            ["zoe", "a@b", "a@b.c@d.e", "a b@c.de", "@a.b"]
        ),
        ("phone", ["+1 (212) 555-0100"], ["12", "call me", "+1234567890123456", "1+2345678"]),
        ("url", ["https://a.example", "HTTP://a"], ["ftp://a", "https://", "https://a b"]),
        ("zip", ["75001", "SW1A 1AA", "12345-6789"], ["1", "75001!", "-7500"]),
    ]

    @Test func `valid asks whether every value is well-formed for the type`() throws {
        for (type, good, bad) in OperatorTests.types {
            let typed = "fields: {f: {type: \(type)}}"
            for value in good {
                try check(
                    [("{valid: true}", [value], .yes), ("{valid: false}", [value], .no)],
                    more: typed)
            }
            for value in bad {
                try check(
                    [
                        ("{valid: true}", [value], .no), ("{valid: false}", [value], .yes),
                        ("{valid: true}", good + [value], .no),
                        ("{valid: false}", good + [value], .yes),
                    ], more: typed)
            }
            try check(
                [("{valid: true}", [], .unknown), ("{valid: false}", [""], .unknown)], more: typed)
        }
    }

    @Test func `table keys are exact, and any value may be one`() throws {
        let more = "tables: {t: {file: t.csv, key: k}}"
        let files = ["t.csv": "k,x\nAb,1\n\"e\u{301}\",2\n 0042 ,3\n"]
        try check(
            [
                ("{in_table: t}", ["Ab"], .yes), ("{in_table: t}", [" Ab "], .yes),
                ("{in_table: t}", ["ab"], .no), ("{in_table: t}", ["é"], .yes),
                ("{in_table: t}", ["0042"], .yes), ("{in_table: t}", ["42"], .no),
                ("{in_table: t}", ["x", "Ab"], .yes),
                ("{in_table: t, every: true}", ["x", "Ab"], .no),
                ("{in_table: t}", [], .unknown), ("{not_in_table: t}", [], .unknown),
                ("{not_in_table: t}", ["x"], .yes), ("{not_in_table: t}", ["x", "Ab"], .no),
                ("{in_table: t, or_missing: true}", [], .yes),
                ("{not_in_table: t, or_missing: true}", [" "], .yes),
            ], more: more, files: files)
    }

    @Test func `several operators must hold for the same value, unless they look at the field`()
        throws
    {
        try check([
            ("{above: 10, below: 20}", ["5", "25"], .no),
            ("{above: 10, below: 20}", ["5", "15"], .yes),
            ("{above: 10, below: 20, every: true}", ["15", "25"], .no),
            ("{above: 10, below: 20, every: true}", ["11", "19"], .yes),
            ("{starts_with: a, ends_with: b}", ["ax", "xb"], .no),
            ("{starts_with: a, above: 1}", ["ax"], .unknown),
            ("{starts_with: a, above: 1}", ["b"], .no),
            ("{starts_with: a, not_equals: q}", ["ax", "q"], .no),
            ("{equals: a, not_in: [q], every: true}", ["a", "a"], .yes),
            ("{equals: a, exists: true}", [], .no), ("{equals: a, exists: false}", ["b"], .no),
            ("{not_equals: a, exists: true}", [], .no),
        ])
    }

    @Test func `every and some are three-valued`() throws {
        try check([
            ("{above: 1}", ["2", "x"], .yes), ("{above: 1}", ["0", "x"], .unknown),
            ("{above: 1}", ["0"], .no),
            ("{above: 1, every: true}", ["2", "x"], .unknown),
            ("{above: 1, every: true}", ["0", "x"], .no),
            ("{above: 1, every: true}", ["2", "3"], .yes),
            ("{above: 1, every: true}", [], .unknown),
            ("{above: 1, every: true, or_missing: true}", [], .yes),
            ("{equals: a, or_missing: true}", ["b"], .no),
            ("{equals: a, or_missing: true}", [], .yes),
            ("{not_equals: a, or_missing: true}", [], .yes),
            ("{equals: a, every: true}", ["a", " "], .yes),
        ])
    }
}
