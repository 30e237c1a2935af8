import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

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
        ("common.js", PackageResources.common_js, "text/javascript"),
        ("console.js", PackageResources.console_js, "text/javascript"),
        ("canvas.js", PackageResources.canvas_js, "text/javascript"),
        ("chart.js", PackageResources.chart_js, "text/javascript"),
        ("overview.js", PackageResources.overview_js, "text/javascript"),
        ("sessions.js", PackageResources.sessions_js, "text/javascript"),
        ("try.js", PackageResources.try_js, "text/javascript"),
        ("demo.js", PackageResources.demo_js, "text/javascript"),
        ("candles.js", PackageResources.candles_js, "text/javascript"),
    ]

    private static let policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self' ws: wss:; img-src data:;"
        + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    private let page: ByteBuffer

    init(_ settings: Settings) {
        // Strings only, so encoding cannot fail; "<" is escaped, so that no path can end the script element.
        let json = (try? JSONEncoder().encode(settings)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        let page = String(decoding: PackageResources.console_html, as: UTF8.self)
        self.page = ByteBuffer(string: page.replacing("{/*settings*/}", with: json.replacing("<", with: "\\u003c")))
    }

    /// - Parameter refusal: gives the answer to a request that may not see the page.
    func add(
        to router: Router<ServiceRequestContext>,
        refusal: @escaping @Sendable (Request, ServiceRequestContext) async -> Response? = { _, _ in nil }
    ) {
        router.get("/") { request, context in
            await refusal(request, context) ?? Self.response(self.page, "text/html")
        }
        for file in Self.files {
            let bytes = ByteBuffer(bytes: file.bytes)
            router.get(RouterPath("/console/\(file.name)")) { request, context in
                await refusal(request, context) ?? Self.response(bytes, file.type)
            }
        }
    }

    private static func response(_ bytes: ByteBuffer, _ type: String) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "\(type); charset=utf-8", .cacheControl: "no-store",
                .contentSecurityPolicy: Self.policy, .xContentTypeOptions: "nosniff",
            ],
            body: .init(byteBuffer: bytes))
    }
}
