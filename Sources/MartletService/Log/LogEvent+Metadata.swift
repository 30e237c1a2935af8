import Logging

extension LogEvent {
    /// Returns the metadata of a line: the event's own takes precedence over what a provider gives, and that over the
    /// handler's.
    func metadata(over metadata: Logger.Metadata, _ provider: Logger.MetadataProvider? = nil) -> Logger.Metadata {
        var merged = metadata
        if let provided = provider?.get() { merged.merge(provided) { $1 } }
        if let own = self.metadata { merged.merge(own) { $1 } }
        return merged
    }
}
