internal import LeadKit

extension FindingCatalogue {
    static let files: [FindingKind] = [
        FindingKind(
            .error, "yaml-syntax", "text that is not YAML",
            why: "The file cannot be read from this place on, so nothing of it is in force.",
            cure:
                "Look at the line named and at the one above it: indentation, a missing colon, a text that needs quotes.",
            wrong: """
                routes:
                  - id: honda
                    when: {car_make: Honda
                    to: crm
                """,
            right: """
                routes:
                  - id: honda
                    when: {car_make: Honda}
                    to: crm
                """),
        FindingKind(
            .error, "yaml-empty", "a file without content",
            why: "An empty file is more often a mishap than meant.",
            cure: "Fill the file, or remove it and the 'include' that names it.",
            wrong: "include: more.yaml", right: "include: more.yaml",
            besideWrong: ["more.yaml": "# nothing yet\n"],
            besideRight: ["more.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "yaml-empty-value", "a name with nothing behind it",
            why:
                "An empty value would mean nothing at all, or a text without characters: it is not clear which.",
            cure: "Write the value, or remove the name. An empty text is written \"\".",
            wrong: "routes:\n  - id: honda\n    when: {car_make: Honda}\n    note:\n    to: crm",
            right:
                "routes:\n  - id: honda\n    when: {car_make: Honda}\n    note: since May\n    to: crm"
        ),
        FindingKind(
            .error, "yaml-key", "a list or map where a name belongs",
            why: "What stands before a colon is a name, and names are texts.",
            cure: "Write one text before each colon.",
            wrong: "conditions:\n  [a, b]: {car_make: Honda}",
            right: """
                conditions:
                  ours: {car_make: Honda}
                routes: [{id: ours, when: {use: ours}, to: crm}]
                """),
        FindingKind(
            .error, "yaml-tag", "an explicit YAML tag",
            why: "Text is text in this language: '!!int' and the like have no meaning here.",
            cure: "Remove the tag.",
            wrong: "routes: [{id: old, when: {car_year: !!int 2010}, to: crm}]",
            right: "routes: [{id: old, when: {car_year: \"2010\"}, to: crm}]"),
        FindingKind(
            .error, "yaml-merge", "the merge key '<<'",
            why: "Merging hides what a route says from its reader.",
            cure: "Use a named condition under 'conditions:', or write the entries out.",
            wrong: """
                conditions:
                  base: &base {car_make: Honda}
                routes: [{id: r, when: {<<: *base, zip: "75001"}, to: crm}]
                """,
            right: """
                conditions:
                  base: {car_make: Honda}
                routes: [{id: r, when: {use: base, zip: "75001"}, to: crm}]
                """),
        FindingKind(
            .error, "yaml-alias", "an alias that names nothing above",
            why: "An alias repeats what an anchor above marks.",
            cure: "Correct the name, or mark the text with '&NAME'.",
            wrong: "routes: [{id: r, when: {car_make: *makes}, to: crm}]",
            right: """
                routes:
                  - {id: a, when: {car_make: &makes [Honda, Acura]}, to: crm}
                  - {id: b, when: {second_car: *makes}, to: crm}
                """),
        FindingKind(
            .error, "yaml-documents", "a second document in one file",
            why: "Only the first would be read.",
            cure: "Put it into a file of its own, and include that.",
            wrong: "routes: []\n---\nroutes: []", right: "routes: []"),
        FindingKind(
            .error, "yaml-depth", "lists or maps nested too deeply",
            why: "A limit of 64 levels protects the service from files made to break it.",
            cure: "Use named conditions, or routes below routes in files of their own.",
            wrong: "routes: " + String(repeating: "[", count: 70)
                + String(repeating: "]", count: 70), right: "routes: []"),
        FindingKind(
            .error, "yaml-size", "a file that grows too large",
            why: "Aliases of aliases can make a short file endless; the limit is a million values.",
            cure: "Split the file, or repeat less by aliases.",
            wrong: "fields:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
                + (1...6).map { n in
                    "  a\(n): &a\(n) ["
                        + Array(repeating: "*a\(n - 1)", count: 10).joined(separator: ", ") + "]"
                }.joined(separator: "\n"), right: "fields: {budget: {type: number}}"),
        FindingKind(
            .error, "duplicate-key", "a name that stands twice in one map",
            why: "Only one of the two could hold, and no reader knows which.",
            cure:
                "Remove one, or join them. Two tests of one field go into one map: 'budget: {above: 10, below: 20}'.",
            wrong: "routes: [{id: r, when: {zip: \"75001\", zip: \"75002\"}, to: crm}]",
            right: "routes: [{id: r, when: {zip: [\"75001\", \"75002\"]}, to: crm}]"),
        FindingKind(
            .error, "bad-file", "a rule file that is no map",
            why: "A rule file begins with top keys such as 'routes:'.",
            cure: "Put the content under its top key.",
            wrong: "include: more.yaml", right: "include: more.yaml",
            besideWrong: ["more.yaml": "- {id: a, always: true, also_to: crm}\n"],
            besideRight: ["more.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "missing-file", "a file that cannot be read",
            why: "What it would define is missing everywhere.",
            cure: "Correct the path: it is relative to the file that it stands in.",
            wrong: "include: routs.yaml", right: "include: routes.yaml",
            beside: ["routes.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "outside-folder", "a path that leaves the configuration's folder",
            why: "A configuration is one folder, so that it can be moved, compared and watched.",
            cure: "Move the file into the folder.",
            wrong: "include: ../shared/routes.yaml", right: "include: shared/routes.yaml",
            beside: ["shared/routes.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "included-twice", "a file that is read twice",
            why: "Its routes would be asked twice.",
            cure: "Remove one of the two includes.",
            wrong: "include: [routes.yaml, \"*.yaml\"]", right: "include: [routes.yaml]",
            beside: ["routes.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "large-configuration", "more or deeper includes than the limits allow",
            why:
                "The limits protect the service from folders made to break it: 10,000 files, 32 MiB a rule file and 64 MiB in all, 32 files that include one another in a row.",
            cure: "Put more rules into one file, and include the files from leadrouter.yaml.",
            wrong: "include: chain/1.yaml", right: "include: \"chain/*.yaml\"",
            besideWrong: Dictionary(
                uniqueKeysWithValues: (1...34).map {
                    ("chain/\($0).yaml", $0 < 34 ? "include: \($0 + 1).yaml\n" : "routes: []\n")
                }),
            besideRight: [
                "chain/1.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"
            ]),
        FindingKind(
            .warning, "empty-glob", "a glob that matches no file",
            why: "It may have been meant to match some.",
            cure: "Correct the glob, or remove it until there is a file.",
            wrong: "include: \"stores/*.yml\"", right: "include: \"stores/*.yaml\"",
            beside: ["stores/a.yaml": "routes: [{id: a, always: true, also_to: crm}]\n"]),
        FindingKind(
            .error, "missing-version", "a root file without 'version'",
            why: "The version says how the files are to be read, also by later programs.",
            cure: "Write 'version: 1' in the first line of leadrouter.yaml.",
            wrong:
                "sinks:\n  crm: {plugin: file, path: out/crm.ndjson}\ndefault: {to: crm}\n# no 'version'",
            right:
                "version: 1\nsinks:\n  crm: {plugin: file, path: out/crm.ndjson}\ndefault: {to: crm}"
        ),
        FindingKind(
            .error, "bad-version", "a version that this program does not read",
            why: "Rules of another version may mean something else.",
            cure: "Write 'version: 1', in leadrouter.yaml only.", wrong: "version: 2",
            right: "version: 1"),
    ]
}
