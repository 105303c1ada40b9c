public import LeadKit
internal import Mustache

/// The templates of every sink, and of every target that overrides some.
struct TemplateLibrary: Sendable {
    /// By sink's name.
    var sinks: [String: [CompiledTemplate]] = [:]
    /// By target with overrides: what replaces or joins the sink's own.
    var overrides: [Target: [CompiledTemplate]] = [:]

    /// What can be overridden, by sink's name.
    var settings: [String: [SettingInfo]] = [:]
    var compiler: TemplateCompiler

    /// The most bytes that one setting may become.
    static let renderedBytesMax = 1 << 20

    func render(
        _ target: Target, context: RenderContext, view: LeadView, tables: [Table]
    ) throws(RenderFailure) -> [RenderedSetting] {
        guard var templates = sinks[target.sink] else { throw RenderFailure(.unknownSink) }
        if !target.with.isEmpty {
            let replacing = if let known = overrides[target] { known } else { try compile(target) }
            let names = Set(replacing.map(\.template.name))
            templates.removeAll { names.contains($0.template.name) }
            templates += replacing
        }
        var result: [RenderedSetting] = []
        for compiled in templates {
            let template = compiled.template
            let scope = TemplateScope(
                view: view, tables: tables, place: template.place, context: context)
            let text = compiled.mustache.render(scope)
            guard text.utf8.count <= TemplateLibrary.renderedBytesMax else {
                throw RenderFailure(.tooLarge(template.name))
            }
            if template.isRequired, text.trimmed.isEmpty {
                throw RenderFailure(.blank(template.name))
            }
            if template.isRequired, template.place == .address, !Recipient.isAddress(text) {
                throw RenderFailure(.noAddress(template.name))
            }
            result.append(
                RenderedSetting(name: template.name, text: text, isSecret: template.isSecret))
        }
        return result
    }
}

extension TemplateLibrary {
    /// Overrides that an edit of the rules has removed since the lead was decided: the delivery
    /// keeps them as they were.
    private func compile(_ target: Target) throws(RenderFailure) -> [CompiledTemplate] {
        guard let document = try? JSONDocument.parse(Array(target.with.utf8)) else {
            throw RenderFailure(.unknownOverrides)
        }
        let position = Position(file: "the decision")
        var problems = SettingProblems()
        var result: [CompiledTemplate] = []
        for (name, value) in document.root.members {
            let node = TemplateLibrary.node(value, at: position)
            for template in templates(named: name, node: node, sink: target.sink, &problems) {
                guard let compiled = compiler.compile(template, problems: &problems) else {
                    throw RenderFailure(.unknownOverrides)
                }
                result.append(compiled)
            }
        }
        return result
    }

    /// The templates that an override of one setting makes.
    func templates(
        named name: String, node: SettingNode, sink: String, _ problems: inout SettingProblems
    ) -> [Template] {
        guard let info = settings[sink]?.first(where: { $0.name == name }), let place = info.place
        else { return [] }
        // A sink may have moved a template to another place, such as a body that is HTML.
        let current = sinks[sink]?.first { $0.template.name == name }?.template.place
        guard let entries = node.entries else {
            guard let text = String.decode(node, problems: &problems) else { return [] }
            return [
                Template(
                    name: name, source: text, place: current ?? place, position: node.position,
                    isRequired: info.isRequired)
            ]
        }
        return entries.compactMap { key, value in
            String.decode(value, problems: &problems).map {
                Template(
                    name: "\(name).\(key.text ?? "")", source: $0, place: place,
                    position: value.position)
            }
        }
    }

    private static func node(_ value: JSONValue, at position: Position) -> SettingNode {
        guard value.kind == .object else {
            return SettingNode(.text(value.scalarText ?? ""), at: position)
        }
        let entries = value.members.map { name, value in
            (name: SettingNode(.text(name), at: position), value: node(value, at: position))
        }
        return SettingNode(.map(entries), at: position)
    }
}

/// What a sink's templates are filled in with.
public struct RenderContext: Sendable {
    /// The lead.
    public var lead: Lead
    /// Whether `dedupe` calls it a duplicate.
    public var isDuplicate: Bool
    /// The delivery's key.
    public var deliveryID: String
    /// The route credited.
    public var route: String
    /// The pool that chose the sink.
    public var pool: String?
    /// The member that it chose.
    public var member: String?

    /// Makes a context.
    public init(
        lead: Lead, isDuplicate: Bool = false, deliveryID: String, route: String,
        pool: String? = nil, member: String? = nil
    ) {
        self.lead = lead
        self.isDuplicate = isDuplicate
        self.deliveryID = deliveryID
        self.route = route
        self.pool = pool
        self.member = member
    }
}

/// A setting as one delivery has it.
public struct RenderedSetting: Sendable, Equatable {
    /// The setting, such as `subject` or `headers.X-Lead`.
    public var name: String
    /// The final text.
    public var text: String
    /// Whether part of it is a secret; then show `Secret.mask` instead.
    public var isSecret: Bool

    /// The text, or the mask.
    public var shown: String {
        if isSecret || SecretText.isName(name) { return Secret.mask }
        return name == "url" ? SecretText.addresses(in: text) : text
    }
}

/// Why a delivery cannot be sent as the configuration stands. Retrying does not help.
public struct RenderFailure: Error, Sendable, CustomStringConvertible {
    enum Cause: Sendable {
        case blank(String)
        case noAddress(String)
        case tooLarge(String)
        case unknownSink
        case unknownOverrides
    }

    let cause: Cause

    init(_ cause: Cause) { self.cause = cause }

    /// One line, without lead data.
    public var description: String {
        switch cause {
        case .blank(let name): "the setting '\(name)' is empty for this lead"
        case .noAddress(let name): "the setting '\(name)' is not one mail address for this lead"
        case .tooLarge(let name):
            "the setting '\(name)' is over \(TemplateLibrary.renderedBytesMax) bytes for this lead"
        case .unknownSink: "the sink is no longer configured"
        case .unknownOverrides: "the settings of this target are no longer configured"
        }
    }
}
