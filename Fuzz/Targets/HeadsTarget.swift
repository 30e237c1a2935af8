import MartletHTTP
import NIOHTTP1

/// Heads of requests and of answers: NIO's parser takes what ours takes, and reads it in the same way; no server would
/// refuse what the proxy passes on.
enum HeadsTarget {
    static func run(_ input: inout FuzzInput) {
        let (bytes, _) = HTTPHeads.split(input.rest())
        let ours = bytes.withUnsafeBytes { HeadParser.request($0, maximumCount: 100) }
        let theirs = HTTPHeads.request(bytes)
        if let ours {
            FuzzTarget.check(theirs != nil, "NIO's decoder refuses a head that ours takes")
            FuzzTarget.check(ours == theirs, "two decoders read a head differently: \(ours), \(theirs as Any)")
        }
        if let answer = bytes.withUnsafeBytes({ HeadParser.switchingProtocols($0, maximumCount: 100) }) {
            let other = HTTPHeads.response(bytes)
            FuzzTarget.check(answer.status == other?.status, "two decoders read an answer differently")
            FuzzTarget.check(
                other.map { $0.headers.elementsEqual(answer.headers, by: ==) } ?? false,
                "two decoders read headers differently")
        }
        guard let head = theirs else { return }
        _ = DecoderStop.stops(after: head)
        _ = RequestCheck.withoutToken(head.uri)
        _ = TrustedProxies.none
        if case .success(let checked) = RequestCheck.check(head, isHTTP2: false) {
            FuzzTarget.check(RequestCheck.fault(of: head) == nil, "a server refuses what the proxy passes on: \(head)")
            FuzzTarget.check(HostAndPort.isAuthority(checked.host), "the proxy routes by an invalid host")
        }
    }
}
