/// What may stand behind a setting or key, as data: the schema for editors is written from it.
///
/// A form may be wider than what the decoder takes, never narrower: an editor must not call wrong
/// what the program accepts.
public indirect enum SettingForm: Sendable, Equatable {
    /// Any text that is not blank.
    case text
    /// A text in which this regular expression (the part that ECMA 262 and RE2 share) finds
    /// something.
    case pattern(String)
    /// `true` or `false`.
    case boolean
    /// Digits.
    case wholeNumber
    /// A sign, digits and a decimal point with digits, as rules compare them.
    case decimal
    /// One of these texts.
    case choice([String])
    /// A list; with `orOne` a single element may stand without brackets.
    case list(SettingForm, orOne: Bool, mayBeEmpty: Bool)
    /// A map from names that the author chooses; `areIdentifiers` when they are letters, digits,
    /// `-` and `_` only.
    case map(SettingForm, areIdentifiers: Bool)
    /// A map of known names.
    case group([SettingInfo])
    /// What the schema defines under that name, such as a condition.
    case definition(String)
}

extension SettingValue {
    /// A text, unless the type says more.
    public static var form: SettingForm { .text }
}

extension Bool {
    /// `true` or `false`.
    public static var form: SettingForm { .boolean }
}

extension Int {
    /// Digits.
    public static var form: SettingForm { .wholeNumber }
}

extension Duration {
    /// A number and a unit.
    public static var form: SettingForm { .pattern("^[0-9]+(ms|s|m|h|d)$") }
}

extension ByteCount {
    /// A number, and a unit if it is not bytes.
    public static var form: SettingForm { .pattern("^[0-9]+(B|KiB|MiB|GiB)?$") }
}

extension Array where Element: SettingValue {
    /// A list, or one element by itself.
    public static var form: SettingForm { .list(Element.form, orOne: true, mayBeEmpty: true) }
}

extension NamedSettings {
    /// Names chosen by the author.
    public static var form: SettingForm { .map(Value.form, areIdentifiers: false) }
}

extension PluginConfig {
    /// The settings by name.
    public static var form: SettingForm { .group(settings.map(\.info)) }
}
