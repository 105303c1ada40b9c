// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let grdbSQLite = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let subprocess: [Target.Dependency] = [
    .product(name: "Subprocess", package: "swift-subprocess"),
    .product(name: "SystemPackage", package: "swift-system"),
]

/// A plugin is a folder in `Plugins/`, one line in `plugins`, and one in `BundledPlugins.swift`.
func plugin(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(
        name: name, dependencies: ["LeadKit"] + dependencies, path: "Plugins/\(name)",
        swiftSettings: strict)
}

let plugins: [Target] = [
    plugin("FileSink", ["CFileCalls"]),
    plugin("HTTPSink", ["LeadCurl", crypto]),
    plugin("SMTPSink", ["LeadCurl"]),
    plugin("MetaSource", ["LeadCurl", crypto]),
    plugin("WebhookSource", [crypto]),
]

let systemLibraries: [Target] = [
    .systemLibrary(
        name: "CLibYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(
        name: "CLibCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CLibCSV", providers: [.apt(["libcsv-dev"])]),
    .systemLibrary(name: "CFileCalls"),
    .systemLibrary(name: "CMalloc"),
    .systemLibrary(name: "CSQLiteSettings", providers: [.apt(["libsqlite3-dev"])]),
    .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
    .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
]

let modules: [Target] = [
    .target(
        name: "LeadKit", dependencies: ["CSimdJSON", crypto, logging], swiftSettings: strict),
    .target(name: "LeadYAML", dependencies: ["LeadKit", "CLibYAML"], swiftSettings: strict),
    .target(name: "LeadCurl", dependencies: ["CLibCurl"], swiftSettings: strict),
    .target(
        name: "LeadRules",
        dependencies: ["LeadKit", "LeadYAML", "CLibCSV", "CRE2", crypto, mustache],
        swiftSettings: strict),
    .target(
        name: "LeadStore", dependencies: ["LeadKit", "CSQLiteSettings", crypto, grdb, grdbSQLite],
        swiftSettings: strict),
    .target(name: "LeadMemory", dependencies: ["LeadKit", "LeadStore"], swiftSettings: strict),
    .target(
        name: "LeadFlow",
        dependencies: ["LeadKit", "LeadRules", "LeadStore", collections, crypto, logging],
        swiftSettings: strict),
    .target(
        name: "LeadServer",
        dependencies: [
            "LeadKit", hummingbird, hummingbirdCore, httpTypes, lifecycle, logging, nioCore,
            nioHTTP1, nioHTTPTypes,
        ],
        swiftSettings: strict),
    .target(
        name: "LeadTesting",
        dependencies: [
            "LeadKit", "LeadStore", crypto, hummingbird, lifecycle, logging, nioCore, nioPosix,
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "leadrouter",
        dependencies: [
            "LeadKit", "LeadYAML", "LeadRules", "LeadStore", "LeadFlow", "LeadServer",
            "LeadTesting", "LeadCurl", "CLibCSV", "CMalloc", argumentParser, crypto, logging,
            lifecycle,
        ] + plugins.map { .byName(name: $0.name) },
        swiftSettings: strict),
]

let tests: [Target] = [
    .testTarget(
        name: "LeadRouterTests", dependencies: ["leadrouter", "LeadKit", "LeadRules"],
        swiftSettings: strict),
    .testTarget(
        name: "LeadServerTests",
        dependencies: ["LeadServer", "LeadCurl", "LeadKit", "LeadTesting", lifecycle, logging],
        swiftSettings: strict),
    .testTarget(
        name: "PluginTests",
        dependencies: ["LeadKit", "LeadRules", "LeadTesting", "LeadYAML"]
            + plugins.map { .byName(name: $0.name) }, swiftSettings: strict),
    .testTarget(
        name: "LeadFlowTests",
        dependencies: [
            "LeadFlow", "LeadKit", "LeadMemory", "LeadRules", "LeadStore", "LeadTesting", grdb,
            logging,
        ],
        swiftSettings: strict),
    .executableTarget(
        name: "lead-simulation",
        dependencies: [
            "LeadFlow", "LeadKit", "LeadMemory", "LeadRules", "LeadStore", argumentParser, logging,
        ],
        path: "Tests/Simulation", swiftSettings: strict),
    .testTarget(
        name: "LeadStoreTests", dependencies: ["LeadStore", "LeadTesting", "LeadKit", grdb],
        swiftSettings: strict),
    .testTarget(
        name: "LeadTestingTests",
        dependencies: ["LeadTesting", "LeadKit", "LeadMemory", "LeadStore", logging] + subprocess,
        swiftSettings: strict),
    .target(
        name: "SinkTesting", dependencies: ["LeadKit"] + subprocess, path: "Tests/Servers",
        exclude: ["parent.py", "http_server.py", "smtp_server.py"], swiftSettings: strict),
    .testTarget(
        name: "LeadCurlTests", dependencies: ["LeadCurl", "LeadKit", "SinkTesting"],
        swiftSettings: strict),
    .testTarget(
        name: "HTTPSinkTests",
        dependencies: ["HTTPSink", "LeadKit", "SinkTesting", logging],
        swiftSettings: strict),
    .testTarget(
        name: "SMTPSinkTests",
        dependencies: ["SMTPSink", "LeadKit", "SinkTesting", logging],
        swiftSettings: strict),
    .testTarget(
        name: "FileSinkTests", dependencies: ["FileSink", "LeadKit", "SinkTesting", logging],
        swiftSettings: strict),
    .target(
        name: "SourceTesting", dependencies: ["LeadKit", logging], path: "Tests/SourceTesting",
        swiftSettings: strict),
    .testTarget(
        name: "MetaSourceTests",
        dependencies: ["MetaSource", "LeadKit", "LeadTesting", "SourceTesting", logging],
        swiftSettings: strict),
    .testTarget(
        name: "WebhookSourceTests",
        dependencies: ["WebhookSource", "LeadKit", "LeadTesting", "SourceTesting", logging],
        swiftSettings: strict),
    .testTarget(
        name: "LeadKitTests", dependencies: ["LeadKit", "LeadTesting"], swiftSettings: strict),
    .testTarget(
        name: "LeadYAMLTests", dependencies: ["LeadYAML", "LeadKit", "LeadTesting"],
        swiftSettings: strict),
    .testTarget(
        name: "LeadRulesTests", dependencies: ["LeadRules", "LeadKit", "LeadTesting"],
        swiftSettings: strict),
]

let package = Package(
    name: "leadrouter",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "leadrouter", targets: ["leadrouter"]),
        .library(name: "LeadKit", targets: ["LeadKit"]),
        .library(name: "LeadTesting", targets: ["LeadTesting"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(
            url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: systemLibraries + modules + plugins + tests,
    swiftLanguageModes: [.v6],
    cxxLanguageStandard: .cxx17
)
