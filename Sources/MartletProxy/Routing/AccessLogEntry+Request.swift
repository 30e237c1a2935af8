extension AccessLogEntry {
    /// Notes where a request goes.
    mutating func take(_ request: ProxiedRequest) {
        self.route = request.route.configuration.name
        self.upstream = request.route.group.name
        self.requestID = request.id
    }
}
