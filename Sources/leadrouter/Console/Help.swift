/// Texts of `--help`.
enum Help {
    /// The same with each paragraph in one line, so that it is wrapped at the terminal's width and
    /// nowhere else. Lines that begin with a blank, such as examples, stay as they are.
    static func flowing(_ text: String) -> String {
        var result = ""
        var previous: Substring = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let isNew =
                result.utf8.isEmpty || line.utf8.isEmpty || line.utf8.first == 0x20
                || previous.utf8.isEmpty || previous.utf8.first == 0x20
            result += (result.utf8.isEmpty ? "" : isNew ? "\n" : " ") + line
            previous = line
        }
        return result
    }
}
