import Foundation
import Logging
import MartletServer
import MartletWebSocket

/// The words by which the push service says that it listens: where its page is, and a line to try.
struct ServeGreeting: Sendable {
    let configuration: PushServerConfiguration
    let output: ServiceOutput

    /// - Parameter address: of the listener for everybody, its port known.
    func listens(at address: ListenAddress) {
        let url = self.url(of: address, scheme: self.configuration.tls == nil ? "http" : "https")
        guard self.configuration.admin == nil else {
            return self.output.say(
                "Martlet is listening at \(url ?? "\(address)").", "Martlet is listening",
                ["url": "\(url ?? "\(address)")"])
        }
        self.output.say(
            "Martlet is listening.\(self.trial(at: address, url))", "Martlet is listening",
            self.places(at: address, url))
    }

    /// - Parameter address: of the listener for operators, its port known.
    func listensForOperators(at address: ListenAddress) {
        let url = self.url(of: address, scheme: "http")
        let place = url ?? "\(address)"
        let page =
            self.configuration.console.isEnabled
            ? "Metrics and the console are at \(place)/metrics and \(place)/."
            : "Metrics are at \(place)/metrics."
        self.output.say(
            page + self.trial(at: address, url), "listening for operators",
            ["metrics": "\(place)/metrics"].merging(self.places(at: address, url)) { $1 })
    }

    /// The URL of a listener; `nil` for a Unix socket, which has none.
    private func url(of address: ListenAddress, scheme: String) -> String? {
        guard address.path == nil else { return nil }
        let host = address.host == "0.0.0.0" || address.host == "::" ? "localhost" : address.host
        return "\(scheme)://\(ListenAddress(host: host, port: address.port))"
    }

    private func places(at address: ListenAddress, _ url: String?) -> [String: Logger.MetadataValue] {
        ["url": "\(url ?? "\(address)")", "push": "\(url ?? "\(address)")\(self.configuration.pushPath)"]
    }

    private func trial(at address: ListenAddress, _ url: String?) -> String {
        let isInEnvironment = ProcessInfo.processInfo.environment["MARTLET_API_KEY"] != nil
        let shown = isInEnvironment ? "$MARTLET_API_KEY" : "KEY"
        let key = self.configuration.apiKeys == nil ? "" : "-H \"X-API-Key: \(shown)\" "
        let place = address.path.map { "--unix-socket \($0) http://localhost" } ?? url ?? ""
        let page = url.flatMap { self.configuration.console.isEnabled ? $0 : nil }.map {
            " Point a browser to \($0)/#try and register there, then try:"
        }
        return """
            \(page ?? " Try:")

              curl \(key)\(place)\(self.configuration.pushPath) -d '{"userId":"jack","event":"alerts","message":"Hello, Jack"}'

            """
    }
}
