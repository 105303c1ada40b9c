internal import LeadKit

extension FindingCatalogue {
    private static func hours(_ text: String) -> String {
        """
        schedules:
          showroom:
            time_zone: Europe/Rome
        \(text)
        routes: [{id: r, when: {schedule.showroom: open}, to: crm}]
        """
    }

    private static func team(_ text: String) -> String {
        """
        pools:
          sales:
        \(text)
        routes: [{id: r, when: {car_make: Honda}, to: {pool: sales}}]
        """
    }

    private static let goodTeam = """
            members:
              - {name: anna, to: crm}
              - {name: bob, to: mailbox}
            fallback: [crm]
        """

    private static func test(_ expectation: String) -> [String: String] {
        [
            "a.test.yaml":
                "tests: [{name: t, lead: {car_make: Honda}, expect: {members: {\(expectation)}}}]\n"
        ]
    }

    static let sharing: [FindingKind] = [
        FindingKind(
            .error, "undefined-schedule", "a schedule that is not defined",
            why: "Nobody knows when it is open.", cure: "Correct the name, or define it.",
            wrong: "routes: [{id: r, when: {schedule.showroom: open}, to: crm}]",
            right: hours("    open: {mon-fri: \"09:00-18:00\"}")),
        FindingKind(
            .error, "duplicate-day", "a day of the week that stands twice",
            why: "Only one of the two could hold.", cure: "Write all its periods in one list.",
            wrong: hours("    open: {mon-fri: \"09:00-12:00\", fri: \"14:00-18:00\"}"),
            right: hours(
                "    open: {mon-thu: \"09:00-12:00\", fri: [\"09:00-12:00\", \"14:00-18:00\"]}")),
        FindingKind(
            .error, "duplicate-date", "a date that stands twice",
            why: "Only one of the two could hold.", cure: "Remove one of them.",
            wrong: hours(
                """
                    open: {mon-fri: "09:00-18:00"}
                    closed: [2025-12-24..2025-12-26]
                    special: {2025-12-24: "09:00-12:00"}
                """),
            right: hours(
                """
                    open: {mon-fri: "09:00-18:00"}
                    closed: [2025-12-25..2025-12-26]
                    special: {2025-12-24: "09:00-12:00"}
                """)),
        FindingKind(
            .error, "bad-pool", "a pool that contradicts itself",
            why: "It must be clear who gets a lead when nobody is left.",
            cure: "Keep either 'fallback' or 'hold'; name sinks, not pools, in it.",
            wrong: team(goodTeam + "\n    hold: nobody is left"), right: team(goodTeam)),
        FindingKind(
            .error, "duplicate-member", "two members of a pool with one name",
            why: "A member's share is counted by its name.", cure: "Give each a name of its own.",
            wrong: team(
                """
                    members:
                      - {name: anna, to: crm}
                      - {name: anna, to: mailbox}
                    fallback: [crm]
                """), right: team(goodTeam)),
        FindingKind(
            .warning, "unused-schedule", "a schedule that nothing asks for",
            why: "Perhaps a route or a pool was meant to.", cure: "Ask for it, or remove it.",
            wrong: "schedules: {showroom: {time_zone: Europe/Rome, open: {mon: \"09:00-18:00\"}}}",
            right: hours("    open: {mon: \"09:00-18:00\"}")),
        FindingKind(
            .warning, "unused-pool", "a pool that no route sends to",
            why: "Perhaps a route was meant to.", cure: "Name it in a route, or remove it.",
            wrong: "pools:\n  sales:\n" + goodTeam, right: team(goodTeam)),
        FindingKind(
            .warning, "unknown-pool", "a test that names a pool that is not there",
            why: "The test can only fail.", cure: "Correct the name.", wrong: team(goodTeam),
            right: team(goodTeam), besideWrong: test("selas: anna"),
            besideRight: test("sales: anna")),
        FindingKind(
            .warning, "unknown-member", "a test that names a member that the pool does not have",
            why: "The test can only fail.", cure: "Correct the name.", wrong: team(goodTeam),
            right: team(goodTeam), besideWrong: test("sales: ana"),
            besideRight: test("sales: anna")),
    ]
}
