/// Publications of one channel that go out together, encoded once for each encoding. Used on one event loop.
package final class PublicationBatch {
    let channel: ChannelName
    private(set) var publications: [Publication]
    /// Most channels have subscribers of one encoding: the first takes no memory of its own.
    private var first: (encoding: PublicationEncoding, publications: EncodedPublications)?
    private var others: [(encoding: PublicationEncoding, publications: EncodedPublications)] = []

    init(_ channel: ChannelName, _ publications: Publication...) {
        self.channel = channel
        self.publications = publications
    }

    var count: Int { self.publications.count }

    /// To be called before anything is encoded.
    func append(_ publication: Publication) { self.publications.append(publication) }

    subscript(_ encoding: PublicationEncoding) -> EncodedPublications {
        if let first = self.first, first.encoding === encoding { return first.publications }
        if let known = self.others.first(where: { $0.encoding === encoding }) { return known.publications }
        let made = encoding.encode(self)
        if self.first == nil { self.first = (encoding, made) } else { self.others.append((encoding, made)) }
        return made
    }
}
