import HTTPTypes
import Hummingbird
import MartletHTTP

/// The headers by which a browser lets pages of other origins use an answer (W3C Fetch, CORS protocol).
enum CrossOrigin {
    /// - Parameter origin: of the page; `nil` for a request that comes from no page, or from one of the same origin.
    static func fields(_ origin: String?) -> HTTPFields {
        guard let origin else { return [:] }
        return [
            .accessControlAllowOrigin: origin, .accessControlExposeHeaders: "Retry-After", .vary: "Origin",
        ]
    }

    /// Answers a preflight request. The headers that the page asks for are allowed, since a page with tracing adds some
    /// that no list knows; those that a proxy may pass on for its own are not.
    ///
    /// - Parameters:
    ///   - methods: the methods of the endpoint besides OPTIONS.
    ///   - headers: the headers that are allowed unasked.
    static func preflight(_ request: Request, methods: String, headers: [String]) -> Response {
        var fields: HTTPFields = [
            .accessControlAllowMethods: methods, .accessControlMaxAge: "600",
        ]
        let asked = HeaderList.elements(request.headers[values: .accessControlRequestHeaders])
            .filter { name in
                HTTPField.Name(String(name)) != nil && !headers.contains { $0.lowercased() == name.lowercased() }
                    && !Self.isOfProxies(name.lowercased())
            }
        fields[.accessControlAllowHeaders] = (headers + asked.map(String.init)).joined(separator: ", ")
        fields.append(contentsOf: Self.fields(request.headers[.origin]))
        fields[.vary] = "Origin, Access-Control-Request-Headers"
        return Response(status: .noContent, headers: fields)
    }

    /// Whether proxies tell by a header who a client is, or what host it asked for.
    private static func isOfProxies(_ name: String) -> Bool {
        name == "forwarded" || name == "x-real-ip" || name.hasPrefix("x-forwarded-")
    }
}
