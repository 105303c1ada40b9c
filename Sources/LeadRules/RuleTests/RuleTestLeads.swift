internal import LeadKit

/// Makes the leads of rule tests: from the short form, from a Graph lead, or from a file of samples.
struct RuleTestLeads {
    let ruleSet: RuleSet
    let files: any ConfigurationFiles
    /// The file of tests, relative to the folder.
    let path: String
    /// The samples read so far, by path.
    private var samples: [String: [Sample]] = [:]

    /// A lead of a file of samples.
    private struct Sample {
        var id: String?
        var json: JSONValue
    }

    init(ruleSet: RuleSet, files: any ConfigurationFiles, path: String) {
        self.ruleSet = ruleSet
        self.files = files
        self.path = path
    }

    mutating func lead(
        of test: SettingNode, reader: LeadReader, _ found: inout SettingProblems
    ) -> Lead? {
        let place = test["name"]?.position ?? test.position
        if let id = test["id"], test["file"] == nil {
            found.error(
                "no-effect", at: id.position, "'id' chooses a lead of a 'file', and there is none",
                help: "the id of a lead in short form is written 'lead: {id: …}'")
        }
        switch (test["lead"], test["graph"], test["file"]) {
        case (let node?, nil, nil): return short(node, reader: reader, &found)
        case (nil, let node?, nil): return graph(node, reader: reader, &found)
        case (nil, nil, let node?): return sample(node, id: test["id"], reader: reader, &found)
        case (nil, nil, nil):
            found.error(
                "missing-key", at: place, "the test has no lead",
                help: "add 'lead: {FIELD: TEXT}', 'graph:' or 'file:' with 'id:'")
        default:
            found.error(
                "bad-test", at: place, "the test has more than one lead",
                help: "keep one of 'lead', 'graph' and 'file'")
        }
        return nil
    }

    /// `{selected_dealer: "42", lead.form_id: "555", consent.news: true}`: names as rules know them.
    private func short(
        _ node: SettingNode, reader: LeadReader, _ found: inout SettingProblems
    ) -> Lead? {
        guard let entries = node.entries else {
            found.error(
                "bad-value", at: node.position, "'lead' is a map of answers, not \(node.kindName)",
                help: "write 'lead: {FIELD: TEXT, …}'")
            return nil
        }
        var scope = NameScope()
        for table in ruleSet.tables { scope.add(table.name, table) }
        for schedule in ruleSet.schedules { scope.add(schedule: schedule.name) }
        guard let id = LeadID(RuleTest.defaultID) else { return nil }
        var lead = Lead(id: id, source: reader.source)
        lead.envelope[.receivedTime] = reader.receivedTime.text
        for (name, value) in entries {
            guard let texts = texts(value, &found) else { continue }
            if name.text == "id" {
                set(.id, texts, at: value.position, in: &lead, &found)
                continue
            }
            switch scope.name(name, problems: &found) {
            case .field(let field): lead.fieldData.append(Field(field, texts))
            case .attribute(let attribute):
                set(attribute, texts, at: value.position, in: &lead, &found)
            case .consent(let key):
                consent(key, texts, at: value.position, in: &lead, &found)
            case .column(let table, _):
                refuseColumn(name, of: ruleSet.tables[table], &found)
            case .schedule:
                found.error(
                    "bad-name", at: name.position, "the clock opens a schedule, not the lead",
                    help: "set the test's 'now: 2025-10-09T10:00:00Z'")
            case nil: continue
            }
        }
        return lead
    }

    private func texts(_ node: SettingNode, _ found: inout SettingProblems) -> [String]? {
        switch node.content {
        case .text(let text): return [text]
        case .list(let nodes):
            let texts = nodes.compactMap(\.text)
            if texts.count == nodes.count { return texts }
            fallthrough
        case .map:
            found.error(
                "bad-value", at: node.position, "an answer is a text or a list of texts")
            return nil
        }
    }

    private func set(
        _ attribute: LeadAttribute, _ texts: [String], at place: Position, in lead: inout Lead,
        _ found: inout SettingProblems
    ) {
        guard texts.count == 1 else {
            found.error("bad-value", at: place, "'lead.\(attribute.rawValue)' has one value")
            return
        }
        let text = texts[0]
        switch attribute {
        case .id:
            if let id = LeadID(text) {
                lead.id = id
            } else {
                found.error("bad-value", at: place, "'\(text)' is no lead's id")
            }
        case .source: lead.source = text
        case .isDuplicate:
            found.error(
                "bad-value", at: place, "whether a lead is a duplicate depends on leads before it",
                help: "write 'duplicate: true' beside 'lead:'")
        case .isOrganic, .isTest:
            guard ["true", "false"].contains(text) else {
                found.error("bad-value", at: place, "'\(text)' is not 'true' or 'false'")
                return
            }
            lead.envelope[attribute] = text
        case .createdTime, .receivedTime:
            lead.envelope[attribute] = LeadReader.normalisedTime(text)
        default: lead.envelope[attribute] = text.trimmed
        }
    }

