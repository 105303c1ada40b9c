internal import Foundation
internal import LeadKit
internal import Mustache

/// What a template sees: the names of RULES section 2, plus `delivery.id`, `route` and `fields`.
struct TemplateScope: MustacheParent {
    let view: LeadView
    let tables: [Table]
    let place: Template.Place
    let deliveryID: String
    let route: String

    func child(named name: String) -> Any? {
        switch name {
        case "lead": return LeadScope(scope: self)
        case "consent": return ConsentScope(scope: self)
        case "delivery": return ["id": escaped(deliveryID)]
        case "route": return escaped(route)
        case "fields": return view.lead.fieldData.map { FieldScope(field: $0, scope: self) }
        default: break
        }
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
struct TemplateValues: MustacheSequence, MustacheCustomRenderable {
    let texts: [String]
    let place: Template.Place
    var isTrusted = false

    var renderText: String { escaped(texts.joined(separator: ", ")) }
    var isNull: Bool { texts == ["false"] }

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

private struct LeadScope: MustacheParent {
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

private struct ConsentScope: MustacheParent {
    let scope: TemplateScope
    func child(named name: String) -> Any? {
        scope.values(of: .consent(Normalization.value(name)))
    }
}

private struct RowScope: MustacheParent {
    let table: Int
    let row: Int
    let scope: TemplateScope

    func child(named name: String) -> Any? {
        let table = scope.tables[table]
        guard let column = table.column(name) else { return nil }
        let text = table.rows[row][column].trimmed
        if text.isEmpty { return nil }
        return TemplateValues(texts: [text], place: scope.place, isTrusted: true)
    }
}

private struct FieldScope: MustacheParent {
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
