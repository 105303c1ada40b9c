internal import LeadKit

extension FindingCatalogue {
    static let conditions: [FindingKind] = [
        FindingKind(
            .error, "bad-condition", "a condition of the wrong form",
            why: "A condition is a map of fields; 'all' and 'any' take a list of conditions.",
            cure: "Write 'field: value', one a line; under 'any:' one '- ' for each condition.",
            wrong: "routes: [{id: r, when: {any: {car_make: Honda, zip: \"75001\"}}, to: crm}]",
            right: "routes: [{id: r, when: {any: [{car_make: Honda}, {zip: \"75001\"}]}, to: crm}]"),
        FindingKind(
            .error, "empty-condition", "a condition that asks nothing",
            why: "It is not clear whether it should take every lead or none.",
            cure: "For every lead write 'always: true'; to ask for a value write 'exists: true'.",
            wrong: "routes: [{id: r, when: {}, also_to: crm}]",
            right: "routes: [{id: r, always: true, also_to: crm}]"),
        FindingKind(
            .error, "condition-cycle", "a named condition that uses itself",
            why: "It could never be answered.", cure: "Break the circle.",
            wrong: """
                conditions: {a: {use: b}, b: {not: {use: a}}}
                routes: [{id: r, when: {use: a}, to: crm}]
                """,
            right: """
                conditions: {a: {use: b}, b: {car_make: Honda}}
                routes: [{id: r, when: {use: a}, to: crm}]
                """),
        FindingKind(
            .error, "large-condition", "a condition that grows too large by what it uses",
            why:
                "Conditions that use each other can make a short file endless; the limits are 100 levels, 20,000 parts a condition, and 2,000,000 parts in all routes.",
            cure:
                "Use fewer levels of named conditions; alternatives are a list in one comparison.",
            wrong: "conditions:\n  c0: {zip: \"75001\"}\n"
                + (1...12).map { n in
                    "  c\(n): {any: [{use: c\(n - 1)}, {use: c\(n - 1)}, {use: c\(n - 1)}]}\n"
                }.joined() + "routes: [{id: r, when: {use: c12}, to: crm}]",
            right: """
                conditions: {near: {zip: ["75001", "75002", "75003"]}}
                routes: [{id: r, when: {use: near}, to: crm}]
                """),
        FindingKind(
            .error, "unknown-combinator", "a word above conditions that the language does not have",
            why: "Conditions are joined by 'all', 'any' and 'not' only.",
            cure: "Use 'all', 'any' or 'not'.",
            wrong:
                "routes: [{id: r, when: {either: [{car_make: Honda}, {zip: \"75001\"}]}, to: crm}]",
            right: "routes: [{id: r, when: {any: [{car_make: Honda}, {zip: \"75001\"}]}, to: crm}]"),
        FindingKind(
            .error, "unknown-operator", "an operator that the language does not have",
            why: "The comparison has no meaning.",
            cure: "Use one of the operators that the help line names.",
            wrong: "routes: [{id: r, when: {budget: {greater_than: 20000}}, to: crm}]",
            right: "routes: [{id: r, when: {budget: {above: 20000}}, to: crm}]"),
        FindingKind(
            .error, "bad-pattern", "a regular expression that is refused",
            why:
                "Expressions must run in time linear in the text: there are no look-arounds and no back-references.",
            cure:
                "Correct it; the syntax is RE2's. Often 'starts_with' or 'contains' says the same.",
            wrong: "routes: [{id: r, when: {email: {matches: \".*@(honda\"}}, to: crm}]",
            right: "routes: [{id: r, when: {email: {matches: \".*@honda[.]example\"}}, to: crm}]"),
        FindingKind(
            .error, "blank-literal", "a comparison with a blank text",
            why: "Blank answers count as missing, so that nothing ever equals a blank text.",
            cure: "To ask for a missing answer write 'exists: false'.",
            wrong: "routes: [{id: r, when: {zip: \"\"}, to: crm}]",
            right: "routes: [{id: r, when: {zip: {exists: false}}, to: crm}]"),
        FindingKind(
            .error, "no-effect", "a modifier that changes nothing here",
            why: "Its author expects something of it.", cure: "Remove it, or correct the operator.",
            wrong: "routes: [{id: r, when: {budget: {above: 20000, exact: true}}, to: crm}]",
            right: "routes: [{id: r, when: {budget: {above: 20000}}, to: crm}]"),
        FindingKind(
            .error, "untyped-field", "'valid' on a field without a type",
            why: "Whether a value is well-formed depends on what it should be.",
            cure: "Name the type under 'fields:'.",
            wrong: "routes: [{id: r, when: {email: {valid: true}}, to: crm}]",
            right: """
                fields: {email: {type: email}}
                routes: [{id: r, when: {email: {valid: true}}, to: crm}]
                """),
    ]

