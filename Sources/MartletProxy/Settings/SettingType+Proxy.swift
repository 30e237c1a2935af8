import MartletConfiguration
import MartletHTTP
import MartletProtocol
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

extension SettingType<String> {
    /// `keep`, `upstream`, or a host with or without a port.
    static var hostHeader: Self {
        Self(SettingForm("host", example: "upstream"), text: { $0 }) { node in
            let host = try node.string()
            guard let parts = HostAndPort.split(host), RouteHost.isName(parts.host) else {
                throw node.error("expected keep, upstream, or a host such as app.internal or app.internal:8080")
            }
            return host
        }
    }

    /// Headers that the proxy sets itself, for other purposes.
    private static var proxyHeaders: Set<String> {
        ["host", "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via", "x-request-id"]
    }

    /// The name of a header that the proxy sets.
    static var userHeader: Self {
        Self(SettingForm("header", example: "X-Name"), text: { $0 }) { node in
            let name = try node.string()
            guard HeaderRules.Field(name, "") != nil else { throw node.error("this cannot be the name of a header") }
            guard !Self.proxyHeaders.contains(name.lowercased()), !HeaderRules.untouchable.contains(name.lowercased())
            else {
                throw node.error("this header is the proxy's own business")
            }
            return name
        }
    }
}

extension SettingType<[String]> {
    /// Hosts as routes compare them: `example.com`, `*.example.com`, `*`.
    static var hosts: Self {
        Self(SettingForm("host", example: "example.com", kind: .list), text: { $0.joined(separator: ", ") }) { node in
            let hosts = try node.strings()
            let wrong = hosts.filter {
                $0 != "*" && !RouteHost.isName($0.hasPrefix("*.") ? String($0.dropFirst(2)) : $0)
            }
            guard wrong.isEmpty else {
                throw node.error(
                    "expected hosts without ports, such as example.com or *.example.com, not \(wrong.joined(separator: ", "))"
                )
            }
            return hosts
        }
    }

    /// A list of tokens (RFC 9110, section 5.6.2), or a single one.
    static func tokens(_ name: String, example: String) -> Self {
        Self(SettingForm(name, example: example, kind: .list), text: { $0.joined(separator: ", ") }) { node in
            let texts = try node.strings()
            let wrong = texts.filter { $0.isEmpty || !HTTPSyntax.isToken($0) }
            guard wrong.isEmpty else {
                throw node.error(
                    "\(wrong.joined(separator: ", ")) is no \(name): it has letters, digits and a few signs")
            }
            return texts
        }
    }
}
