/// The reason for which a token is not valid; its text stands in the log.
package enum JWTRefusal: String, Error {
    case tooLong = "it is longer than 8 KiB"
    case malformed = "it is not a JWT of three parts"
    case critical = "its header has crit, which is not supported"
    case algorithm = "its alg does not match its key"
    case unknownKey = "its kid is unknown"
    case signature = "its signature is wrong"
    case claims = "its claims are malformed"
    case subject = "it has no sub"
    case expired = "it has expired"
    case noExpiry = "it has no exp"
    case notYet = "its nbf is in the future"
    case issuer = "its iss does not match"
    case audience = "its aud does not match"
}
