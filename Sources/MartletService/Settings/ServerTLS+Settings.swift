import FoundationEssentials
package import MartletWebSocket

extension ServerTLS {
    /// Reads the files that settings name.
    ///
    /// - Throws: ``ServerError`` with the code `file`, which names the file that cannot be read.
    package convenience init(settingsCertificate certificate: String, key: String) throws {
        for file in [certificate, key] {
            do {
                _ = try Data(contentsOf: URL(filePath: file))
            } catch {
                throw ServerError(.file, reason: "cannot read \(file)", cause: error)
            }
        }
        do {
            try self.init(certificateFile: certificate, keyFile: key)
        } catch {
            throw ServerError(.file, reason: "cannot serve TLS", cause: error)
        }
    }
}
