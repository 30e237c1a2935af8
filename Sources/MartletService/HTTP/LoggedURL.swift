import FoundationEssentials

/// A URL of a service that is asked over HTTP: whether it is one, and how logs show it.
package enum LoggedURL {
    /// Whether a text is an `http` or `https` URL with a host.
    package static func isHTTP(_ text: String) -> Bool {
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let url = URL(string: text),
            let host = url.host(), !host.isEmpty, (1...65535).contains(url.port ?? 80)
        else { return false }
        return url.scheme == "https" || url.scheme == "http"
    }

    /// The URL without what may be secret: user and password, and the query.
    package static func text(_ url: String) -> String {
        let bare = url.prefix { $0 != "?" && $0 != "#" }
        let query = bare.endIndex == url.endIndex ? "" : "?…"
        guard let scheme = bare.firstRange(of: "://") else { return bare + query }
        let authority = bare[scheme.upperBound...].prefix { $0 != "/" }
        guard let mark = authority.lastIndex(of: "@") else { return bare + query }
        return bare[..<scheme.upperBound] + "…@" + bare[bare.index(after: mark)...] + query
    }
}