    static let routes: [FindingKind] = [
        FindingKind(
            .error, "missing-default", "no 'default'",
            why: "A lead that no route takes would be lost.",
            cure: "Say where such leads go: 'default: {to: [SINK]}' or 'default: {hold: REASON}'.",
            wrong: """
                version: 1
                sinks: {crm: {plugin: file, path: out/crm.ndjson}}
                routes: [{id: r, when: {car_make: Honda}, to: crm}]
                # no 'default'
                """,
            right: """
                version: 1
                sinks: {crm: {plugin: file, path: out/crm.ndjson}}
                routes: [{id: r, when: {car_make: Honda}, to: crm}]
                default: {hold: no route}
                """),
        FindingKind(
            .error, "bad-default", "a 'default' with neither or both of 'to' and 'hold'",
            why: "It must be clear what happens to such leads.",
            cure: "Keep one: 'to: [SINK]' sends them, 'hold: REASON' keeps them.",
            wrong: "default: {to: [crm, mailbox], hold: nobody}",
            right: "default: {to: [crm, mailbox]}"),
        FindingKind(
            .error, "bad-route", "a route that contradicts itself or does nothing",
            why:
                "A route takes leads by 'when' or 'always', and does at least one of 'to', 'also_to', 'drop', 'routes'.",
            cure: "Remove one of the two keys, or add what the route should do.",
            wrong: "routes: [{id: r, when: {car_make: Honda}, to: crm, drop: not ours}]",
            right: "routes: [{id: r, when: {car_make: Honda}, also_to: crm, drop: not ours}]"),
        FindingKind(
            .error, "duplicate-route", "two routes with one id in one list",
            why: "Reports and tests name routes by their id.",
            cure: "Give one of them another id.",
            wrong: """
                routes:
                  - {id: honda, when: {car_make: Honda}, to: crm}
                  - {id: honda, when: {car_make: Acura}, to: crm}
                """,
            right: """
                routes:
                  - {id: honda, when: {car_make: Honda}, to: crm}
                  - {id: acura, when: {car_make: Acura}, to: crm}
                """),
        FindingKind(
            .error, "on-failure-cycle", "'on_failure' that leads back to its sink",
            why: "A lead that fails everywhere would go round for ever.",
            cure: "End the chain in a sink that cannot fail for the same cause, such as a file.",
            wrong: """
                sinks:
                  crm: {plugin: file, path: out/crm.ndjson, on_failure: [mailbox]}
                  mailbox: {plugin: file, path: out/mailbox.ndjson, on_failure: [crm]}
                """,
            right: """
                sinks:
                  crm: {plugin: file, path: out/crm.ndjson, on_failure: [mailbox]}
                  mailbox: {plugin: file, path: out/mailbox.ndjson}
                """),
        FindingKind(
            .error, "admin-without-token", "an admin listener open to the network",
            why: "Anyone who reaches the port could read and resend leads.",
            cure: "Add 'token: \"${LEADROUTER_ADMIN_TOKEN}\"', or listen on 127.0.0.1.",
            wrong: "server: {admin: {listen: \"0.0.0.0:8081\"}}",
            right: "server: {admin: {listen: \"127.0.0.1:8081\"}}"),
    ]
}
