internal import LeadKit

extension FindingCatalogue {
    /// Texts in the habits of other programs, which this language takes as they stand.
    static let slips: [FindingKind] = [
        FindingKind(
            .warning, "word-in-text", "a word or separator inside a text where a list was meant",
            why:
                "A text is compared as it stands: no lead answers 'Honda, Kia' or 'Honda OR Kia'. Commas and the like are only named when the rules, tables or samples show the parts as texts of their own.",
            cure:
                "Write a list: '[Honda, Kia]' for either of them. If leads do answer so, a test or sample with such a lead shows it.",
            wrong: """
                routes:
                  - {id: r, when: {car_make: "Honda, Kia"}, to: crm}
                  - {id: q, when: {car_make: [Kia, Honda]}, to: mailbox}
                """,
            right: """
                routes:
                  - {id: r, when: {car_make: [Honda, Acura]}, to: crm}
                  - {id: q, when: {car_make: [Kia, Ford]}, to: mailbox}
                """),
        FindingKind(
            .warning, "dash-in-text", "a list whose dashes have no blank behind them",
            why: "YAML makes one text of such lines, dashes and all.",
            cure: "Write '- Honda', with a blank.",
            wrong: """
                routes:
                  - id: r
                    when:
                      car_make:
                        -Honda
                        -Kia
                    to: crm
                """,
            right: """
                routes:
                  - id: r
                    when:
                      car_make:
                        - Honda
                        - Kia
                    to: crm
                """),
        FindingKind(
            .warning, "quotes-in-text", "curly quotes that are part of the text",
            why: "Only \" and ' are quotes here; those of office programs are letters.",
            cure: "Type the quotes again, or leave them out.",
            wrong: "routes: [{id: r, when: {car_make: “Honda”}, to: crm}]",
            right: "routes: [{id: r, when: {car_make: \"Honda\"}, to: crm}]"),
        FindingKind(
            .warning, "operator-in-text", "a sign such as '>' that is part of the text",
            why: "The text is compared as it stands, sign and all.",
            cure: "Write the operator by its name, such as {above: 20000}.",
            wrong: "routes: [{id: r, when: {budget: \"> 20000\"}, to: crm}]",
            right: "routes: [{id: r, when: {budget: {above: 20000}}, to: crm}]"),
        FindingKind(
            .warning, "thousands", "a number whose point may be meant for thousands",
            why: "A point begins decimals: 20.000 is twenty.",
            cure: "Write thousands without a mark, and decimals without needless zeros.",
            wrong: "routes: [{id: r, when: {budget: {above: 20.000}}, to: crm}]",
            right: "routes: [{id: r, when: {budget: {above: 20000}}, to: crm}]"),
        FindingKind(
            .warning, "flag-as-reason", "'true' or 'false' where a reason belongs",
            why:
                "'drop' and 'hold' take the reason, which reports and explanations show. 'drop: false' drops, too.",
            cure: "Write the reason, or remove the line.",
            wrong: "routes: [{id: r, when: {car_make: Honda}, drop: true}]",
            right: "routes: [{id: r, when: {car_make: Honda}, drop: no Honda dealer here}]"),
        FindingKind(
            .warning, "slashes-in-pattern", "a pattern between slashes",
            why: "The slashes are part of the pattern, so that answers must have them.",
            cure: "Write the pattern without them; '(?i)' before it takes the place of '/…/i'.",
            wrong: "routes: [{id: r, when: {email: {search: /gmail/}}, to: crm}]",
            right: "routes: [{id: r, when: {email: {search: gmail}}, to: crm}]"),
    ]

    /// Settings that hold one mail address.
    static let addresses: [FindingKind] = [
        FindingKind(
            .error, "bad-address", "a recipient that is no mail address",
            why: "Every mail would be refused, and its lead become a dead letter.",
            cure:
                "Write one address, or the name of an answer or column in two braces: \"{{store.email}}\".",
            wrong: mail(to: "desk"), right: mail(to: "desk@example.com"),
            beside: ["stores.csv": "number\n42\n"]),
        FindingKind(
            .warning, "bad-recipient", "a row whose recipient is no mail address",
            why: "Leads of this row become dead letters, or go where 'on_failure' says.",
            cure: "Correct the cell.",
            wrong: mail(to: "\"{{store.email}}\""), right: mail(to: "\"{{store.email}}\""),
            besideWrong: ["stores.csv": "number,email\n42,harbor at example.com\n"],
            besideRight: ["stores.csv": "number,email\n42,harbor@example.com\n"]),
    ]

    private static func mail(to recipient: String) -> String {
        """
        tables: {store: {file: stores.csv, key: number, match: dealer}}
        sinks:
          mailbox:
            plugin: smtp
            url: smtps://mail.example.com
            from: leads@example.com
            to: \(recipient)
        routes: [{id: r, when: {dealer: {in_table: store}}, to: mailbox}]
        default: {hold: no store}
        """
    }
}
