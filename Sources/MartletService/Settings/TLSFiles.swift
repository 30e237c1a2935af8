package import MartletConfiguration

/// The names of the files that a server's TLS needs, as its settings say them.
package struct TLSFiles: Sendable, Hashable {
    package var certificate: String?
    package var key: String?

    package init() {}

    package static let settings: [Setting<TLSFiles>] = [
        .fixed(
            "tls.certificate", \.certificate, .file, default: "none, HTTP without TLS",
            "The file with the certificate chain to serve TLS with, PEM. It is read again when it changes."),
        .fixed("tls.key", \.key, .file, "The file with its private key, PEM. It is read again with it."),
    ]

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
}
