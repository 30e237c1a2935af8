/// The `for` parameters of `Forwarded` headers (RFC 7239, section 4), the first client first, without quotes.
///
/// What a client wrote stands before what trusted proxies added, in the same header: it shall not hide what follows it.
package enum ForwardedNodes {
    /// - Returns: a node for each element; `unknown` where it names none.
    package static func parse(_ values: [String]) -> [String] {
        HeaderList.elements(values).map { Self.parameter("for", of: $0) ?? "unknown" }
    }

    /// The value of a parameter of an element, without quotes; `nil` when it has none.
    ///
    /// - Parameter name: in lower case.
    package static func parameter(_ name: String, of element: Substring) -> String? {
        for pair in HeaderList.split(element, at: UInt8(ascii: ";")).parts {
            guard let equals = pair.firstIndex(of: "="), pair[..<equals].lowercased() == name else { continue }
            return Self.unquoted(pair[pair.index(after: equals)...])
        }
        return nil
    }

    /// The IP address of a node, or of an element of `X-Forwarded-For`, without its port, which may be a name (section 6.3);
    /// `nil` when it has none.
    package static func address(of node: String) -> String? {
        if node.hasPrefix("[") {
            guard let end = node.firstIndex(of: "]"), let next = Optional(node.index(after: end)),
                next == node.endIndex || node[next] == ":"
            else { return nil }
            let address = String(node[node.index(after: node.startIndex)..<end])
            return IPNetwork.isAddress(address) ? address : nil
        }
        if IPNetwork.isAddress(node) { return node }
        guard let colon = node.lastIndex(of: ":") else { return nil }
        let address = String(node[..<colon])
        return IPNetwork.isAddress(address) ? address : nil
    }

    private static func unquoted(_ text: Substring) -> String {
        guard text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") else { return String(text) }
        var result = ""
        var isEscaped = false
        for character in text.dropFirst().dropLast() {
            if character == "\\", !isEscaped {
                isEscaped = true
            } else {
                result.append(character)
                isEscaped = false
            }
        }
        return result
    }
}
