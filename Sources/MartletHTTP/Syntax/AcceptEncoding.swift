/// The header `Accept-Encoding` (RFC 9110, section 12.5.3).
package enum AcceptEncoding {
    /// Returns whether a client takes gzip: it names `gzip`, `x-gzip` or `*` with a weight above 0. A name takes precedence
    /// over `*`, and a client without the header gets no gzip.
    ///
    /// - Parameter values: the values of the header, in order.
    package static func allowsGzip(_ values: some Sequence<String>) -> Bool {
        var named: Bool?
        var any = false
        for element in HeaderList.elements(values) {
            let parts = HeaderList.split(element, at: UInt8(ascii: ";")).parts
            let isAllowed = Self.weight(parts.dropFirst()) > 0
            switch parts.first?.lowercased() {
            case "gzip", "x-gzip": named = (named ?? false) || isAllowed
            case "*": any = isAllowed
            default: break
            }
        }
        return named ?? any
    }

    /// Returns the weight (section 12.4.2), which is 1 when there is none and 0 when it is no number.
    private static func weight(_ parameters: some Sequence<Substring>) -> Double {
        guard let weight = parameters.first(where: { $0.hasPrefix("q=") || $0.hasPrefix("Q=") }) else { return 1 }
        return Double(weight.dropFirst(2)) ?? 0
    }
}
