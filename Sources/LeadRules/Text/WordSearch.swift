/// Looks for a word in bytes, in time that grows with their number alone: whoever sends what is
/// looked through must not be able to make it slow.
///
/// This is the search of Knuth, Morris and Pratt. Behind bytes that agree with the begin of the word
/// and one that does not, it goes on with the longest begin that is an end of what agreed; no byte
/// of the text is read again.
struct WordSearch: Sendable {
    private let word: [UInt8]
    /// By count of bytes that agree: how many still do when the next does not.
    private let fallbacks: [Int]

    /// The word must not be empty.
    init(_ word: [UInt8]) {
        self.word = word
        var fallbacks = [0, 0]
        var count = 0
        for byte in word.dropFirst() {
            while count > 0, word[count] != byte { count = fallbacks[count] }
            if word[count] == byte { count += 1 }
            fallbacks.append(count)
        }
        self.fallbacks = fallbacks
    }

    /// Whether the word is somewhere with neither a letter, a digit, nor what stands inside
    /// addresses and numbers beside it.
    func isAlone(in text: [UInt8]) -> Bool {
        text.withUnsafeBufferPointer { text in
            var count = 0
            for index in text.indices {
                let byte = text[index]
                while count > 0, word[count] != byte { count = fallbacks[count] }
                if word[count] == byte { count += 1 }
                guard count == word.count else { continue }
                let end = index + 1
                let isOpen = end > count && WordSearch.joins(text[end - count - 1])
                if !isOpen, WordSearch.isClosed(text, at: end) { return true }
                count = fallbacks[count]
            }
            return false
        }
    }

    /// Whether nothing goes on there. A dot behind which nothing goes on ends a sentence.
    private static func isClosed(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
        guard index < text.count, joins(text[index]) else { return true }
        return text[index] == 0x2E && (index + 1 == text.count || !joins(text[index + 1]))
    }

    private static func joins(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
        case 0x2B, 0x2D, 0x2E, 0x40, 0x5F: true
        default: false
        }
    }
}
