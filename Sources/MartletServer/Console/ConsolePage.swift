import FoundationEssentials
import HTTPTypes
import Hummingbird

/// The page at `/` and the files that it is made of, below `/console/`: plain HTML, CSS and JavaScript, embedded in the
/// binary.
struct ConsolePage: Sendable {
    enum Mode: String, Encodable {
        case serve
        case echo
    }

    /// The settings of the server that the page must know.
    struct Settings: Encodable {
        var mode: Mode
        var webSocketPath: String
        var pushPath = ""
        var eventsPath = ""
        var pollPath = ""
    }

    private static let files: [(name: String, bytes: [UInt8], type: String)] = [
        ("console.css", PackageResources.console_css, "text/css"),
        ("theme.js", PackageResources.theme_js, "text/javascript"),
        ("common.js", PackageResources.common_js, "text/javascript"),
        ("console.js", PackageResources.console_js, "text/javascript"),
        ("canvas.js", PackageResources.canvas_js, "text/javascript"),
        ("axis.js", PackageResources.axis_js, "text/javascript"),
        ("chart.js", PackageResources.chart_js, "text/javascript"),
        ("access.js", PackageResources.access_js, "text/javascript"),
        ("history.js", PackageResources.history_js, "text/javascript"),
        ("details.js", PackageResources.details_js, "text/javascript"),
        ("overview.js", PackageResources.overview_js, "text/javascript"),
        ("sessions.js", PackageResources.sessions_js, "text/javascript"),
        ("try.js", PackageResources.try_js, "text/javascript"),
        ("demo.js", PackageResources.demo_js, "text/javascript"),
        ("candles.js", PackageResources.candles_js, "text/javascript"),
    ]

    private static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' ws: wss:; img-src data:;"
        + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private let page: StaticFile

    init(_ settings: Settings) {
        // Strings only, so encoding cannot fail; "<" is escaped, so that no path can end the script element.
        let json = (try? JSONEncoder().encode(settings)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        let page = String(decoding: PackageResources.console_html, as: UTF8.self)
        let filled = page.replacing("{/*settings*/}", with: json.replacing("<", with: "\\u003c"))
        self.page = StaticFile(Array(filled.utf8), headers: Self.headers("text/html"))
    }

    /// - Parameter refusal: gives the answer to a request that may not see the page.
    func add(
        to router: Router<ServiceRequestContext>,
        refusal: @escaping @Sendable (Request, ServiceRequestContext) async -> Response? = { _, _ in nil }
    ) {
        router.get("/") { request, context in
            await refusal(request, context) ?? self.page.response(to: request)
        }
        for file in Self.files {
            let content = StaticFile(file.bytes, headers: Self.headers(file.type))
            router.get(RouterPath("/console/\(file.name)")) { request, context in
                await refusal(request, context) ?? content.response(to: request)
            }
        }
    }

    /// The browser may keep a file, and asks each time whether it is still the same, and whether its user may see it.
    private static func headers(_ type: String) -> HTTPFields {
        [
            .contentType: "\(type); charset=utf-8", .cacheControl: "private, no-cache",
            .contentSecurityPolicy: Self.policy, .xContentTypeOptions: "nosniff",
        ]
    }
}
