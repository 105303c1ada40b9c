internal import LeadKit

extension FindingCatalogue {
    static let meaning: [FindingKind] = [
        FindingKind(
            .warning, "contradiction", "a condition that no lead meets",
            why: "The route never takes a lead.",
            cure:
                "Correct the limits or texts. Alternatives belong into one list, or under 'any:'.",
            wrong: "routes: [{id: r, when: {budget: {above: 20000, below: 10000}}, to: crm}]",
            right: "routes: [{id: r, when: {budget: {above: 10000, below: 20000}}, to: crm}]"),
        FindingKind(
            .warning, "never-reached", "a route that no lead reaches",
            why:
                "Earlier routes take every lead that it would take. Which ones do is worked out from the meaning of the conditions: texts, lists, beginnings, numbers, times and tables. Where regular expressions make that impossible to know, nothing is said.",
            cure: "Move the route before the ones that the message names, or remove it.",
            wrong: """
                routes:
                  - {id: near, when: {zip: {starts_with: ["75", "76"]}}, to: crm}
                  - {id: dallas, when: {zip: {starts_with: "752"}}, to: mailbox}
                """,
            right: """
                routes:
                  - {id: dallas, when: {zip: {starts_with: "752"}}, to: mailbox}
                  - {id: near, when: {zip: {starts_with: ["75", "76"]}}, to: crm}
                """),
        FindingKind(
            .warning, "competing-routes", "a text that an earlier route takes",
            why:
                "Two routes of one list ask for the same text, and the first takes it. The note shows a lead that goes to the other route than this one says.",
            cure: "Keep the text in one of the two routes, or change their order.",
            wrong: """
                routes:
                  - {id: north, when: {dealer: ["11", "12"]}, to: crm}
                  - {id: south, when: {dealer: ["12", "13"]}, to: mailbox}
                """,
            right: """
                routes:
                  - {id: north, when: {dealer: ["11", "12"]}, to: crm}
                  - {id: south, when: {dealer: ["13"]}, to: mailbox}
                """),
        FindingKind(
            .warning, "several-values", "a route that needs several values in one answer",
            why:
                "Forms nearly always send one value for a question. A route that needs two of them at once takes next to no lead.",
            cure:
                "Alternatives belong into one list: 'car_make: [Honda, Toyota]'. A route that takes the others first comes behind.",
            wrong:
                "routes: [{id: r, when: {all: [{car_make: Honda}, {car_make: Toyota}]}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: [Honda, Toyota]}, to: crm}]"),
        FindingKind(
            .warning, "drop-without-effect",
            "a drop under 'match: all' that does not keep leads back",
            why:
                "Under 'match: all' every route is asked, and a lead is dropped only if every decision is a drop.",
            cure:
                "Use 'match: first', with the drop before the other routes, or exclude such leads there.",
            wrong: """
                match: all
                routes:
                  - {id: tests, when: {lead.is_test: true}, drop: test lead}
                  - {id: honda, when: {car_make: Honda}, to: crm}
                """,
            right: """
                match: first
                routes:
                  - {id: tests, when: {lead.is_test: true}, drop: test lead}
                  - {id: honda, when: {car_make: Honda}, to: crm}
                """),
    ]

