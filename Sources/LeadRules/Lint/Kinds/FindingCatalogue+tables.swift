internal import LeadKit

extension FindingCatalogue {
    private static let table = """
        tables: {store: {file: stores.csv, key: number, match: dealer}}
        routes: [{id: r, when: {dealer: {in_table: store}}, to: crm}]
        """
    private static let good = ["stores.csv": "number,name\n42,Harbor Honda\n"]

    static let tables: [FindingKind] = [
        FindingKind(
            .error, "bad-table", "a CSV file that is no table",
            why: "Rows that are too short or too long would put cells into the wrong columns.",
            cure: "Quote a cell that holds the separator; give every column a name.",
            wrong: table, right: table,
            besideWrong: ["stores.csv": "number,name\n42,Harbor Honda, Dallas\n"],
            besideRight: ["stores.csv": "number,name\n42,\"Harbor Honda, Dallas\"\n"]),
        FindingKind(
            .error, "duplicate-table-key", "a key that two rows have",
            why: "Only one of the two rows could be found.", cure: "Correct or remove one row.",
            wrong: table, right: table,
            besideWrong: ["stores.csv": "number,name\n42,Harbor Honda\n42,Mesa Motors\n"],
            besideRight: ["stores.csv": "number,name\n42,Harbor Honda\n43,Mesa Motors\n"]),
        FindingKind(
            .error, "table-cycle", "a table whose key depends on itself",
            why: "Its row could never be found.", cure: "Let 'match' name an answer of the lead.",
            wrong: """
                tables: {store: {file: stores.csv, key: number, match: store.number}}
                routes: [{id: r, when: {store.name: {exists: true}}, to: crm}]
                """, right: table, beside: good),
        FindingKind(
            .warning, "unserved-key", "a store of the table that no route serves",
            why: "Leads that choose this store go to the default. It is said only of tables that some route asks for.",
            cure: "Add a route, or remove the row.",
            wrong: """
                tables: {store: {file: stores.csv, key: number, match: dealer}}
                routes: [{id: r, when: {store.email: {exists: true}}, to: crm}]
                """,
            right: """
                tables: {store: {file: stores.csv, key: number, match: dealer}}
                routes:
                  - {id: r, when: {store.email: {exists: true}}, to: crm}
                  - {id: by-phone, when: {dealer: {in_table: store}}, to: mailbox}
                """,
            beside: [
                "stores.csv": "number,email\n42,leads@harbor.example\n43,\n"
            ]),
        FindingKind(
            .warning, "missing-recipient", "a sink without a recipient for some rows",
            why: "A sink whose required setting is blank does not send: each such lead becomes a dead letter.",
            cure: "Fill the cell, or let the route ask for it: 'store.email: {exists: true}'.",
            wrong: """
                tables: {store: {file: stores.csv, key: number, match: dealer}}
                sinks:
                  crm: {plugin: file, path: "{{store.folder}}"}
                routes: [{id: r, when: {dealer: {in_table: store}}, to: crm}]
                default: {hold: no store}
                """,
            right: """
                tables: {store: {file: stores.csv, key: number, match: dealer}}
                sinks:
                  crm: {plugin: file, path: "{{store.folder}}"}
                  mailbox: {plugin: file, path: out/mailbox.ndjson}
                routes:
                  - {id: r, when: {store.folder: {exists: true}}, to: crm}
                  - {id: others, when: {dealer: {in_table: store}}, to: mailbox}
                default: {hold: no store}
                """, beside: ["stores.csv": "number,folder\n42,harbor\n43,\n"]),
    ]

    static let secrets: [FindingKind] = [
        FindingKind(
            .error, "missing-secret", "a secret that is not there",
            why: "The source or sink cannot log in.",
            cure: "Set the variable before the program starts, or correct the file's path.",
            wrong: "server: {admin: {token: \"${ADMIN_TOKN}\"}}",
            right: "server: {admin: {token: \"${ADMIN_TOKEN}\"}}"),
        FindingKind(
            .error, "bad-secret", "a secret that cannot be used",
            why: "It is malformed, or holds characters that would break what it is put into.",
            cure: "Write '${NAME}' with letters, digits and '_', or {file: PATH}; '$${' writes the two characters themselves.",
            wrong: "server: {admin: {token: \"${ADMIN-TOKEN}\"}}",
            right: "server: {admin: {token: \"${ADMIN_TOKEN}\"}}"),
        FindingKind(
            .warning, "plain-secret", "a secret in plain text",
            why: "Rules are kept in version control and read by many.",
            cure: "Write \"${NAME}\" and set the variable, or {file: PATH}.",
            wrong: "server: {admin: {token: open-sesame}}",
            right: "server: {admin: {token: \"${ADMIN_TOKEN}\"}}"),
        FindingKind(
            .error, "bad-url", "an address that cannot be used",
            why: "Nothing could be sent there.",
            cure: "Write 'https://HOST/PATH' for a sink 'http', 'smtps://HOST' for a sink 'smtp'. The host is fixed or comes from a table, never from a lead.",
            wrong: """
                sinks:
                  crm: {plugin: http, url: "https://{{website}}/leads"}
                default: {to: crm}
                """,
            right: """
                sinks:
                  crm: {plugin: http, url: "https://crm.example.com/leads"}
                default: {to: crm}
                """),
        FindingKind(
            .warning, "plain-transport", "leads that would go unencrypted over a network",
            why: "Anyone on the way can read names, addresses and telephone numbers. Addresses of this machine and of private networks are left alone.",
            cure: "Write 'https:' or 'smtps:', or ask for TLS.",
            wrong: """
                sinks:
                  crm: {plugin: http, url: "http://crm.example.com/leads"}
                default: {to: crm}
                """,
            right: """
                sinks:
                  crm: {plugin: http, url: "https://crm.example.com/leads"}
                default: {to: crm}
                """),
    ]
}
