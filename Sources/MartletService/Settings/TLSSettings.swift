import FoundationEssentials
package import MartletConfiguration
package import MartletWebSocket

/// The settings of a server's TLS: the names of its files.
package struct TLSSettings: Sendable, Hashable {
    package var certificate: String?
    package var key: String?

    package init() {}

    /// The settings of a command that is started again when the names of its files change.
    package static let settings: [Setting<TLSSettings>] = [
        .fixed("tls.certificate", \.certificate, .file, default: Self.absence, Self.certificateHelp),
        .fixed("tls.key", \.key, .file, Self.keyHelp),
    ]

    /// The settings of a listener that may change while the others stay.
    package static let liveSettings: [Setting<TLSSettings>] = [
        .live("tls.certificate", \.certificate, .file, default: Self.absence, Self.certificateHelp),
        .live("tls.key", \.key, .file, Self.keyHelp),
    ]

    private static let absence = "none, HTTP without TLS"
    private static let certificateHelp =
        "The file with the certificate chain to serve TLS with, PEM. It is read again when it changes."
    private static let keyHelp = "The file with the private key of `tls.certificate`, PEM. It is read again with it."

    /// The mistake of one that is said without the other, and of a mapping `tls` without any.
    ///
    /// - Parameters:
    ///   - origins: the places of settings that are said, by path.
    ///   - sections: the places of mappings that are there, by path.
    package func problem(
        _ origins: [String: ConfigurationOrigin], sections: [String: ConfigurationOrigin]
    ) -> ConfigurationError? {
        switch (self.certificate, self.key) {
        case (.some, .some): nil
        case (.some, nil): origins["tls.certificate"]?.error("tls.key is missing, which goes with it")
        case (nil, .some): origins["tls.key"]?.error("tls.certificate is missing, which goes with it")
        case (nil, nil): sections["tls"]?.error("tls.certificate and tls.key are missing")
        }
    }

    /// Reads the files.
    ///
    /// - Parameter http2: whether clients may speak HTTP/2.
    /// - Returns: `nil` unless both files are named and can be used, and what is wrong, each with the path of its key.
    package func open(http2: Bool = false) -> (tls: ServerTLS?, problems: [(path: String, error: ServerError)]) {
        var problems: [(path: String, error: ServerError)] = []
        for (path, file) in [("tls.certificate", self.certificate), ("tls.key", self.key)] {
            guard let file else { continue }
            do {
                _ = try Data(contentsOf: URL(filePath: file))
            } catch {
                problems.append((path, ServerError(.file, reason: "cannot read \(file)", cause: error)))
            }
        }
        guard let certificate = self.certificate, let key = self.key, problems.isEmpty else { return (nil, problems) }
        do {
            return (
                try ServerTLS(
                    certificateFile: certificate, keyFile: key,
                    applicationProtocols: http2 ? ServerTLS.http2Protocols : ServerTLS.http1Protocols), []
            )
        } catch {
            return (nil, [("tls.certificate", ServerError(.file, reason: "cannot serve TLS", cause: error))])
        }
    }
}