    static let unused: [FindingKind] = [
        FindingKind(
            .warning, "unused-sink", "a sink that nothing sends to",
            why: "Perhaps a route was meant to.", cure: "Name it in a route, or remove it.",
            wrong: "default: {to: crm}", right: "default: {to: [crm, mailbox]}"),
        FindingKind(
            .warning, "unused-condition", "a named condition that nothing uses",
            why: "Perhaps a route was meant to.", cure: "Use it in a route, or remove it.",
            wrong: "conditions: {ours: {car_make: Honda}}",
            right: """
                conditions: {ours: {car_make: Honda}}
                routes: [{id: r, when: {use: ours}, to: crm}]
                """),
        FindingKind(
            .warning, "unused-table", "a table that nothing looks into",
            why: "Perhaps a route or template was meant to.",
            cure: "Ask for one of its columns, or remove it.",
            wrong: "tables: {store: {file: stores.csv, key: number, match: dealer}}",
            right: """
                tables: {store: {file: stores.csv, key: number, match: dealer}}
                routes: [{id: r, when: {dealer: {in_table: store}}, to: crm}]
                """, beside: ["stores.csv": "number,name\n42,Harbor Honda\n"]),
        FindingKind(
            .warning, "unused-dedupe", "'dedupe' that nothing asks for",
            why: "It only makes 'lead.is_duplicate' true; it drops nothing by itself.",
            cure: "Add a route that drops duplicates, or remove 'dedupe'.",
            wrong: "dedupe: {by: [email], within: 30d}",
            right: """
                dedupe: {by: [email], within: 30d}
                routes: [{id: duplicates, when: {lead.is_duplicate: true}, drop: duplicate}]
                """),
    ]

    private static let route = "routes: [{id: honda, when: {car_make: Honda}, to: crm}]\n"

    static let tests: [FindingKind] = [
        FindingKind(
            .warning, "unseen-field", "an answer that no test or sample has",
            why:
                "A misspelt name is missing for every lead: the route takes none, the template stays blank. Known names are those of the leads in '*.test.yaml', of 'samples/*.ndjson' and 'samples/*.json', and of 'fields:'. Without tests and samples nothing is said.",
            cure: "Correct the name, add a lead that has it to a test, or name it under 'fields:'.",
            wrong: "routes: [{id: honda, when: {car_maek: Honda}, to: crm}]", right: route,
            besideWrong: [
                "a.test.yaml":
                    "tests: [{name: t, lead: {car_make: Honda}, expect: {outcome: default}}]\n"
            ],
            besideRight: [
                "a.test.yaml":
                    "tests: [{name: t, lead: {car_make: Honda}, expect: {route: honda}}]\n"
            ]),
        FindingKind(
            .warning, "unknown-route", "a test that names a route that is not there",
            why: "The test can only fail, or proves nothing.", cure: "Correct the name.",
            wrong: route, right: route,
            besideWrong: [
                "a.test.yaml":
                    "tests: [{name: t, lead: {car_make: Honda}, expect: {route: hodna}}]\n"
            ],
            besideRight: [
                "a.test.yaml":
                    "tests: [{name: t, lead: {car_make: Honda}, expect: {route: honda}}]\n"
            ]),
        FindingKind(
            .warning, "unknown-sink", "a test that names a sink that no route sends to",
            why: "The test can only fail.", cure: "Correct the name.", wrong: route, right: route,
            besideWrong: [
                "a.test.yaml": "tests: [{name: t, lead: {car_make: Honda}, expect: {to: [cmr]}}]\n"
            ],
            besideRight: [
                "a.test.yaml": "tests: [{name: t, lead: {car_make: Honda}, expect: {to: [crm]}}]\n"
            ]),
        FindingKind(
            .error, "bad-test", "a test of the wrong form",
            why: "It cannot be run.", cure: "Give it a 'name', one lead and what to 'expect'.",
            wrong: route, right: route, besideWrong: ["a.test.yaml": "tests: [honda]\n"],
            besideRight: [
                "a.test.yaml":
                    "tests: [{name: t, lead: {car_make: Honda}, expect: {route: honda}}]\n"
            ]),
        FindingKind(
            .error, "duplicate-test", "two tests with one name",
            why: "Reports name tests by their name.", cure: "Give one of them another name.",
            wrong: route, right: route,
            besideWrong: [
                "a.test.yaml": """
                tests:
                  - {name: t, lead: {car_make: Honda}, expect: {route: honda}}
                  - {name: t, lead: {car_make: Ford}, expect: {outcome: default}}

                """
            ],
            besideRight: [
                "a.test.yaml": """
                tests:
                  - {name: ours, lead: {car_make: Honda}, expect: {route: honda}}
                  - {name: others, lead: {car_make: Ford}, expect: {outcome: default}}

                """
            ]),
    ]
}
