import MartletConfiguration
import MartletService
import MartletWebSocket

extension SettingType<UpstreamURL> {
    /// The URL of an upstream server: `http://127.0.0.1:8002`.
    static var upstreamURL: Self {
        Self(SettingForm("URL", example: "http://127.0.0.1:9999"), text: { "\($0)" }) { node in
            guard let url = UpstreamURL(try node.string()) else {
                throw node.error("expected a URL without a path, such as http://127.0.0.1:8002")
            }
            return url
        }
    }
}

extension SettingType<String> {
    /// A path as routes compare it: `/app`.
    static var routePath: Self {
        Self(SettingForm("path", example: "/app"), text: { $0 }) { node in
            let path = try node.string()
            guard path.hasPrefix("/"), RequestTarget(path, isOptions: false)?.decodedPath == path else {
                throw node.error("expected a path such as /app, without percent-encoding, dot segments or a query")
            }
            return path
        }
    }

    /// The name of a file to write, or `-` for standard output.
    static var outputFile: Self { .text("file", example: "/var/log/martlet/access.log") }
}
