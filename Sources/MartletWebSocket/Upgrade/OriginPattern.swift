import MartletHTTP

/// A pattern says which origins are allowed: one, all hosts below a name, or pages without an origin.
enum OriginPattern {
    case one(Origin)
    /// `https://*.example.com`; the suffix begins with a dot.
    case below(scheme: String, suffix: String, port: Int)
    case null

    /// - Returns: `nil` for what no origin can match.
    init?(_ text: String) {
        if text == "null" {
            self = .null
        } else if let origin = Origin(text) {
            self = .one(origin)
        } else if let mark = text.firstRange(of: "://*."),
            let base = Origin(text[..<mark.lowerBound] + "://" + text[mark.upperBound...]),
            !base.host.hasPrefix("."), !base.host.hasPrefix("[")
        {
            self = .below(scheme: base.scheme, suffix: ".\(base.host)", port: base.port)
        } else {
            return nil
        }
    }

    var exact: Origin? {
        if case .one(let origin) = self { origin } else { nil }
    }

    var isNull: Bool {
        if case .null = self { true } else { false }
    }

    /// - Parameters:
    ///   - text: the header of a request.
    ///   - origin: the same, if it is an origin.
    func matches(_ text: String, _ origin: Origin?) -> Bool {
        switch self {
        case .one(let own): origin == own
        case .below(let scheme, let suffix, let port):
            origin.map {
                $0.scheme == scheme && $0.port == port && $0.host.utf8.count > suffix.utf8.count
                    && $0.host.hasSuffix(suffix)
            } ?? false
        case .null: text == "null"
        }
    }
}