    private func consent(
        _ key: String, _ texts: [String], at place: Position, in lead: inout Lead,
        _ found: inout SettingProblems
    ) {
        for text in texts {
            guard ["true", "false"].contains(text) else {
                found.error("bad-value", at: place, "'\(text)' is not 'true' or 'false'")
                continue
            }
            lead.consents.append(Consent(key: key, isChecked: text == "true"))
        }
    }

    private func refuseColumn(
        _ name: SettingNode, of table: Table, _ found: inout SettingProblems
    ) {
        let key =
            switch table.match {
            case .field(let field): "set '\(field)', which selects the row"
            default: "set the field that selects the row"
            }
        found.error(
            "bad-name", at: name.position,
            "'\(name.text ?? "")' comes from the table '\(table.name)', not from the lead",
            help: key)
    }

    /// A lead as the Graph API writes it, as YAML or JSON.
    private func graph(
        _ node: SettingNode, reader: LeadReader, _ found: inout SettingProblems
    ) -> Lead? {
        var writer = JSONWriter()
        RuleTestLeads.write(node, to: &writer)
        do {
            let document = try JSONDocument.parse(writer.bytes)
            if document.root["field_data"] == nil {
                found.error(
                    "bad-value", at: node.position, "a Graph lead has 'field_data'",
                    help: "for the short form write 'lead:'")
                return nil
            }
            return try reader.graph(document.root, raw: writer.bytes)
        } catch {
            found.error("bad-value", at: node.position, "the lead cannot be read: \(error)")
            return nil
        }
    }

    /// Scalars are texts, but for `true` and `false`, which Graph's flags need.
    private static func write(_ node: SettingNode, to writer: inout JSONWriter) {
        switch node.content {
        case .text("true"): writer.bool(true)
        case .text("false"): writer.bool(false)
        case .text(let text): writer.string(text)
        case .list(let nodes):
            writer.array { writer in for node in nodes { write(node, to: &writer) } }
        case .map(let entries):
            writer.object { writer in
                for (name, value) in entries {
                    writer.name(name.text ?? "")
                    write(value, to: &writer)
                }
            }
        }
    }
}

// Samples.
extension RuleTestLeads {
    private mutating func sample(
        _ node: SettingNode, id: SettingNode?, reader: LeadReader, _ found: inout SettingProblems
    ) -> Lead? {
        guard let file = ConfigurationPath.resolve(node.text ?? "", from: path) else {
            found.error(
                "outside-folder", at: node.position,
                "\(node.shown) is outside the configuration's folder",
                help: "move the samples into the folder")
            return nil
        }
        guard let samples = samples(of: file, at: node, &found) else { return nil }
        guard let id else {
            if samples.count == 1 { return lead(samples[0], reader, at: node.position, &found) }
            found.error(
                "missing-key", at: node.position, "the file holds \(samples.count) leads",
                help: "choose one with 'id:'")
            return nil
        }
        let wanted = (id.text ?? "").trimmed
        guard let sample = samples.first(where: { $0.id == wanted }) else {
            found.error(
                "bad-value", at: id.position, "no lead of the file has the id '\(wanted)'",
                help: Nearest.help(for: wanted, among: samples.compactMap(\.id)))
            return nil
        }
        return lead(sample, reader, at: id.position, &found)
    }

    private func lead(
        _ sample: Sample, _ reader: LeadReader, at place: Position,
        _ found: inout SettingProblems
    ) -> Lead? {
        var writer = JSONWriter()
        writer.value(sample.json)
        do {
            return try reader.lead(sample.json, raw: writer.bytes)
        } catch {
            found.error("bad-value", at: place, "the lead cannot be read: \(error)")
            return nil
        }
    }

    private mutating func samples(
        of file: String, at node: SettingNode, _ found: inout SettingProblems
    ) -> [Sample]? {
        if let known = samples[file] { return known }
        do {
            let bytes = try files.read(file)
            let read = try RuleTestLeads.samples(bytes)
            samples[file] = read
            return read
        } catch {
            let isOutside = (error as? ConfigurationFileError)?.isOutside ?? false
            found.error(
                isOutside ? "outside-folder" : "missing-file", at: node.position,
                "cannot read '\(files.displayPrefix)\(file)': \(error)")
            return nil
        }
    }

    /// One JSON document (a lead, a list, a Graph page), or a lead a line.
    private static func samples(_ bytes: [UInt8]) throws(JSONError) -> [Sample] {
        let parser = JSONParser()
        var values: [JSONValue] = []
        if let document = try? parser.parse(bytes) {
            let root = document.root
            let list = root.kind == .array ? root : root["data"] ?? root["leads"]
            values = list?.kind == .array ? list?.elements ?? [] : [root]
        } else {
            for line in bytes.split(separator: 0x0A)
            where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0D || $0 == 0x09 }) {
                values.append(try parser.parse(line).root)
            }
        }
        return values.map { value in
            Sample(
                id: value["id"].flatMap { try? LeadReader.idText($0, name: "id") }, json: value)
        }
    }
}
