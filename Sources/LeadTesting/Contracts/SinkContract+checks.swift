internal import LeadKit

extension SinkTrial {
    /// The rules, in the order they are tried; secrets come last, when all texts are there.
    static var checks: [ContractCheck<SinkTrial<S>>] {
        [
            .init("the settings decode") { try $0.settingsDecode() },
            .init("an unknown setting is placed") { try $0.unknownSettingIsPlaced() },
            .init("every setting has its sentence") { try $0.settingsAreDescribed() },
            .init("settings are required as documented") { try $0.settingsAreRequired() },
            .init("a receipt is not empty") { try await $0.receiptSaysSomething() },
            .init("a destination is one short line, always the same") {
                try await $0.destinationIsStable()
            },
            .init("the same key twice is safe") { try await $0.sameKeyTwice() },
            .init("a cancelled delivery returns within a second") { try await $0.cancel() },
            .init("fifty at once arrive") { try await $0.fiftyAtOnce() },
            .init("each fault has its verdict") { try await $0.faults() },
            .init("close may come twice") { try await $0.closeTwice() },
            .init("no text holds a secret") { try $0.noSecrets() },
        ]
    }

    private func settingsDecode() throws {
        let (blueprint, problems) = decode(contract.settings)
        try require(blueprint != nil, "refused: \(problems.map(\.message))")
        // The secrets of a test are made up, and stand there in plain text.
        let findings = problems.filter { $0.code != "plain-secret" }
        try require(findings.isEmpty, "findings: \(findings.map(\.message))")
        let isNamed = ByteSearch.contains(plugin.info.example, S.name)
        try require(isNamed, "the example does not name the plugin")
    }

    private func unknownSettingIsPlaced() throws {
        let place = Position(file: "settings", line: 99, column: 7)
        var entries = contract.settings.entries ?? []
        entries.append(
            (SettingNode(.text("zz_unknown"), at: place), SettingNode(.text("x"), at: place)))
        let node = SettingNode(.map(entries), at: contract.settings.position)
        let (blueprint, problems) = decode(node)
        try require(blueprint == nil, "it was accepted")
        try require(
            problems.contains { $0.code == "unknown-setting" && $0.position == place },
            "no finding at its place")
    }

    private func settingsAreDescribed() throws {
        try require(!plugin.info.summary.trimmed.isEmpty, "the plugin has no summary")
        var names: Set<String> = []
        for setting in plugin.info.settings {
            try require(!setting.summary.trimmed.isEmpty, "'\(setting.name)' has no sentence")
            try require(names.insert(setting.name).inserted, "'\(setting.name)' stands twice")
            let isSnake = setting.name.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
            }
            try require(isSnake, "'\(setting.name)' is not snake_case")
        }
    }

    private func settingsAreRequired() throws {
        for setting in plugin.info.settings {
            let rest = (contract.settings.entries ?? []).filter { $0.name.text != setting.name }
            let (_, problems) = decode(SettingNode(.map(rest), at: contract.settings.position))
            let isMissed = problems.contains {
                $0.code == "missing-setting" && ByteSearch.contains($0.message, "'\(setting.name)'")
            }
            let what = setting.isRequired ? "not missed" : "missed though optional"
            try require(isMissed == setting.isRequired, "'\(setting.name)' is \(what)")
        }
    }

    private func receiptSaysSomething() async throws {
        try await withSink { sink, blueprint in
            let receipt = try await self.receipt(0, to: sink, blueprint)
            try require(!receipt.text.trimmed.isEmpty, "it is blank")
        }
    }

    private func destinationIsStable() async throws {
        try await withSink { sink, blueprint in
            let delivery = self.contract.makeDelivery(0, blueprint)
            let name = sink.destination(of: delivery)
            self.keep(name)
            try require(!name.trimmed.isEmpty, "it is blank")
            try require(name.utf8.count <= 200, "it has \(name.utf8.count) bytes")
            try require(
                name.utf8.elementsEqual(Template.Place.oneLine(name).utf8), "it has control marks")
            var later = delivery
            later.attempt = 7
            try require(
                sink.destination(of: later).utf8.elementsEqual(name.utf8),
                "another attempt has another one")
        }
    }

    private func sameKeyTwice() async throws {
        try await withSink { sink, blueprint in
            _ = try await self.receipt(1, to: sink, blueprint)
            _ = try await self.receipt(1, attempt: 2, to: sink, blueprint)
        }
        // The answer may be lost with the process: a new instance gets the same key.
        try await withSink { sink, blueprint in
            _ = try await self.receipt(1, attempt: 3, to: sink, blueprint)
        }
    }

    private func cancel() async throws {
        try await withSink { sink, blueprint in
            await self.contract.stall?.begin()
            // Cancelled below; left behind if it does not end, so that the check itself does.
            let attempt = Task { _ = await self.deliver(2, to: sink, blueprint) }
            await self.contract.stall?.reached()
            attempt.cancel()
            // A second, and nine for a machine that has much else to do.
            let ended = await Waiting.ends(attempt, within: .seconds(10))
            await self.contract.stall?.end()
            try require(ended, "it did not return")
            _ = try await self.receipt(3, to: sink, blueprint)
        }
    }

    private func fiftyAtOnce() async throws {
        try await withSink { sink, blueprint in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 100..<150 {
                    group.addTask { _ = try await self.receipt(number, to: sink, blueprint) }
                }
                try await group.waitForAll()
            }
        }
    }

    private func faults() async throws {
        for (index, fault) in contract.faults.enumerated() {
            try await withSink { sink, blueprint in
                try await fault.arrange()
                let result = await self.deliver(200 + index, to: sink, blueprint)
                guard case .failure(let failure) = result else {
                    throw RuleBroken(description: "\(fault.name): a receipt came")
                }
                try requireEqual(SinkTrial.kind(failure.verdict), fault.verdict, fault.name)
                try require(!failure.reason.trimmed.isEmpty, "\(fault.name): no reason")
            }
        }
    }

    private static func kind(_ verdict: DeliveryFailure.Verdict) -> SinkContract<S>.Fault.Verdict {
        switch verdict {
        case .retry: .retry
        case .reject: .reject
        case .halt: .halt
        }
    }

    private func closeTwice() async throws {
        try await withSink { sink, blueprint in
            _ = try await self.receipt(4, to: sink, blueprint)
            await sink.close()
            await sink.close()
        }
    }

    private func noSecrets() throws {
        for secret in contract.secrets {
            precondition(secret.utf8.count >= 4, "a secret of a contract has at least 4 bytes")
            let isShown = keptTexts.contains { ByteSearch.contains($0, secret) }
            // The secret itself stays out of this text, too.
            try require(!isShown, "a receipt, a reason, a finding or a log line shows one")
        }
    }
}
