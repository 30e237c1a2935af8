public import HTTPTypes

/// A policy that says which pages may open a WebSocket here. A browser sends the page's origin and the visitor's
/// cookies; without a check any page on the web could act as the visitor (cross-site WebSocket hijacking; RFC 6455,
/// section 10.2).
///
/// A request without an `Origin` header does not come from a browser and passes every policy but ``custom(_:)``.
public struct OriginPolicy: Sendable {
    private let check: @Sendable (_ origin: String?, _ request: HTTPRequest, _ isSecure: Bool) -> Bool
    /// Whether a request without an `Origin` passes, whatever else it has. With `false`, the policy must be asked.
    package private(set) var passesWithoutOrigin = true
    /// Whether pages without an origin are allowed by name.
    package private(set) var allowsNull = false

    private init(_ check: @escaping @Sendable (_ origin: String?, _ request: HTTPRequest, _ isSecure: Bool) -> Bool) {
        self.check = check
    }

    /// Allows an origin whose host and port are those of the `Host` header. An `http` origin is refused on a TLS
    /// listener; an `https` one is accepted on a plain listener, since TLS may end at a proxy in front. The default.
    public static let sameHost = Self { origin, request, isSecure in
        guard let origin else { return true }
        guard let origin = Origin(origin), let authority = request.authority else { return false }
        if isSecure, origin.scheme == "http" { return false }
        return Origin(scheme: origin.scheme, authority: authority) == origin
    }

    /// Allows every origin. Only for services that trust nothing a browser adds by itself, such as cookies.
    public static let any = Self { _, _, _ in true }

    /// Allows these origins and no others: `https://example.com`, `http://localhost:3000`; `https://*.example.com` for
    /// every host below `example.com`; `null` for pages without an origin, which are those of files, of sandboxed
    /// frames, and of some apps: any page can make itself one of them.
    public static func allow(_ origins: [String]) -> Self {
        let patterns = origins.compactMap(OriginPattern.init)
        let exact = Set(patterns.compactMap(\.exact))
        let others = patterns.filter { $0.exact == nil }
        var policy = Self { text, _, _ in
            guard let text else { return true }
            let origin = Origin(text)
            return origin.map(exact.contains) ?? false || others.contains { $0.matches(text, origin) }
        }
        policy.allowsNull = patterns.contains { $0.isNull }
        return policy
    }

    /// Whether a text is an origin or a pattern that ``allow(_:)`` understands: `https://example.com`.
    public static func isOrigin(_ text: String) -> Bool { OriginPattern(text) != nil }

    /// Returns a policy that allows what either policy allows.
    public func or(_ other: OriginPolicy) -> OriginPolicy {
        var both = Self { origin, request, isSecure in
            self.check(origin, request, isSecure) || other.check(origin, request, isSecure)
        }
        both.passesWithoutOrigin = self.passesWithoutOrigin || other.passesWithoutOrigin
        both.allowsNull = self.allowsNull || other.allowsNull
        return both
    }

    /// Returns a policy that allows only what both policies allow.
    public func and(_ other: OriginPolicy) -> OriginPolicy {
        var both = Self { origin, request, isSecure in
            self.check(origin, request, isSecure) && other.check(origin, request, isSecure)
        }
        both.passesWithoutOrigin = self.passesWithoutOrigin && other.passesWithoutOrigin
        both.allowsNull = self.allowsNull && other.allowsNull
        return both
    }

    /// Decides by the `Origin` header, which may be missing, and the request.
    public static func custom(_ check: @escaping @Sendable (_ origin: String?, _ request: HTTPRequest) -> Bool) -> Self
    {
        var policy = Self { origin, request, _ in check(origin, request) }
        policy.passesWithoutOrigin = false
        return policy
    }

    /// Whether the policy allows a request from its page; a request with two `Origin` headers is never allowed.
    ///
    /// - Parameter isSecure: whether the connection to this server uses TLS.
    public func allows(_ request: HTTPRequest, isSecure: Bool) -> Bool {
        let origins = request.headerFields[values: .origin]
        guard origins.count <= 1 else { return false }
        return self.check(origins.first, request, isSecure)
    }
}
