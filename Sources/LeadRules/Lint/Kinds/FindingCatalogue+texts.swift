internal import LeadKit

extension FindingCatalogue {
    private static let stores = [
        "stores.csv": "number,name,email\n42,Harbor Honda,leads@harbor.example\n"
    ]
    private static let table = "tables: {store: {file: stores.csv, key: number, match: dealer}}\n"

    static let texts: [FindingKind] = [
        FindingKind(
            .warning, "not-on-missing", "a negative test that passes over leads without the answer",
            why: "A comparison with a missing answer is unknown, the negative one, too. Such a route does not take leads that lack the answer, which is seldom meant.",
            cure: "To take them add 'or_missing: true'. To leave them out on purpose add 'exists: true'.",
            wrong: "routes: [{id: r, when: {car_make: {not_equals: Honda}}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: {not_equals: Honda, or_missing: true}}, to: crm}]"),
        FindingKind(
            .warning, "pattern-as-text", "a pattern where a plain text is compared",
            why: "Only 'matches' and 'search' know patterns; everywhere else the characters stand for themselves.",
            cure: "Write 'starts_with: TEXT', or 'matches:' for a regular expression.",
            wrong: "routes: [{id: r, when: {zip: \"75*\"}, to: crm}]",
            right: "routes: [{id: r, when: {zip: {starts_with: \"75\"}}, to: crm}]"),
        FindingKind(
            .warning, "repeated-text", "a text that a list has twice",
            why: "One of them is superfluous; perhaps another text was meant.",
            cure: "Remove or correct it. Case does not count, unless 'exact: true' says so.",
            wrong: "routes: [{id: r, when: {car_make: [Honda, Acura, honda]}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: [Honda, Acura]}, to: crm}]"),
        FindingKind(
            .warning, "number-as-text", "a number that is compared as text",
            why: "'equals' compares characters, also on a number field: '20000' does not equal '20000.0'.",
            cure: "Compare numbers by 'between', 'at_least' and so on.",
            wrong: """
                fields: {budget: {type: number}}
                routes: [{id: r, when: {budget: 20000}, to: crm}]
                """,
            right: """
                fields: {budget: {type: number}}
                routes: [{id: r, when: {budget: {between: [20000, 20000]}}, to: crm}]
                """),
        FindingKind(
            .warning, "impossible-text", "a text that the field's type cannot be",
            why: "A well-formed answer never equals it.", cure: "Correct the text or the type.",
            wrong: """
                fields: {email: {type: email}}
                routes: [{id: r, when: {email: info@example}, to: crm}]
                """,
            right: """
                fields: {email: {type: email}}
                routes: [{id: r, when: {email: info@example.com}, to: crm}]
                """),
        FindingKind(
            .warning, "past-date", "a date that no new lead comes before",
            why: "The route is idle from then on.",
            cure: "Remove the condition, or the route, when its time is over.",
            wrong: "routes: [{id: sale, when: {lead.created_time: {before: 2020-06-01}}, to: crm}]",
            right: "routes: [{id: sale, when: {lead.created_time: {after: 2020-06-01}}, to: crm}]"),
        FindingKind(
            .warning, "hidden-character", "a character that nobody sees",
            why: "Zero-width characters come in by copying from web pages and office programs. They count in every comparison.",
            cure: "Delete the text and type it again.",
            wrong: "routes: [{id: r, when: {car_make: \"Hon\u{200B}da\"}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .warning, "mixed-scripts", "a word with look-alike letters of another script",
            why: "A Cyrillic 'а' looks like a Latin 'a' and is not equal to it.",
            cure: "Delete the word and type it again.",
            wrong: "routes: [{id: r, when: {car_make: \"Hond\u{0430}\"}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .warning, "same-condition", "conditions that ask the same",
            why: "One of them is superfluous, or was meant otherwise.",
            cure: "Remove or correct one of them.",
            wrong: """
                conditions:
                  honda: {car_make: Honda}
                  ours: {car_make: HONDA}
                routes: [{id: r, when: {use: [honda, ours]}, to: crm}]
                """,
            right: """
                conditions:
                  honda: {car_make: Honda}
                  near: {zip: {starts_with: "75"}}
                routes: [{id: r, when: {use: [honda, near]}, to: crm}]
                """),
        FindingKind(
            .warning, "disabled-route", "a route that is switched off without a word why",
            why: "Nobody knows later whether it may go.",
            cure: "Add a 'note', or remove the route.",
            wrong: "routes: [{id: r, when: {car_make: Honda}, disabled: true, to: crm}]",
            right: "routes: [{id: r, when: {car_make: Honda}, disabled: true, note: until the store opens in May, to: crm}]"
        ),
        FindingKind(
            .warning, "near-key", "a text that is almost a key of the table",
            why: "Keys are compared exactly: '042' is not '42', and such a route takes no lead of the store.",
            cure: "Write the key as it stands in the table.",
            wrong: table + """
                routes:
                  - {id: harbor, when: {dealer: "042"}, to: crm}
                  - {id: others, when: {dealer: {in_table: store}}, to: mailbox}
                """,
            right: table + """
                routes:
                  - {id: harbor, when: {dealer: "42"}, to: crm}
                  - {id: others, when: {dealer: {in_table: store}}, to: mailbox}
                """,
            beside: [
                "stores.csv":
                    "number,name,email\n42,Harbor Honda,leads@harbor.example\n43,Mesa Motors,leads@mesa.example\n"
            ]),
        FindingKind(
            .warning, "no-such-key", "a text that is no key of the table it should be in",
            why: "'expect_in' says that the field holds keys of the table; this one is none.",
            cure: "Add the row to the table, or remove the text.",
            wrong: "fields: {dealer: {exact: true, expect_in: store}}\n" + table
                + "routes: [{id: r, when: {dealer: [\"42\", \"77\"]}, to: crm}]",
            right: "fields: {dealer: {exact: true, expect_in: store}}\n" + table
                + "routes: [{id: r, when: {dealer: [\"42\"]}, to: crm}]", beside: stores),
    ]
}
