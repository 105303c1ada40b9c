internal import LeadKit

/// Replaces `${NAME}` and `{file: PATH}` in settings of `sources`, `sinks`, `store` and `server`.
struct SecretReader {
    let files: any ConfigurationFiles
    /// The file that the settings stand in, relative to the configuration's folder.
    let path: String
    /// What was found in variables and files.
    private(set) var secrets: [Secret] = []

    init(files: any ConfigurationFiles, path: String) {
        self.files = files
        self.path = path
    }

    mutating func resolve(_ node: SettingNode, problems: inout SettingProblems) -> SettingNode {
        switch node.content {
        case .text(let text): return substitute(text, node, &problems)
        case .list(let nodes):
            let resolved = nodes.map { resolve($0, problems: &problems) }
            return SettingNode(.list(resolved), at: node.position)
        case .map(let entries):
            if entries.count == 1, entries[0].name.text == "file", let file = entries[0].value.text
            {
                return readFile(file, at: entries[0].value.position, &problems)
            }
            let resolved = entries.map {
                (name: $0.name, value: resolve($0.value, problems: &problems))
            }
            return SettingNode(.map(resolved), at: node.position)
        }
    }

    private mutating func readFile(
        _ text: String, at position: Position, _ problems: inout SettingProblems
    ) -> SettingNode {
        let isAbsolute = text.utf8.first == 0x2F
        let full = isAbsolute ? text : ConfigurationPath.resolve(text, from: path)
        guard let full else {
            problems.error(
                "outside-folder", at: position, "'\(text)' is outside the configuration's folder",
                help: "write the whole path, beginning with '/'")
            return SettingNode(.text("?"), at: position, isSecret: true)
        }
        do {
            var bytes = try files.readSecret(full)[...]
            while bytes.last == 0x0A || bytes.last == 0x0D { bytes.removeLast() }
            return secret(
                String(decoding: bytes, as: UTF8.self), from: "the file", position, &problems)
        } catch {
            problems.error(
                "missing-secret", at: position, "cannot read the secret's file '\(text)': \(error)")
            return SettingNode(.text("?"), at: position, isSecret: true)
        }
    }

    private mutating func secret(
        _ text: String, from origin: String, _ position: Position,
        _ problems: inout SettingProblems
    ) -> SettingNode {
        if ByteSearch.contains(text, "{{") {
            problems.error(
                "bad-secret", at: position,
                "\(origin) holds '{{', which a template would read as a tag")
            return SettingNode(.text("?"), at: position, isSecret: true)
        }
        secrets.append(Secret(text))
        return SettingNode(.text(text), at: position, isSecret: true)
    }

    private mutating func substitute(
        _ text: String, _ node: SettingNode, _ problems: inout SettingProblems
    ) -> SettingNode {
        let bytes = Array(text.utf8)
        guard bytes.contains(0x24) else { return node }
        var result: [UInt8] = []
        var isSecret = false
        var index = 0
        while index < bytes.count {
            if bytes[index...].starts(with: Array("$${".utf8)) {
                result += Array("${".utf8)
                index += 3
            } else if bytes[index...].starts(with: Array("${".utf8)) {
                guard let close = bytes[index...].firstIndex(of: 0x7D) else {
                    problems.error(
                        "bad-secret", at: node.position, "a '${' has no '}'",
                        help: "write '$${' for the two characters themselves")
                    return node
                }
                let name = String(decoding: bytes[(index + 2)..<close], as: UTF8.self)
                result += Array(variable(name, node.position, &problems).utf8)
                isSecret = true
                index = close + 1
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return SettingNode(
            .text(String(decoding: result, as: UTF8.self)), at: node.position, isSecret: isSecret)
    }

    private mutating func variable(
        _ name: String, _ position: Position, _ problems: inout SettingProblems
    ) -> String {
        let isName =
            !name.isEmpty
            && name.utf8.enumerated().allSatisfy { index, byte in
                (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
                    || (index > 0 && (0x30...0x39).contains(byte))
            }
        guard isName else {
            problems.error(
                "bad-secret", at: position, "'${\(name)}' is not the name of a variable",
                help: "names have letters, digits and '_'")
            return "?"
        }
        guard let value = files.environment(name), !value.trimmed.isEmpty else {
            problems.error(
                "missing-secret", at: position, "the environment variable '\(name)' is not set",
                help: "set it before the program starts: export \(name)=…")
            return "?"
        }
        return secret(value, from: "the variable '\(name)'", position, &problems).text ?? "?"
    }
}
