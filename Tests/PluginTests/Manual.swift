import Foundation
import LeadKit
import LeadYAML

/// The examples of the manual's pages: every block of YAML, and the leads in the table below it.
struct Manual {
    /// A lead of a table, and what the manual says becomes of it.
    struct Row {
        var line: Int
        /// The lead in braces, as in a rule test.
        var lead: String
        var happens: String
    }

    struct Example: Sendable, CustomStringConvertible {
        /// The page, such as `docs/rules.md`.
        var page: String
        /// The line of its first line of YAML.
        var line: Int
        var text: String
        var rows: [Row]

        var description: String { "\(page):\(line)" }
    }

    static let pages = ["docs/rules.md", "docs/configuration.md"]

    static let root = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static let examples: [Example] = pages.flatMap { page in
        let text = (try? String(contentsOf: root.appending(path: page), encoding: .utf8)) ?? ""
        return examples(of: text.components(separatedBy: "\n"), page: page)
    }

    private static func examples(of lines: [String], page: String) -> [Example] {
        var result: [Example] = []
        var block: Example?
        for (index, line) in lines.enumerated() {
            if line == "```yaml" {
                block = Example(page: page, line: index + 2, text: "", rows: [])
            } else if line == "```", let done = block {
                result.append(done)
                block = nil
            } else if block != nil {
                block?.text += line + "\n"
            } else if line.hasPrefix("| `{"), !line.hasPrefix("| `{{"), !result.isEmpty {
                let cells = line.components(separatedBy: "|").map(\.trimmed)
                let lead = String(cells[1].dropFirst().dropLast())
                result[result.count - 1].rows.append(
                    Row(line: index + 1, lead: lead, happens: cells[2]))
            }
        }
        return result
    }
}

extension Manual.Example {
    private static let mail =
        "{plugin: smtp, url: \"smtps://mail.example.com\", from: a@x.example, to: b@x.example}"

    /// What examples may rely on: sinks, a table with two stores, a default.
    private static let stage: [(key: String, name: String, value: String)] =
        [
            "store-email", "head-office", "showroom-phone", "anna-mail",
        ].map { ("sinks", $0, mail) } + [
            ("sinks", "store-crm", "{plugin: http, url: \"https://crm.example.com\"}"),
            ("sinks", "archive", "{plugin: file, path: out/archive.ndjson}"),
            ("tables", "store", "{file: stores.csv, key: store_number, match: selected_dealer}"),
            ("default", "", "{hold: nobody}"),
        ]

    private static let files = [
        "stores.csv":
            "store_number,name,email,tier,area\n99213450,Harbor,a@store.example,premium,N\n"
            + "99213451,Hill,,basic,S\n",
        "areas.csv": "code,region\nN,North\nS,South\n",
        "secrets/crm-signing-secret": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\n",
        "secrets/admin-token": "an-admin-token\n",
        "brands/honda.yaml": "conditions: {brand: {car_make: Honda}}\n",
        "stores/one.yaml": "conditions: {store-one: {selected_dealer: 1}}\n",
    ]

    /// The example with what it relies on. Its lines keep their numbers, so that a finding names the
    /// line of the page.
    func configuration(root: SettingNode) -> [String: String] {
        var files = Manual.Example.files
        if root["version"] != nil {
            files["leadrouter.yaml"] = padded(text, before: 0)
            return files
        }
        var known = root
        if root["when"] != nil {
            let indented = text.components(separatedBy: "\n").map { "    " + $0 }
            files["page.yaml"] = padded(
                "routes:\n  - id: example\n    to: store-email\n"
                    + indented.joined(separator: "\n"), before: 3)
            known = SettingNode(.map([]), at: root.position)
        } else {
            files["page.yaml"] = padded(text, before: 0)
        }
        files["leadrouter.yaml"] = "version: 1\ninclude: page.yaml\n" + rest(beside: known)
        return files
    }

    private func padded(_ text: String, before: Int) -> String {
        String(repeating: "\n", count: line - 1 - before) + text
    }

    private func rest(beside root: SettingNode) -> String {
        var keys: [String: [String]] = [:]
        for (key, name, value) in Manual.Example.stage {
            if name.isEmpty {
                if root[key] == nil { keys[key, default: []].append(value) }
            } else if root[key]?[name] == nil {
                keys[key, default: []].append("\n  \(name): \(value)")
            }
        }
        return keys.map { "\($0.key): \($0.value.joined())\n" }.sorted().joined()
    }
}
