import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// The page at `/`: plain HTML, CSS and JavaScript in one file, embedded in the binary.
enum Console {
    enum Mode: String {
        case serve
        case echo
    }

    /// What the page must know about the server.
    struct Settings {
        let mode: Mode
        let webSocketPath: String
        let pushPath: String
    }

    private struct PageSettings: Encodable {
        let mode: String
        let webSocketPath: String
        let pushPath: String
    }

    /// The page with the settings filled in.
    static func page(_ settings: Settings) -> ByteBuffer {
        let settings = PageSettings(
            mode: settings.mode.rawValue, webSocketPath: settings.webSocketPath, pushPath: settings.pushPath)
        // Strings only, so encoding cannot fail; "<" is escaped, so that no path can end the script element.
        let json = (try? JSONEncoder().encode(settings)).map { String(decoding: $0, as: UTF8.self) } ?? "{}"
        let page = String(decoding: PackageResources.console_html, as: UTF8.self)
        return ByteBuffer(string: page.replacing("{/*settings*/}", with: json.replacing("<", with: "\\u003c")))
    }

    static func response(_ page: ByteBuffer) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/html; charset=utf-8",
                .cacheControl: "no-store",
                .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
                    + " connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; form-action 'none';"
                    + " frame-ancestors 'none'",
                .xContentTypeOptions: "nosniff",
            ],
            body: .init(byteBuffer: page))
    }
}
