// swift-tools-version:6.2
import PackageDescription

/// Swift 6 mode comes with the tools version; these are the upcoming features that the code base keeps to.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

// Who depends on the library alone gets the library alone: the packages that only the service and the tool need belong to
// the trait Service, those of MartletHummingbird to the trait Hummingbird, and neither is enabled by default. The project's
// own builds name it: swift build --traits Service (as `make` does).
let package = Package(
    name: "martlet",
    products: [
        .library(name: "MartletWebSocket", targets: ["MartletWebSocket"]),
        .library(name: "MartletTesting", targets: ["MartletTesting"]),
        .library(name: "MartletPush", targets: ["MartletPush"]),
        .library(name: "MartletHummingbird", targets: ["MartletHummingbird"]),
        .library(name: "MartletProxy", targets: ["MartletProxy"]),
        .library(name: "MartletServer", targets: ["MartletServer"]),
        .executable(name: "martlet", targets: ["martlet"]),
    ],
    traits: [
        .trait(name: "Hummingbird", description: "WebSockets in a Hummingbird application: MartletHummingbird"),
        .trait(
            name: "Service",
            description: "The push service, the proxy and the command-line tool: MartletServer, MartletProxy, martlet",
            enabledTraits: ["Hummingbird"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    // Arrows point down only: a module depends on modules that stand above it in this list, never below.
    targets: [
        .systemLibrary(name: "CMartletEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
        .systemLibrary(name: "CMartletZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CMartletSystem"),
        module("MartletProtocol", ["CMartletZlib", .nioCore, .httpTypes, .crypto]),
        module("MartletConfiguration", [.nioCore, .yams]),
        module(
            "MartletHTTP",
            ["MartletProtocol", .nioCore, .nioPosix, .nioHTTP1, .httpTypes, .nioHTTPTypesHTTP1, .collections]),
        module(
            "MartletWebSocket",
            [
                "CMartletSystem", "MartletProtocol", "MartletHTTP", .nioCore, .nioPosix, .nioHTTP1, .nioExtras,
                .nioHTTPTypes, .nioHTTPTypesHTTP1, .nioSOCKS, .nioSSL, .nioTLS, .metrics, .tracing,
                .httpTypes, .collections, .logging, .lifecycle,
            ]),
        module("MartletTesting", ["MartletProtocol", "MartletWebSocket", .nioCore, .nioEmbedded, .collections]),
        module(
            "MartletHummingbird",
            [
                "MartletHTTP", "MartletWebSocket", .hummingbird, .hummingbirdCore, .nioCore, .nioPosix, .nioHTTP1,
                .nioHTTP2, .nioSSL, .nioHTTPTypes, .nioHTTPTypesHTTP1, .nioHTTPTypesHTTP2,
                .httpTypes,
                .logging,
            ]),
        module(
            "MartletPush",
            ["MartletProtocol", "MartletHTTP", "MartletWebSocket", .nioCore, .httpTypes, .collections, .logging]),
        module(
            "MartletService",
            [
                "CMartletSystem", "MartletConfiguration", "MartletHTTP", "MartletWebSocket", .coreMetrics, .signals,
                .hummingbird,
                .nioCore, .nioHTTP1, .httpTypes, .logging,
            ]),
        module(
            "MartletAuth",
            [
                "MartletConfiguration", "MartletHTTP", "MartletWebSocket", "MartletPush", "MartletService", .jwtKit,
                .asyncHTTPClient, .collections, .nioCore, .nioPosix, .nioHTTP1, .nioSSL, .httpTypes, .logging,
            ]),
        module(
            "MartletProxy",
            [
                "CMartletSystem", "MartletConfiguration", "MartletProtocol", "MartletHTTP", "MartletWebSocket",
                "MartletService", "MartletAuth", "MartletPush", .hummingbird, .hummingbirdCore, .nioCore, .nioPosix,
                .nioHTTP1, .nioTLS, .nioHPACK, .nioHTTP2, .nioSSL, .nioHTTPTypesHTTP1, .httpTypes, .logging,
                .metrics, .lifecycle,
            ]),
        module(
            "MartletServer",
            [
                "CMartletSystem", "MartletConfiguration", "MartletProtocol", "MartletHTTP", "MartletPush",
                "MartletHummingbird", "MartletWebSocket", "MartletService", "MartletAuth", .hummingbird,
                .hummingbirdCore, .collections, .crypto,
                .nioCore, .nioSSL, .nioPosix, .nioHTTP1, .httpTypes, .logging, .lifecycle,
            ],
            exclude: [
                "Script/martlet.source.mjs", "Script/Package/martlet.cjs", "Script/Package/martlet.d.mts",
                "Script/Package/package.json", "Script/Package/README.md", "Script/Package/LICENSE",
            ],
            resources: [
                .embedInCode("Console/Page"), .embedInCode("Script/Package/martlet.js"),
                .embedInCode("Script/Package/martlet.mjs"), .embedInCode("Script/Package/martlet.d.ts"),
            ]),
        program(
            "martlet", "Sources/martlet",
            [
                "CMartletEdit", "MartletServer", "MartletService", "MartletPush", "MartletProxy", "MartletHTTP",
                "MartletWebSocket",
                .httpTypes, .nioCore, .argumentParser, .logging, .lifecycle, .signals,
            ]),

        // Small programs that the documentation quotes.
        example(
            "Snippets",
            [
                "MartletHummingbird", "MartletTesting", "MartletWebSocket", .hummingbird, .hummingbirdCore, .nioCore,
                .nioSSL,
            ]),
        example("EchoServer", ["MartletWebSocket"]),
        example("FeedClient", ["MartletWebSocket", .logging]),
        example("QueuedConnection", ["MartletWebSocket"]),
        example("Heartbeat", ["MartletWebSocket"]),
        example("OriginCheck", ["MartletWebSocket", .httpTypes]),
        example("PushService", ["MartletPush", "MartletServer", .httpTypes]),
        example("HummingbirdPush", ["MartletHummingbird", "MartletPush", "MartletWebSocket", .hummingbird, .nioPosix]),
        example("TimeClient", ["MartletWebSocket", .nioCore, .signals]),

        // Programs that tests of the real binary need.
        helper("AutobahnClient", ["MartletWebSocket", .nioCore, .nioPosix]),
        helper("AsyncServer", ["MartletWebSocket", .logging, .nioCore]),
        helper("StreamClient", ["MartletWebSocket", .nioCore]),
        helper("EchoClient", ["MartletWebSocket", .logging, .nioCore, .nioSSL]),

        // What several test targets share, and one test target for each module.
        .target(
            name: "TestSupport", dependencies: [.nioSSL, .x509, .asn1, .crypto, .nioHTTP1, .nioCore],
            path: "Tests/Support", swiftSettings: settings),
        tests("MartletProtocol", [.nioCore, .httpTypes]),
        tests("MartletConfiguration", [.nioCore]),
        tests("MartletHTTP", ["MartletProtocol", "TestSupport", .nioCore, .nioEmbedded, .nioHTTP1, .httpTypes]),
        tests(
            "MartletWebSocket",
            [
                "MartletHTTP", "MartletTesting", "TestSupport", .nioCore, .nioPosix, .nioEmbedded, .nioHTTP1, .nioSOCKS,
                .nioSSL,
                .metrics,
                .metricsTestKit, .tracing, .inMemoryTracing, .httpTypes, .logging, .lifecycle,
            ]),
        tests("MartletTesting", ["MartletProtocol", "MartletWebSocket", .nioCore]),
        tests(
            "MartletHummingbird",
            [
                "MartletWebSocket", "TestSupport", .hummingbird, .hummingbirdCore, .hummingbirdTLS, .nioHTTP2,
                .nioHPACK,
                .nioPosix, .nioSSL, .httpTypes, .logging, .nioCore, .lifecycle,
            ]),
        tests("MartletPush", ["MartletWebSocket", .nioCore, .nioPosix, .nioEmbedded]),
        tests("MartletService", ["MartletWebSocket", .coreMetrics, .logging]),
        tests("MartletAuth", ["MartletPush", "MartletService", .nioCore, .nioHTTP1, .nioSSL, .httpTypes, .logging]),
        tests(
            "MartletProxy",
            [
                "MartletProtocol", "MartletHTTP", "MartletWebSocket", .nioCore, .nioEmbedded, .nioHTTP1, .nioHTTP2,
                .nioHPACK, .httpTypes, .logging,
            ]),
        tests(
            "MartletServer",
            [
                "MartletConfiguration", "MartletPush", "MartletWebSocket", .nioCore, .nioEmbedded, .nioHTTP1, .logging,
                .httpTypes,
            ]),
        tests(
            "martlet",
            [
                "MartletConfiguration", "MartletHTTP", "MartletServer", "MartletWebSocket", .nioCore, .httpTypes,
                .argumentParser,
            ]),

        // What strangers send: corpora as tests, and the targets of the fuzzer (scripts/fuzz.sh).
        .testTarget(
            name: "FuzzTests",
            dependencies: [
                "MartletConfiguration", "MartletHTTP", "MartletProtocol", "MartletProxy", "MartletPush",
                "MartletService",
                "MartletWebSocket", .nioCore, .nioEmbedded, .nioHTTP1, .nioHTTPTypesHTTP1, .httpTypes, .logging,
            ], path: "Fuzz", exclude: ["Corpora"], swiftSettings: settings),
    ]
)

func module(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource]? = nil
) -> Target {
    .target(name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: settings)
}

func program(_ name: String, _ path: String, _ dependencies: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func example(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    program(name, "Examples/\(name)", dependencies)
}

func helper(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    program(name, "Tests/EndToEnd/\(name)", dependencies)
}

/// The tests of a module, in `Tests/<module>Tests`.
func tests(_ module: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(
        name: "\(module)Tests", dependencies: [.target(name: module)] + dependencies, swiftSettings: settings)
}

/// Products of other packages.
extension Target.Dependency {
    static var nioCore: Self { .product(name: "NIOCore", package: "swift-nio") }
    static var nioPosix: Self { .product(name: "NIOPosix", package: "swift-nio") }
    static var nioHTTP1: Self { .product(name: "NIOHTTP1", package: "swift-nio") }
    static var nioEmbedded: Self { .product(name: "NIOEmbedded", package: "swift-nio") }
    static var nioTLS: Self { .product(name: "NIOTLS", package: "swift-nio") }
    static var nioExtras: Self { .product(name: "NIOExtras", package: "swift-nio-extras") }
    static var nioSOCKS: Self { .product(name: "NIOSOCKS", package: "swift-nio-extras") }
    static var nioHTTPTypes: Self { .product(name: "NIOHTTPTypes", package: "swift-nio-extras") }
    static var nioHTTPTypesHTTP1: Self { .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras") }
    static var nioSSL: Self { .product(name: "NIOSSL", package: "swift-nio-ssl") }
    static var metrics: Self { .product(name: "Metrics", package: "swift-metrics") }
    static var metricsTestKit: Self { .product(name: "MetricsTestKit", package: "swift-metrics") }
    static var tracing: Self { .product(name: "Tracing", package: "swift-distributed-tracing") }
    static var inMemoryTracing: Self { .product(name: "InMemoryTracing", package: "swift-distributed-tracing") }
    static var httpTypes: Self { .product(name: "HTTPTypes", package: "swift-http-types") }
    static var crypto: Self { .product(name: "Crypto", package: "swift-crypto") }
    static var collections: Self { .product(name: "DequeModule", package: "swift-collections") }
    static var logging: Self { .product(name: "Logging", package: "swift-log") }
    static var lifecycle: Self { .product(name: "ServiceLifecycle", package: "swift-service-lifecycle") }

    // Of the trait Hummingbird.
    static var nioHTTP2: Self { .forHummingbird("NIOHTTP2", "swift-nio-http2") }
    static var nioHPACK: Self { .forHummingbird("NIOHPACK", "swift-nio-http2") }
    static var nioHTTPTypesHTTP2: Self { .forHummingbird("NIOHTTPTypesHTTP2", "swift-nio-extras") }
    static var hummingbird: Self { .forHummingbird("Hummingbird", "hummingbird") }
    static var hummingbirdCore: Self { .forHummingbird("HummingbirdCore", "hummingbird") }

    // Of the trait Service.
    static var hummingbirdTLS: Self { .forService("HummingbirdTLS", "hummingbird") }
    static var signals: Self { .forService("UnixSignals", "swift-service-lifecycle") }
    static var coreMetrics: Self { .forService("CoreMetrics", "swift-metrics") }
    static var yams: Self { .forService("Yams", "Yams") }
    static var jwtKit: Self { .forService("JWTKit", "jwt-kit") }
    static var asyncHTTPClient: Self { .forService("AsyncHTTPClient", "async-http-client") }
    static var argumentParser: Self { .forService("ArgumentParser", "swift-argument-parser") }
    static var x509: Self { .forService("X509", "swift-certificates") }
    static var asn1: Self { .forService("SwiftASN1", "swift-asn1") }

    static func forHummingbird(_ name: String, _ package: String) -> Self {
        .product(name: name, package: package, condition: .when(traits: ["Hummingbird"]))
    }

    static func forService(_ name: String, _ package: String) -> Self {
        .product(name: name, package: package, condition: .when(traits: ["Service"]))
    }
}
