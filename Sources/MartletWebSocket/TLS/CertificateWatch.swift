package import Logging

/// Reads the certificates of a server again when their files change.
package struct CertificateWatch: Sendable {
    private let interval: Duration
    private let certificates: @Sendable () -> [ServerTLS]
    private let logger: Logger

    /// - Parameters:
    ///   - interval: the time between two checks of the files.
    ///   - certificates: called at each check.
    package init(
        interval: Duration = .seconds(1), logger: Logger, certificates: @escaping @Sendable () -> [ServerTLS]
    ) {
        self.interval = interval
        self.certificates = certificates
        self.logger = logger
    }

    /// Runs until it is cancelled.
    package func run() async {
        while (try? await Task.sleep(for: self.interval)) != nil { self.look() }
    }

    /// Reads all certificates again, whether they have changed or not.
    package func reload() {
        self.look {
            try $0.reload()
            return true
        }
    }

    private func look(_ reload: (ServerTLS) throws -> Bool = { try $0.reloadIfChanged() }) {
        for certificate in self.certificates() {
            do {
                if try reload(certificate) {
                    self.logger.notice(
                        "read a certificate again", metadata: ["file": "\(certificate.certificateFile)"])
                }
            } catch {
                self.logger.error(
                    "kept the old certificate",
                    metadata: ["file": "\(certificate.certificateFile)", "error": "\(error)"])
            }
        }
    }
}
