/// `ForwardedNodes` reads the `for` parameters of `Forwarded` headers (RFC 7239, section 4), without quotes and the
/// first client first.
///
/// A client's own elements come before those of trusted proxies, in the same header: they must not hide what follows
/// them.
package enum ForwardedNodes {
    /// - Returns: a node for each element; `unknown` for an element without one.
    package static func parse(_ values: [String]) -> [String] {
        HeaderList.elements(values).map { Self.parameter("for", of: $0) ?? "unknown" }
    }

    /// Returns the value of a parameter of an element, without quotes; `nil` if it has none.
    ///
    /// - Parameter name: the parameter's name in lower case.
    package static func parameter(_ name: String, of element: Substring) -> String? {
        for pair in HeaderList.split(element, at: UInt8(ascii: ";")).parts {
            guard let equals = pair.firstIndex(of: "="), pair[..<equals].lowercased() == name else { continue }
            return Self.unquoted(pair[pair.index(after: equals)...])
        }
        return nil
    }

    /// Returns the IP address of a node, or of an element of `X-Forwarded-For`, without its port, which may be a name
    /// (section 6.3); `nil` if it has none.
    package static func address(of node: String) -> String? {
        var address = node[...]
        var port: Substring?
        if node.utf8.first == UInt8(ascii: "[") {
            guard let end = node.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            address = node[node.utf8.index(after: node.startIndex)..<end]
            guard address.utf8.contains(UInt8(ascii: ":")) else { return nil }
            port = node[node.utf8.index(after: end)...]
        } else if !IPNetwork.isAddress(node), let colon = node.utf8.lastIndex(of: UInt8(ascii: ":")) {
            address = node[..<colon]
            port = node[colon...]
        }
        guard IPNetwork.isAddress(String(address)),
            port.map({ $0.isEmpty || Self.isPort($0.utf8.dropFirst()) }) ?? true,
            port?.utf8.first.map({ $0 == UInt8(ascii: ":") }) ?? true
        else { return nil }
        return String(address)
    }

    /// Whether the bytes are a number of up to five digits, or a name that hides it: `_` and at least one of letters,
    /// digits, `.`, `_` and `-`.
    private static func isPort(_ bytes: Substring.UTF8View) -> Bool {
        if bytes.first == UInt8(ascii: "_") {
            return bytes.count > 1
                && bytes.dropFirst().allSatisfy {
                    0x30...0x39 ~= $0 || 0x61...0x7A ~= $0 | 0x20 || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
                        || $0 == UInt8(ascii: "-")
                }
        }
        return (1...5).contains(bytes.count) && bytes.allSatisfy { 0x30...0x39 ~= $0 }
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
