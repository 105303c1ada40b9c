internal import LeadKit

/// Masks a sink's own secrets in what its server said, before that is kept: a server that repeats
/// the request in its answer would have them stored, backed up and shown.
///
/// They are looked for as bytes: as they are, as JSON escapes them, and as an address does. An
/// answer is cut at its most bytes, so at its end the beginning of a secret counts, too. Secrets of
/// less than four bytes are left: they would be found in anything.
struct SecretMask: Sendable {
    /// The shortest secret, and the shortest beginning of one, that is looked for.
    static let bytesMin = 4
    /// The most bytes of a text with masks.
    static let textBytesMax = 600

    /// The longest first: one may be a part of another.
    private let forms: [[UInt8]]
    /// What stands behind a text that was cut.
    private static let cut = Array("…".utf8)
    private static let mask = Array(Secret.mask.utf8)

    init(_ secrets: [Secret]) {
        var forms: Set<[UInt8]> = []
        for secret in secrets {
            // As an answer is kept: of one line, without blanks at its ends.
            let line = Template.Place.oneLine(secret.revealed).trimmed
            for form in [
                line, Template.Place.json.escape(line), Template.Place.percentEncoded(line),
            ] where form.utf8.count >= SecretMask.bytesMin {
                forms.insert(Array(form.utf8))
            }
        }
        self.forms = forms.sorted { $0.count > $1.count }
    }

    func masked(_ text: String) -> String {
        guard !forms.isEmpty, !text.utf8.isEmpty else { return text }
        var bytes = Array(text.utf8)
        var isChanged = false
        for form in forms {
            while let place = bytes.firstRange(of: form) {
                bytes.replaceSubrange(place, with: SecretMask.mask)
                isChanged = true
            }
        }
        let isCut = bytes.suffix(SecretMask.cut.count).elementsEqual(SecretMask.cut)
        let end = bytes.count - (isCut ? SecretMask.cut.count : 0)
        if let begin = beginning(in: bytes[..<end]) {
            bytes.replaceSubrange((end - begin)..<end, with: SecretMask.mask)
            isChanged = true
        }
        return isChanged
            ? String(decoding: bytes.prefix(SecretMask.textBytesMax), as: UTF8.self) : text
    }

    /// How many bytes at the end are the beginning of a secret.
    private func beginning(in bytes: ArraySlice<UInt8>) -> Int? {
        forms.lazy.compactMap { form in
            (SecretMask.bytesMin..<max(form.count, SecretMask.bytesMin)).reversed().first {
                bytes.count >= $0 && bytes.suffix($0).elementsEqual(form.prefix($0))
            }
        }.max()
    }
}

extension SecretMask {
    /// The same of an attempt's end.
    func masked(
        _ result: Result<Receipt, DeliveryFailure>?
    ) -> Result<Receipt, DeliveryFailure>? {
        guard !forms.isEmpty else { return result }
        switch result {
        case .success(let receipt):
            return .success(
                Receipt(
                    masked(receipt.text), to: masked(receipt.recipient),
                    answer: masked(receipt.answer)))
        case .failure(let failure):
            return .failure(
                DeliveryFailure(
                    failure.verdict, masked(failure.reason), isAmbiguous: failure.isAmbiguous,
                    isOfThisLead: failure.isOfThisLead, to: masked(failure.recipient),
                    answer: masked(failure.answer)))
        case nil: return nil
        }
    }
}
