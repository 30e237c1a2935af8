package import MartletWebSocket

/// The metric of the certificates that TLS is served with.
package enum CertificateMetrics {
    package static func text(_ certificates: [ServerTLS]) -> String {
        guard !certificates.isEmpty else { return "" }
        let name = "martlet_tls_certificate_expiry_timestamp_seconds"
        var text = PrometheusText.heading(
            name, "gauge", "Time at which the first certificate of the chain expires, in seconds since 1970.")
        // Several listeners may have the same file.
        let times = Dictionary(certificates.map { ($0.certificateFile, $0.expiry) }) { min($0, $1) }
        for (file, time) in times.sorted(by: { $0.key < $1.key }) {
            text += "\(name)\(PrometheusLabels([("file", file)]).braced) \(time)\n"
        }
        return text
    }
}
