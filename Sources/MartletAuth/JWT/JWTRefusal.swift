/// Why a token is not valid; the text stands in the log.
package enum JWTRefusal: String, Error {
    case tooLong = "it is longer than 8 KiB"
    case malformed = "it is no JWT of three parts"
    case critical = "its header has crit, of which nothing is understood"
    case algorithm = "its algorithm is not that of its key"
    case unknownKey = "its kid is not known"
    case signature = "its signature is wrong"
    case claims = "its claims are malformed"
    case subject = "it has no sub"
    case expired = "it has expired"
    case noExpiry = "it has no exp"
    case notYet = "its nbf has not come"
    case issuer = "its iss is another"
    case audience = "its aud is another"
}
