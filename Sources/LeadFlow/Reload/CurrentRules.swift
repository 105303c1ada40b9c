public import LeadKit
public import LeadRules
internal import Synchronization

/// The configuration in force.
///
/// `reload` compiles the folder aside and publishes it whole. A folder that is refused changes
/// nothing: the edition before stays in force, and what is wrong is kept beside it until a reading
/// succeeds.
public final class CurrentRules: Sendable {
    /// A configuration that was in force, or is.
    public struct Edition: Sendable {
        /// What to run on; never changes.
        public let configuration: Configuration
        /// Identifies what the rules and tables say.
        public var hash: String { configuration.ruleSet.hash }
        /// When it was published.
        public let since: Timestamp
        /// What is legal in it but surprising, and the lines that is about.
        public let findings: LoadResult
    }

    /// A reading that could not be used.
    public struct Refusal: Sendable {
        /// When the folder was first found broken in this way.
        public let since: Timestamp
        /// What is wrong, with places.
        public let findings: LoadResult
    }

    /// What a reading led to.
    public enum Outcome: Sendable {
        /// The folder says something else than before, or has other secrets: this is in force now.
        case published(Edition)
        /// The folder says what it said before: nothing was exchanged.
        case unchanged(Edition)
        /// The folder has errors: what was in force stays so.
        case refused(Refusal)
    }

    fileprivate struct State {
        var edition: Edition?
        var refusal: Refusal?
    }

    private let files: any ConfigurationFiles
    private let catalogue: PluginCatalogue
    private let state = Mutex(State())
    /// Held while a folder is read, so that no older reading replaces a newer one.
    private let reading = Mutex(())

    /// Rules of a folder that is not read yet.
    public init(files: any ConfigurationFiles, catalogue: PluginCatalogue) {
        self.files = files
        self.catalogue = catalogue
    }

    /// What is in force; nil until a reading succeeds. Never waits for a reading under way.
    public var edition: Edition? { state.withLock { $0.edition } }

    /// What is wrong with the folder as last read; nil when nothing is.
    public var refusal: Refusal? { state.withLock { $0.refusal } }

    /// Reads the folder and publishes what it says. Takes as long as compiling takes; call it where
    /// that may block.
    @discardableResult
    public func reload(at now: Timestamp) -> Outcome {
        reading.withLock { _ in take(read(), at: now) }
    }

    /// Reads the folder and publishes nothing. Takes as long as compiling takes.
    func read() -> LoadResult { ConfigurationLoader.load(files, catalogue: catalogue) }

    /// What a reading would change; nil when it is refused or says what is in force.
    func change(_ result: LoadResult) -> Configuration? {
        guard let configuration = result.configuration else { return nil }
        let known = edition?.configuration
        return known.map { configuration.isSame(as: $0) } ?? false ? nil : configuration
    }

    /// Publishes a reading.
    func take(_ result: LoadResult, at now: Timestamp) -> Outcome {
        state.withLock { $0.take(result, at: now) }
    }
}

extension CurrentRules.State {
    fileprivate mutating func take(
        _ result: LoadResult, at now: Timestamp
    ) -> CurrentRules.Outcome {
        guard let configuration = result.configuration else {
            let isKnown = refusal?.findings.diagnostics == result.diagnostics
            let refusal = CurrentRules.Refusal(
                since: isKnown ? refusal?.since ?? now : now, findings: result)
            self.refusal = refusal
            return .refused(refusal)
        }
        refusal = nil
        if let edition, configuration.isSame(as: edition.configuration) {
            return .unchanged(edition)
        }
        let edition = CurrentRules.Edition(
            configuration: configuration, since: now, findings: result)
        self.edition = edition
        return .published(edition)
    }
}
