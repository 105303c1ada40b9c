/// Why a store takes no lead in, as one of few words: for a label or for whoever may see no more.
public enum StoreTrouble: String, Sendable, CaseIterable {
    /// Its disk has no room for more leads.
    case diskFull = "disk-full"
    /// Another program holds its file, its disk does not end a write, or more writes wait than it takes:
    /// over soon as a rule.
    case storeBusy = "store-busy"
    /// It cannot be used, or can no longer write.
    case storeFailed = "store-failed"

    /// The word for an error.
    public init(_ error: StoreError) {
        switch error {
        case .full: self = .diskFull
        case .overloaded, .locked, .isHeld, .isStalled: self = .storeBusy
        case .unusable, .failed: self = .storeFailed
        }
    }
}
