package import NIOHTTP1

/// Single values out of a request: cookies, parts of a query, credentials.
package enum RequestValues {
    // MARK: Cookies (RFC 6265, section 5.4)

    /// Returns the value of the first cookie of that name, which may be empty.
    package static func cookie(_ name: String, in headers: HTTPHeaders) -> String? {
        Self.cookie(name, in: headers["cookie"])
    }

    /// Returns the value of the first cookie of that name in the values of `Cookie` headers, which may be empty.
    package static func cookie(_ name: String, in fields: some Sequence<String>) -> String? {
        for field in fields {
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
                let key = HeaderList.trimmed(Substring(pair[..<equals]))
                if key.utf8.elementsEqual(name.utf8) {
                    return String(HeaderList.trimmed(Substring(pair[pair.index(after: equals)...])))
                }
            }
        }
        return nil
    }

    // MARK: The query

    /// Returns the first value of a name, which is compared decoded. A value that cannot be decoded is returned as it
    /// is.
    ///
    /// - Parameter query: the query with its question mark.
    package static func query(_ name: String, in query: Substring) -> String? {
        for pair in Self.pairs(query) {
            if let value = pair.value, Self.isNamed(pair.name, name) {
                return PercentEncoding.decodeForm(value) ?? String(value)
            }
        }
        return nil
    }

    /// Returns the query without a name: `?a=1&token=x` becomes `?a=1`.
    package static func removing(_ name: String, from query: Substring) -> String {
        let kept = Self.pairs(query).filter { !Self.isNamed($0.name, name) }.map(\.text)
        return kept.isEmpty ? "" : "?" + kept.joined(separator: "&")
    }

    /// Returns all names and values in order, decoded (`application/x-www-form-urlencoded`).
    ///
    /// - Parameter query: the query with its question mark.
    /// - Returns: `nil` if it is not percent-encoded UTF-8.
    package static func decodedQuery(_ query: Substring) -> [(name: String, value: String)]? {
        var result: [(String, String)] = []
        for pair in Self.pairs(query) {
            guard let name = PercentEncoding.decodeForm(pair.name),
                let value = PercentEncoding.decodeForm(pair.value ?? "")
            else { return nil }
            result.append((name, value))
        }
        return result
    }

    private static func isNamed(_ raw: Substring, _ name: String) -> Bool {
        (PercentEncoding.decodeForm(raw) ?? String(raw)).utf8.elementsEqual(name.utf8)
    }

    private static func pairs(_ query: Substring) -> [(text: Substring, name: Substring, value: Substring?)] {
        query.utf8.dropFirst().split(separator: UInt8(ascii: "&")).map { bytes in
            let text = Substring(bytes)
            guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")) else { return (text, text, nil) }
            return (text, Substring(bytes[..<equals]), Substring(bytes[bytes.index(after: equals)...]))
        }
    }

    // MARK: Credentials (RFC 9110, section 11.6.2)

    /// Returns the credentials after a scheme in a value of `Authorization`; `nil` for another scheme, or if there are
    /// none.
    ///
    /// - Parameter scheme: the scheme in lower case.
    package static func credentials(_ scheme: StaticString, in field: String) -> String? {
        let bytes = field.utf8
        let length = scheme.utf8CodeUnitCount
        guard bytes.count > length, bytes[bytes.index(bytes.startIndex, offsetBy: length)] == 0x20 else { return nil }
        for (index, byte) in bytes.prefix(length).enumerated() where byte | 0x20 != scheme.utf8Start[index] {
            return nil
        }
        let rest = HeaderList.trimmed(Substring(bytes.dropFirst(length)))
        return rest.isEmpty ? nil : String(rest)
    }

    /// Returns the token of `Authorization: Bearer` (RFC 6750, section 2.1).
    package static func bearerToken(in field: String) -> String? { Self.credentials("bearer", in: field) }
}
