import FoundationEssentials
package import MartletPush
import NIOCore

/// The claims that are checked (RFC 7519, section 4.1). A claim of another type, `null` included, makes the token
/// malformed: it is not taken for missing.
package struct JWTClaims: Decodable {
    private let subject: String?
    private let issuer: String?
    private let audience: [String]?
    /// The time at which the token expires (`exp`), in seconds since 1970.
    private let expiry: Double?
    private let notBefore: Double?

    package enum CodingKeys: String, CodingKey { case sub, iss, aud, exp, nbf }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        func read<Value: Decodable>(_ key: CodingKeys) throws -> Value? {
            values.contains(key) ? try values.decode(Value.self, forKey: key) : nil
        }
        self.subject = try read(.sub)
        self.issuer = try read(.iss)
        self.expiry = try read(.exp)
        self.notBefore = try read(.nbf)
        if !values.contains(.aud) {
            self.audience = nil
        } else if let one = try? values.decode(String.self, forKey: .aud) {
            self.audience = [one]
        } else {
            self.audience = try values.decode([String].self, forKey: .aud)
        }
    }

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
        if let issuer = configuration.issuer, self.issuer != issuer { return .failure(.issuer) }
        if let audience = configuration.audience, self.audience?.contains(audience) != true {
            return .failure(.audience)
        }
        return .success(
            PushUser(subject, expiresAt: self.expiry.map { Date(timeIntervalSince1970: $0 + leeway) }))
    }
}
