internal import LeadKit

extension FindingCatalogue {
    private static let stores = [
        "stores.csv": "number,name,email\n42,Harbor Honda,leads@harbor.example\n"
    ]
    private static let table = "tables: {store: {file: stores.csv, key: number, match: dealer}}\n"

    static let names: [FindingKind] = [
        FindingKind(
            .error, "unknown-key", "a key that the language does not have",
            why: "It would be ignored, and the rule would not do what it says.",
            cure: "Correct the spelling; the help line names the nearest key.",
            wrong: "routes: [{id: r, whne: {car_make: Honda}, always: true, also_to: crm}]",
            right: "routes: [{id: r, when: {car_make: Honda}, also_to: crm}]"),
        FindingKind(
            .error, "missing-key", "a key that must be there",
            why: "Without it the part means nothing.", cure: "Add the key that the message names.",
            wrong: "routes: [{id: r, to: crm}]",
            right: "routes: [{id: r, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .error, "bad-value", "a value of the wrong kind",
            why: "A number, duration, list or map belongs here, and something else is written.",
            cure: "Write what the help line shows.",
            wrong:
                "routes: [{id: r, when: {budget: {at_least: many}}, disabled: maybe, to: crm}]",
            right: "routes: [{id: r, when: {budget: {at_least: 20000}}, to: crm}]"),
        FindingKind(
            .error, "bad-name", "a name that cannot be used",
            why: "Names of sinks, tables, conditions and routes stand in paths and reports.",
            cure: "Use letters, digits, '-' and '_'.",
            wrong: "routes: [{id: north east, when: {car_make: Honda}, to: crm}]",
            right: "routes: [{id: north-east, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .error, "reserved-name", "a name that has a meaning already",
            why:
                "'lead', 'consent', 'field' and 'schedule' begin names of their own; 'default' is the route of leads that no other takes.",
            cure: "Choose another name.",
            wrong: "routes: [{id: default, when: {car_make: Honda}, to: crm}]",
            right: "routes: [{id: honda, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .error, "duplicate-name", "a name that two files define",
            why: "Maps of all files are united; only one of the two could hold.",
            cure: "Give one of them another name.",
            wrong: """
                include: more.yaml
                conditions: {ours: {car_make: Honda}}
                routes: [{id: r, when: {use: ours}, to: crm}]
                """,
            right: """
                include: more.yaml
                conditions: {ours: {car_make: Honda}}
                routes: [{id: r, when: {use: [ours, near]}, to: crm}]
                """,
            besideWrong: ["more.yaml": "conditions: {ours: {zip: \"75001\"}}\n"],
            besideRight: ["more.yaml": "conditions: {near: {zip: \"75001\"}}\n"]),
        FindingKind(
            .error, "undefined-sink", "a sink that is not defined",
            why: "Leads cannot go there.",
            cure: "Correct the name, or define the sink under 'sinks:'.",
            wrong: "routes: [{id: r, when: {car_make: Honda}, to: mialbox}]",
            right: "routes: [{id: r, when: {car_make: Honda}, to: mailbox}]"),
        FindingKind(
            .error, "undefined-table", "a table that is not defined",
            why: "There is nothing to look into.",
            cure:
                "Correct the name, or define the table under 'tables:'. A field whose name has a dot is written field[\"a.b\"].",
            wrong: table + "routes: [{id: r, when: {stroe.name: {exists: true}}, to: crm}]",
            right: table + "routes: [{id: r, when: {store.name: {exists: true}}, to: crm}]",
            beside: stores),
        FindingKind(
            .error, "undefined-column", "a column that the table does not have",
            why: "It would be missing for every lead.",
            cure: "Correct the name: columns are those of the header row, with case.",
            wrong: table + "routes: [{id: r, when: {store.mail: {exists: true}}, to: crm}]",
            right: table + "routes: [{id: r, when: {store.email: {exists: true}}, to: crm}]",
            beside: stores),
        FindingKind(
            .error, "undefined-condition", "a named condition that is not defined",
            why: "'use' has nothing to use.",
            cure: "Correct the name, or define it under 'conditions:'.",
            wrong: "routes: [{id: r, when: {use: ours}, to: crm}]",
            right: """
                conditions: {ours: {car_make: Honda}}
                routes: [{id: r, when: {use: ours}, to: crm}]
                """),
        FindingKind(
            .error, "undefined-pool", "a pool that is not defined",
            why: "There are no members to choose among.", cure: "Correct the name.",
            wrong: "routes: [{id: r, when: {car_make: Honda}, to: {pool: sales}}]",
            right: "routes: [{id: r, when: {car_make: Honda}, to: crm}]"),
        FindingKind(
            .error, "undefined-plugin", "a plugin that the program does not have",
            why: "Nothing can run the source or sink.",
            cure: "Correct the name; 'leadrouter plugins' lists them.",
            wrong: "sinks: {crm: {plugin: fiel, path: out/crm.ndjson}}\ndefault: {to: crm}",
            right: "sinks: {crm: {plugin: file, path: out/crm.ndjson}}\ndefault: {to: crm}"),
        FindingKind(
            .error, "unknown-setting", "a setting that the plugin does not have",
            why: "It would be ignored.",
            cure: "Correct the spelling; 'leadrouter plugins NAME' lists the settings.",
            wrong:
                "sinks: {crm: {plugin: file, path: out/crm.ndjson, fromat: json}}\ndefault: {to: crm}",
            right: "sinks: {crm: {plugin: file, path: out/crm.ndjson}}\ndefault: {to: crm}"),
        FindingKind(
            .error, "missing-setting", "a setting that must be there",
            why: "The plugin cannot work without it.", cure: "Add it.",
            wrong: "sinks: {crm: {plugin: file}}\ndefault: {to: crm}",
            right: "sinks: {crm: {plugin: file, path: out/crm.ndjson}}\ndefault: {to: crm}"),
        FindingKind(
            .error, "unknown-attribute", "an attribute that leads do not have",
            why: "It would be missing for every lead.",
            cure: "Correct the name; an answer whose name has a dot is written field[\"lead.x\"].",
            wrong: "routes: [{id: r, when: {lead.formid: \"555\"}, to: crm}]",
            right: "routes: [{id: r, when: {lead.form_id: \"555\"}, to: crm}]"),
        FindingKind(
            .error, "unknown-name", "a name in a template that can never exist",
            why: "The place would always be blank.", cure: "Correct the name.",
            wrong:
                "sinks: {crm: {plugin: file, path: \"out/{{delivery.key}}.json\", mode: one-per-lead, format: json}}\ndefault: {to: crm}",
            right:
                "sinks: {crm: {plugin: file, path: \"out/{{delivery.id}}.json\", mode: one-per-lead, format: json}}\ndefault: {to: crm}"
        ),
        FindingKind(
            .error, "bad-template", "a template that is no Mustache, or not escaped",
            why: "It cannot be filled in.",
            cure: "Close every tag and section; write two brackets, never three.",
            wrong:
                "sinks: {crm: {plugin: file, path: \"out/{{lead.created_date.ndjson\"}}\ndefault: {to: crm}",
            right:
                "sinks: {crm: {plugin: file, path: \"out/{{lead.created_date}}.ndjson\"}}\ndefault: {to: crm}"
        ),
    ]
}
