public import HTTPTypes
import MartletHTTP
import MartletService
package import NIOHTTP1
import Synchronization

/// The API keys, each of which gives access. They can be replaced while the service runs, so that a new one is known
/// before the old one goes.
public final class APIKeys: Sendable {
    private static let headerName = HTTPField.Name("X-API-Key")!

    private let keys: Mutex<[APIKey]>

    public init(_ keys: [APIKey]) { self.keys = Mutex(keys) }

    /// Reads a file with a key on each line, followed by its name if it has one. Empty lines and lines that begin with
    /// `#` are skipped.
    ///
    /// - Throws: ``ServerError`` with the code `file`, naming the line.
    public convenience init(contentsOf path: String) throws { self.init(try Self.read(path)) }

    /// Replaces the keys by those of a file.
    ///
    /// - Throws: ``ServerError`` with the code `file`; then everything stays as it was.
    public func reload(contentsOf path: String) throws {
        let keys = try Self.read(path)
        self.keys.withLock { $0 = keys }
    }

    /// The key that a request shows; `nil` when it shows none of them.
    public func key(of request: HTTPRequest) -> APIKey? { self.key(among: Self.shown(by: request)) }

    package func key(of headers: HTTPHeaders) -> APIKey? { self.key(among: Self.shown(by: headers)) }

    /// Keys that a request may show, one in either header. More are a way to try many with one request: then all are
    /// wrong, whatever they are.
    private static let shownLimit = 2

    /// Checks the keys that a request shows, unless its address has shown too many wrong ones.
    package func check(_ shown: [String], from address: String?, _ guarding: KeyGuard) -> KeyCheck {
        guard !shown.isEmpty else { return .missing }
        if let seconds = guarding.refusal(of: address, showing: shown) { return .tooMany(seconds: seconds) }
        guard let key = self.key(among: shown) else {
            guarding.wasWrong(address)
            return .wrong
        }
        guarding.wasRight(address, showing: shown)
        return .right(key.name)
    }

    /// The keys that a request shows, right or wrong. An empty header shows none: a variable of its sender is not set.
    package static func shown(by request: HTTPRequest) -> [String] {
        request.headerFields[values: Self.headerName].filter { !$0.isEmpty }
            + request.headerFields[values: .authorization].compactMap(RequestValues.bearerToken)
    }

    package static func shown(by headers: HTTPHeaders) -> [String] {
        headers["x-api-key"].filter { !$0.isEmpty } + headers["authorization"].compactMap(RequestValues.bearerToken)
    }

    /// The keys that are so short that they could be guessed, by name.
    package var shortNames: [String] {
        self.keys.withLock { $0 }.filter { $0.value.utf8.count < Self.safeLength }.map(\.name)
    }

    /// Bytes of a key that cannot be guessed, if they are random.
    package static let safeLength = 16

    /// Whether a key of that name is among them.
    package func holds(_ value: String, name: String) -> Bool {
        let keys = self.keys.withLock { $0 }
        // All are compared, whichever is right.
        return keys.reduce(false) { found, key in
            let isRight = ConstantTime.equals(value, key.value)
            return (isRight && key.name.utf8.elementsEqual(name.utf8)) || found
        }
    }

    package func key(among shown: [String]) -> APIKey? {
        guard (1...Self.shownLimit).contains(shown.count) else { return nil }
        let keys = self.keys.withLock { $0 }
        // All are compared, whichever is right.
        var found: APIKey?
        for key in keys { for value in shown where ConstantTime.equals(value, key.value) { found = key } }
        return found
    }

    private static func read(_ path: String) throws -> [APIKey] {
        var keys: [APIKey] = []
        for line in try SecretFile(contentsOf: path).lines {
            guard line.fields.count <= 2 else { throw line.error("expected a key and perhaps its name") }
            let key = APIKey(line.fields[0], name: line.fields.count == 2 ? line.fields[1] : "default")
            guard !keys.contains(where: { $0.value.utf8.elementsEqual(key.value.utf8) }) else {
                throw line.error("this key is there twice")
            }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw ServerError(.file, reason: "\(path) holds no keys") }
        return keys
    }
}
