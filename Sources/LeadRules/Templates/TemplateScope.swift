internal import Foundation
internal import LeadKit
internal import Mustache

/// What a template sees: the names of RULES section 2, plus `delivery.id`, `route` and `fields`.
struct TemplateScope: TemplateObject {
    let view: LeadView
    let tables: [Table]
    let place: Template.Place
    let context: RenderContext

    func child(named name: String) -> Any? {
        switch name {
        case "lead": return LeadScope(scope: self)
        case "consent": return ConsentScope(scope: self)
        case "delivery": return DeliveryScope(scope: self)
        case "route": return escaped(context.route)
        case "fields": return Answers(scope: self)
        default: break
        }
        if let field = TemplateCompiler.decoded(name) { return values(of: .field(field)) }
        if let table = tables.firstIndex(where: { $0.name == name }) {
            return view.row(of: table).map { RowScope(table: table, row: $0, scope: self) }
        }
        return values(of: .field(Normalization.value(name)))
    }

    /// The values of a name, trimmed and otherwise as received; nil when missing.
    func values(of name: Name) -> TemplateValues? {
        let texts = view.rawValues(of: name).map(\.trimmed).filter { !$0.isEmpty }
        return texts.isEmpty ? nil : TemplateValues(texts: texts, place: place)
    }

    func escaped(_ text: String) -> TemplateValues { TemplateValues(texts: [text], place: place) }
}

/// The values of one name. As a variable they are joined by `, `; as a section they are walked,
/// each as `{{.}}`; a lone `false` is an empty section, so that `{{#lead.is_test}}` asks.
struct TemplateValues: MustacheSequence, TemplateObject {
    let texts: [String]
    let place: Template.Place
    var isTrusted = false

    var renderText: String { escaped(texts.joined(separator: ", ")) }
    var isNull: Bool { texts == ["false"] }

    /// A value has no parts; what a section over it names is looked for outside.
    func child(named name: String) -> Any? { nil }

    func makeIterator() -> AnyIterator<TemplateValues> {
        guard !isNull else { return AnyIterator { nil } }
        var rest = texts[...]
        return AnyIterator {
            rest.popFirst().map { TemplateValues(texts: [$0], place: place, isTrusted: isTrusted) }
        }
    }

    /// A table's own web address is the author's text: it stands in an address as it is.
    private func escaped(_ text: String) -> String {
        if isTrusted, place == .url, FieldType.isURL(text) { return text }
        return place.escape(text)
    }
}

/// What the template library may look into, and only through `child(named:)`: it would reflect on
/// any other type, and print it whole and unescaped.
protocol TemplateObject: MustacheParent, MustacheCustomRenderable {}

extension TemplateObject {
    var renderText: String { "" }
    var isNull: Bool { false }
}

/// All answers, for `{{#fields}}`.
private struct Answers: MustacheSequence, TemplateObject {
    let scope: TemplateScope

    func child(named name: String) -> Any? { nil }

    func makeIterator() -> AnyIterator<FieldScope> {
        var rest = Array(scope.view.lead.fieldData)[...]
        return AnyIterator { rest.popFirst().map { FieldScope(field: $0, scope: scope) } }
    }
}

private struct DeliveryScope: TemplateObject {
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        switch name {
        case "id": scope.escaped(scope.context.deliveryID)
        case "pool": scope.context.pool.map(scope.escaped)
        case "member": scope.context.member.map(scope.escaped)
        default: nil
        }
    }
}

private struct LeadScope: TemplateObject {
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        switch name {
        case "created_date": date(.createdTime)
        case "received_date": date(.receivedTime)
        default: LeadAttribute(rawValue: name).flatMap { scope.values(of: .attribute($0)) }
        }
    }

    private func date(_ attribute: LeadAttribute) -> TemplateValues? {
        scope.view.lead[attribute].flatMap { Timestamp($0) }
            .map { scope.escaped($0.dateText) }
    }
}

private struct ConsentScope: TemplateObject {
    let scope: TemplateScope
    func child(named name: String) -> Any? {
        scope.values(of: .consent(TemplateCompiler.decoded(name) ?? Normalization.value(name)))
    }
}

private struct RowScope: TemplateObject {
    let table: Int
    let row: Int
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        let table = scope.tables[table]
        guard let column = table.column(TemplateCompiler.decoded(name) ?? name) else { return nil }
        let text = table.rows[row][column].trimmed
        if text.isEmpty { return nil }
        return TemplateValues(texts: [text], place: scope.place, isTrusted: true)
    }
}

private struct FieldScope: TemplateObject {
    let field: Field
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        switch name {
        case "name": return scope.escaped(field.name.trimmed)
        case "value", "values":
            let texts = field.values.map(\.trimmed).filter { !$0.isEmpty }
            return TemplateValues(texts: texts, place: scope.place)
        default: return nil
        }
    }
}
