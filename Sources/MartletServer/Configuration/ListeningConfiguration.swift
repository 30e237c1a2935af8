import MartletHTTP

/// The configuration of a server that listens on one address or several.
protocol ListeningConfiguration {
    var listen: ListenAddress { get set }
    var moreAddresses: [ListenAddress] { get set }
}

extension ListeningConfiguration {
    /// All addresses to listen on. No addresses change nothing.
    var addresses: [ListenAddress] {
        get { [self.listen] + self.moreAddresses }
        set {
            guard let first = newValue.first else { return }
            self.listen = first
            self.moreAddresses = Array(newValue.dropFirst())
        }
    }
}
