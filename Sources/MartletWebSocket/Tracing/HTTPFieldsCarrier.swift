import HTTPTypes
import Tracing

/// Carries a trace's context in the headers of a handshake.
struct HTTPFieldsCarrier: Injector, Extractor {
    func inject(_ value: String, forKey key: String, into connectionInfo: inout HTTPFields) {
        guard let name = HTTPField.Name(key) else { return }
        connectionInfo[name] = value
    }

    func extract(key: String, from connectionInfo: HTTPFields) -> String? {
        HTTPField.Name(key).flatMap { connectionInfo[$0] }
    }
}
