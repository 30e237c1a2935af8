/// A way to encode publications, the same for all subscribers that have it: it depends on the dialect and the
/// transport. The subscribers of a channel are grouped by it, so that a publication is encoded once for each encoding.
final class PublicationEncoding: Sendable {
    /// The transport that carries it.
    let transport: SessionTransport
    let encode: @Sendable (PublicationBatch) -> EncodedPublications

    init(
        over transport: SessionTransport, _ encode: @escaping @Sendable (PublicationBatch) -> EncodedPublications
    ) {
        self.transport = transport
        self.encode = encode
    }
}
