import MartletProtocol
import MartletWebSocket
import NIOHTTP1

/// `Forwarded` (RFC 7239) and the older `X-Forwarded-For`, `-Proto` and `-Host`: they tell where a request came from.
///
/// From a trusted peer they are continued, from anybody else they are replaced.
enum ForwardedHeaders {
    static func set(on headers: inout HTTPHeaders, for client: ClientIdentity, host: String) {
        let peer = client.peer ?? "unknown"
        let proto = client.isSecure ? "https" : "http"
        let element =
            "for=\(Self.node(client.peer));host=\(Self.quoted(host));proto=\(proto)"
        if client.isPeerTrusted {
            // If only one of the two is there, the other is continued from it, so that they agree.
            let nodes = HeaderList.elements(headers["x-forwarded-for"])
            var older: [String] = []
            var newer: [String] = []
            if nodes.isEmpty {
                older = ForwardedNodes.parse(headers["forwarded"]).map { ForwardedNodes.address(of: $0) ?? "unknown" }
            } else if headers["forwarded"].isEmpty {
                newer = nodes.map { node in
                    "for=\(Self.node(ForwardedNodes.address(of: String(node))))"
                }
            }
            Self.append(older + [peer], to: "X-Forwarded-For", of: &headers)
            if !headers.contains(name: "X-Forwarded-Proto") { headers.add(name: "X-Forwarded-Proto", value: proto) }
            if !headers.contains(name: "X-Forwarded-Host") { headers.add(name: "X-Forwarded-Host", value: host) }
            Self.append(newer + [element], to: "Forwarded", of: &headers)
        } else {
            headers.replaceOrAdd(name: "X-Forwarded-For", value: peer)
            headers.replaceOrAdd(name: "X-Forwarded-Proto", value: proto)
            headers.replaceOrAdd(name: "X-Forwarded-Host", value: host)
            headers.replaceOrAdd(name: "Forwarded", value: element)
        }
    }

    private static func append(_ elements: [String], to name: String, of headers: inout HTTPHeaders) {
        let before = headers[name].filter { !$0.isEmpty }
        headers.replaceOrAdd(name: name, value: (before + elements).joined(separator: ", "))
    }

    /// Formats a node (RFC 7239, section 6): IPv6 in brackets and quotes.
    private static func node(_ address: String?) -> String {
        guard let address else { return "unknown" }
        return address.utf8.contains(UInt8(ascii: ":")) ? "\"[\(address)]\"" : address
    }

    private static func quoted(_ host: String) -> String {
        if !host.isEmpty, host.utf8.allSatisfy(HTTPSyntax.isTokenByte) { return host }
        return "\"" + host.filter { $0 != "\"" && $0 != "\\" } + "\""
    }
}
