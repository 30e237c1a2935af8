import HTTPTypes

/// The path of a request without its query.
enum WebSocketPath {
    static func of(_ request: HTTPRequest) -> String {
        String((request.path ?? "/").prefix { $0 != "?" && $0 != "#" })
    }
}
