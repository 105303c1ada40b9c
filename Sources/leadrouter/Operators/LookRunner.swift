import ArgumentParser
import LeadKit
import LeadRules
import LeadServer
import LeadStore

/// Where a command looks at the ledger: it asks the running service, or opens the file itself.
struct LookRunner {
    enum Place {
        /// One that has said which store it has.
        case service(RunningService)
        case store(SQLiteStore, LedgerLooks)
    }

    let place: Place

    /// An answer; prints what went wrong, and throws the exit code.
    func get(_ look: Look, _ parameters: [Parameter] = []) async throws -> JSONValue {
        let answer = try await answer(look, parameters)
        let before = parameters.last { $0.name == "before" }.flatMap { Int64($0.value) }
        try look.shape.check(answer, before: before)
        return answer
    }

    private func answer(_ look: Look, _ parameters: [Parameter]) async throws -> JSONValue {
        switch place {
        case .service(let service):
            let query = parameters.map { name, value in
                name + "=" + Template.Place.percentEncoded(value)
            }
            let path = look.path + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
            return try OrderRunner.root(
                of: try await service.telling { () async throws(ServiceTrouble) in
                    try await service.ask("GET", path, timeout: look.timeout)
                })
        case .store(_, let looks):
            return try OrderRunner.root(of: await looks.answer(look, parameters))
        }
    }

    /// A step of a search from a row on; see `LeadSearch`.
    func search(_ body: [UInt8], before: Int64?) async throws -> JSONValue {
        let answer = try await searched(body)
        try AnswerShape.search.check(answer, before: before)
        return answer
    }

    private func searched(_ body: [UInt8]) async throws -> JSONValue {
        switch place {
        case .service(let service):
            try OrderRunner.root(
                of: try await service.telling { () async throws(ServiceTrouble) in
                    try await service.ask(
                        "POST", "leads/search", body, timeout: RunningService.lookTimeout)
                })
        case .store(_, let looks): try OrderRunner.root(of: await looks.search(body))
        }
    }
}

extension ServiceOption {
    /// Looks at the ledger.
    ///
    /// A service that is named is asked, and nothing else. One that only has the store's lock is asked,
    /// too; when it cannot be, who may read the file may look there all the same, and is told that
    /// this is what happens. Without a service the file is read.
    func look<T>(_ body: (LookRunner) async throws -> T) async throws -> T {
        if let service = try await asked() {
            return try await body(LookRunner(place: .service(service)))
        }
        let known = store.knownSinks()
        return try await store.look { store in
            let looks = LedgerLooks(
                store: store, sinks: SinkOrders(.store(known), store: store))
            return try await body(LookRunner(place: .store(store, looks)))
        }
    }

    /// The service that is to be asked; nil when the file is to be read.
    private func asked() async throws -> RunningService? {
        guard service == nil else {
            let service = try owner()
            try await service.telling { () async throws(ServiceTrouble) in
                try await service.identify(within: RunningService.identityTimeout)
            }
            return service
        }
        let path = try store.path()
        let presence = SQLiteStore.presence(of: path)
        guard SQLiteStore.isOwned(path: path) || presence == .denied else { return nil }
        if presence == .readable, store.store != nil, store.config.loadResult().operations == nil {
            // Only the file was named, and where its service listens is not to be known.
            return nil
        }
        let service = try owner()
        do throws(ServiceTrouble) {
            try await service.identify(within: RunningService.aliveTimeout)
            return service
        } catch {
            guard presence == .readable else {
                error.tell()
                if presence == .denied { StoreOption.tellDenied(path) }
                throw ExitCode.unavailable
            }
            Console.error("warning: \(error.shownSentence)")
            if let help = error.help { Console.error("help: \(Console.shown(help))") }
            Console.error("what follows is read from the file '\(path)' instead")
            return nil
        }
    }
}
