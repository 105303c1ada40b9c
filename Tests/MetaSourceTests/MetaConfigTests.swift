import LeadKit
import LeadTesting
import SourceTesting
import Testing

@testable import MetaSource

@Suite struct MetaConfigTests {
    private func made(_ settings: SettingLiteral) -> (config: MetaConfig?, codes: [String]) {
        var problems = SettingProblems()
        let config = MetaConfig.decode(settings.node, problems: &problems)
        // The secrets of these tests are made up.
        let codes = problems.diagnostics.map(\.code).filter { $0 != "plain-secret" }
        return (config, codes)
    }

    @Test func `all settings are read`() throws {
        let (config, codes) = made([
            "verify_token": "v", "app_secret": ["new", "old"], "graph_version": "v26.0",
            "graph_url": "http://127.0.0.1:8099", "pages": ["106": ["access_token": "T"]],
            "default_access_token": "D", "forms": ["555"], "fields": ["id", "field_data"],
            "appsecret_proof": "false", "catch_up": ["every": "5m", "overlap": "1m"],
        ])
        let read = try #require(config)
        #expect(codes.isEmpty)
        #expect(read.appSecrets.map(\.revealed) == ["new", "old"])
        #expect(read.token(page: "106")?.revealed == "T")
        #expect(read.token(page: "107")?.revealed == "D")
        #expect(read.token(page: nil)?.revealed == "D")
        #expect(!read.appsecretProof)
        #expect(read.catchUp?.every == .seconds(300))
        #expect(read.catchUp?.overlap == .seconds(60))
    }

    @Test func `without a token there is a warning`() {
        let (config, codes) = made(["verify_token": "v", "app_secret": "s"])
        #expect(config != nil)
        #expect(codes == ["no-access-token"])
    }

    @Test(
        arguments: [
            ["app_secret": "s"], ["verify_token": "v"], ["verify_token": "v", "app_secret": ""],
            ["verify_token": "", "app_secret": "s"], ["verify_token": "v", "app_secret": []],
            ["verify_token": "v", "app_secret": ["s", " "]],
            ["verify_token": "v", "app_secret": ["a", "b", "c"]],
            ["verify_token": "v", "app_secret": "s", "graph_url": "http://graph.facebook.com"],
            ["verify_token": "v", "app_secret": "s", "graph_url": "https://"],
            ["verify_token": "v", "app_secret": "s", "graph_url": "https://a@graph.facebook.com"],
            ["verify_token": "v", "app_secret": "s", "graph_url": "http://127.0.0.1.evil.example"],
            [
                "verify_token": "v", "app_secret": "s",
                "graph_url": "http://127.0.0.1\\@evil.example",
            ],
            ["verify_token": "v", "app_secret": "s", "graph_url": "ftp://127.0.0.1"],
            ["verify_token": "v", "app_secret": "s", "graph_url": "https://g.example/?x"],
            ["verify_token": "v", "app_secret": "s", "graph_version": "21"],
            ["verify_token": "v", "app_secret": "s", "graph_version": "v21/x"],
            ["verify_token": "v", "app_secret": "s", "pages": ["me": ["access_token": "T"]]],
            [
                "verify_token": "v", "app_secret": "s",
                "pages": ["106": ["access_token": "T\nX: y"]],
            ],
            ["verify_token": "v", "app_secret": "s", "pages": ["106": ["token": "T"]]],
            ["verify_token": "v", "app_secret": "s", "default_access_token": "a b"],
            ["verify_token": "v", "app_secret": "s", "forms": ["../me"]],
            ["verify_token": "v", "app_secret": "s", "fields": ["a&b"]],
            ["verify_token": "v", "app_secret": "s", "graph_ulr": "https://graph.facebook.com"],
        ] as [SettingLiteral])
    func `what cannot work is refused`(settings: SettingLiteral) {
        let (config, codes) = made(settings)
        #expect(config == nil)
        #expect(!codes.isEmpty)
    }

    @Test func `an empty secret does not start`() {
        for secrets in [[], [Secret("")], [Secret(" ")], [Secret("s"), Secret("")]] {
            #expect(throws: MetaConfigError.self) {
                try Meta.source(Meta.config { $0.appSecrets = secrets })
            }
        }
        for tokens in [[], [""], ["t", ""], ["a", "b", "c"]] {
            #expect(throws: MetaConfigError.self) {
                try Meta.source(Meta.config { $0.verifyTokens = tokens.map { Secret($0) } })
            }
        }
    }

    @Test func `messages hold no secret`() {
        var problems = SettingProblems()
        let settings: SettingLiteral = [
            "verify_token": "VERIFY-ME", "app_secret": ["SECRET-A", "SECRET-B", "SECRET-C"],
            "pages": ["106": ["access_token": "PAGE TOKEN"]],
        ]
        _ = MetaConfig.decode(settings.node, problems: &problems)
        let text = "\(problems.diagnostics)"
        #expect(!text.isEmpty)
        for secret in ["VERIFY-ME", "SECRET-A", "SECRET-B", "SECRET-C", "PAGE TOKEN"] {
            #expect(!ByteSearch.contains(text, secret))
        }
    }

    @Test func `every setting has its sentence`() {
        for setting in MetaConfig.settings.map(\.info) + MetaPage.settings.map(\.info)
            + MetaCatchUp.settings.map(\.info)
        {
            #expect(setting.summary.utf8.last == UInt8(ascii: "."))
        }
        #expect(
            MetaConfig.settings.filter(\.info.isSecret).map(\.info.name) == [
                "verify_token", "app_secret", "default_access_token",
            ])
    }
}
