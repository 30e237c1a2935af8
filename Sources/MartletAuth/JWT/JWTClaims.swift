import FoundationEssentials
package import MartletPush
import NIOCore

/// The claims that are checked (RFC 7519, section 4.1). A claim of another type, `null` included, makes the token
/// malformed: it is not taken for missing.
///
/// The last of several claims with one name applies (RFC 7519, section 4). `sub` may be an integer, which stands for
/// its digits.
package struct JWTClaims: Sendable {
    private let subject: String?
    private let issuer: String?
    private let audience: [String]?
    /// The time at which the token expires (`exp`), in seconds since 1970.
    private let expiry: Double?
    private let notBefore: Double?

    /// The claims, which are a JSON object.
    package init(json: [UInt8]) throws(JSONError) {
        let claims = try JSONObject(json)
        self.subject = claims["sub"] == nil ? nil : try claims.identifier(.exact("sub"))
        self.issuer = try Self.text("iss", claims)
        self.expiry = try Self.time("exp", claims)
        self.notBefore = try Self.time("nbf", claims)
        switch claims["aud"] {
        case nil: self.audience = nil
        case .string(let one): self.audience = [one]
        case .array(let elements):
            var audience: [String] = []
            for element in elements {
                guard case .string(let text) = element else { throw JSONError("aud holds what is no string") }
                audience.append(text)
            }
            self.audience = audience
        default: throw JSONError("aud is neither a string nor a list")
        }
    }

    private static func text(_ name: String, _ claims: JSONObject) throws(JSONError) -> String? {
        switch claims[name] {
        case nil: return nil
        case .string(let text): return text
        default: throw JSONError("\(name) is no string")
        }
    }

    private static func time(_ name: String, _ claims: JSONObject) throws(JSONError) -> Double? {
        switch claims[name] {
        case nil: return nil
        case .number(let text):
            guard let number = Double(text), number.isFinite else { throw JSONError("\(name) is no time") }
            return number
        default: throw JSONError("\(name) is no number")
        }
    }

    /// Whether `exp` is so far away that it can only be a mistake: milliseconds in place of seconds.
    package var isExpiryImplausible: Bool { (self.expiry ?? 0) > Self.implausible }

    /// The year 5138. Seconds since 1970.
    private static let implausible = 1e11

    /// - Parameter now: seconds since 1970.
    package func check(_ configuration: JWTConfiguration, now: Double) -> Result<PushUser, JWTRefusal> {
        let leeway = Double(configuration.leeway.nanoseconds) / 1e9
        guard let subject = self.subject, !subject.isEmpty else { return .failure(.subject) }
        if let expiry = self.expiry {
            guard now < expiry + leeway else { return .failure(.expired) }
        } else if configuration.isExpiryRequired {
            return .failure(.noExpiry)
        }
        if let notBefore = self.notBefore, now < notBefore - leeway { return .failure(.notYet) }
        if let issuer = configuration.issuer, self.issuer.map({ $0.utf8.elementsEqual(issuer.utf8) }) != true {
            return .failure(.issuer)
        }
        if let audience = configuration.audience,
            self.audience?.contains(where: { $0.utf8.elementsEqual(audience.utf8) }) != true
        {
            return .failure(.audience)
        }
        return .success(
            PushUser(subject, expiresAt: self.expiry.map { Date(timeIntervalSince1970: $0 + leeway) }))
    }
}
