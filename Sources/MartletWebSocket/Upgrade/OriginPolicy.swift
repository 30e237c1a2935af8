public import HTTPTypes

/// Which pages may open a WebSocket here. A browser sends the page's origin and the visitor's cookies; without a check
/// any page on the web could act as the visitor (cross-site WebSocket hijacking; RFC 6455, section 10.2).
///
/// A request without an `Origin` header comes from no browser and passes every policy but ``custom(_:)``.
public struct OriginPolicy: Sendable {
    private let check: @Sendable (_ origin: String?, _ request: HTTPRequest, _ isSecure: Bool) -> Bool
    /// Whether a request without an `Origin` passes, whatever else it is. `false` means that it is to be asked.
    package private(set) var passesWithoutOrigin = true

    private init(_ check: @escaping @Sendable (_ origin: String?, _ request: HTTPRequest, _ isSecure: Bool) -> Bool) {
        self.check = check
    }

    /// The origin's host and port must be those of the `Host` header. An `http` origin is refused on a TLS listener;
    /// an `https` one is accepted on a plain listener, since TLS may end at a proxy in front. The default.
    public static let sameHost = Self { origin, request, isSecure in
        guard let origin else { return true }
        guard let origin = Origin(origin), let authority = request.authority else { return false }
        if isSecure, origin.scheme == "http" { return false }
        return Origin(scheme: origin.scheme, authority: authority) == origin
    }

    /// Every origin. Only for services that trust nothing a browser adds by itself, such as cookies.
    public static let any = Self { _, _, _ in true }

    /// These origins and no others: `https://example.com`, `http://localhost:3000`.
    public static func allow(_ origins: [String]) -> Self {
        let allowed = Set(origins.compactMap(Origin.init))
        return Self { origin, _, _ in
            guard let origin else { return true }
            return Origin(origin).map(allowed.contains) ?? false
        }
    }

    /// Whether a text is an origin that ``allow(_:)`` understands: `https://example.com`.
    public static func isOrigin(_ text: String) -> Bool { Origin(text) != nil }

    /// What this policy allows and what the other allows.
    public func or(_ other: OriginPolicy) -> OriginPolicy {
        var both = Self { origin, request, isSecure in
            self.check(origin, request, isSecure) || other.check(origin, request, isSecure)
        }
        both.passesWithoutOrigin = self.passesWithoutOrigin || other.passesWithoutOrigin
        return both
    }

    /// Only what both policies allow.
    public func and(_ other: OriginPolicy) -> OriginPolicy {
        var both = Self { origin, request, isSecure in
            self.check(origin, request, isSecure) && other.check(origin, request, isSecure)
        }
        both.passesWithoutOrigin = self.passesWithoutOrigin && other.passesWithoutOrigin
        return both
    }

    /// Decides by the `Origin` header, which may be missing, and the request.
    public static func custom(_ check: @escaping @Sendable (_ origin: String?, _ request: HTTPRequest) -> Bool) -> Self
    {
        var policy = Self { origin, request, _ in check(origin, request) }
        policy.passesWithoutOrigin = false
        return policy
    }

    /// Whether a request may come from the page that it comes from; two `Origin` headers never may.
    ///
    /// - Parameter isSecure: whether the connection to us is TLS.
    public func allows(_ request: HTTPRequest, isSecure: Bool) -> Bool {
        let origins = request.headerFields[values: .origin]
        guard origins.count <= 1 else { return false }
        return self.check(origins.first, request, isSecure)
    }
}
