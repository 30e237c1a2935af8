/// Publications of one channel that go out together, encoded once for each encoding. Used on one event loop.
package final class PublicationBatch {
    let channel: ChannelName
    private(set) var publications: [Publication]
    private var encoded = InlineFirstArray<(encoding: PublicationEncoding, publications: EncodedPublications)>()

    init(_ channel: ChannelName, _ publications: Publication...) {
        self.channel = channel
        self.publications = publications
    }

    var count: Int { self.publications.count }

    /// Adds a publication; called before anything is encoded.
    func append(_ publication: Publication) { self.publications.append(publication) }

    subscript(_ encoding: PublicationEncoding) -> EncodedPublications {
        if let known = self.encoded.firstIndex(where: { $0.encoding === encoding }) {
            return self.encoded[known].publications
        }
        let made = encoding.encode(self)
        self.encoded.append((encoding, made))
        return made
    }
}
