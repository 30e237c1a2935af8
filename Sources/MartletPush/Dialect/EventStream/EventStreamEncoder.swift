import NIOCore

/// The event-stream dialect as bytes.
enum EventStreamEncoder {
    /// Encodes items as `text/event-stream` (HTML, section 9.2.6).
    ///
    /// - Parameter isJSON: whether messages are JSON strings. A message as it is loses the difference between CR, LF
    ///   and CR LF, since all of them end a line of the format.
    static func serverSentEvents(_ items: [EventStreamItem], isJSON: Bool) -> ByteBuffer {
        var text = ""
        let hasID = items.contains { $0.id != nil }
        for item in items {
            if let id = item.id { text += "id: \(id)\n" }
            switch item.content {
            case .publication(let event, let data):
                text += "event: \(Self.oneLine(event))\n"
                if isJSON {
                    text += "data: \(JSONText.string(data))\n"
                } else {
                    Self.writeLines(of: data, to: &text)
                }
            case .gap(let events):
                // A browser that keeps the old id is told of the same gap for ever, unless a new one follows.
                if !hasID { text += "id: \n" }
                text += "event: gap\ndata: {\"events\":\(JSONText.strings(events))}\n"
            case .position: break
            }
            text += "\n"
        }
        return ByteBuffer(string: text)
    }

    /// Replaces line ends by spaces: a field ends with its line.
    private static func oneLine(_ text: String) -> String {
        text.utf8.allSatisfy { $0 != 0x0A && $0 != 0x0D }
            ? text : String(decoding: text.utf8.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 }, as: UTF8.self)
    }

    private static func writeLines(of data: String, to text: inout String) {
        var start = data.utf8.startIndex
        var index = start
        func line(to end: String.Index, _ text: inout String) {
            text += "data: "
            text += data[start..<end]
            text += "\n"
        }
        while index < data.utf8.endIndex {
            let byte = data.utf8[index]
            let next = data.utf8.index(after: index)
            if byte == 0x0A || byte == 0x0D {
                line(to: index, &text)
                let isPair = byte == 0x0D && next < data.utf8.endIndex && data.utf8[next] == 0x0A
                start = isPair ? data.utf8.index(after: next) : next
                index = start
            } else {
                index = next
            }
        }
        line(to: index, &text)
    }

    /// Encodes an item as `{"id":"…","event":"…","data":"…"}`, `{"id":"…","gap":["…"]}` or `{"id":"…"}`.
    static func json(_ item: EventStreamItem) -> String {
        var members: [String] = []
        if let id = item.id { members.append("\"id\":\(JSONText.string(id.description))") }
        switch item.content {
        case .publication(let event, let data):
            members.append("\"event\":\(JSONText.string(event)),\"data\":\(JSONText.string(data))")
        case .gap(let events): members.append("\"gap\":\(JSONText.strings(events))")
        case .position: break
        }
        return "{\(members.joined(separator: ","))}"
    }

    /// The answer to a poll: `{"id":"…","gap":["…"],"publications":[{"id":"…","event":"…","data":"…"}]}`.
    static func poll(_ items: [EventStreamItem]) -> String {
        var gap = ""
        var publications: [String] = []
        for item in items {
            switch item.content {
            case .publication: publications.append(Self.json(item))
            case .gap(let events): gap = "\"gap\":\(JSONText.strings(events)),"
            case .position: break
            }
        }
        let lastID = items.last { $0.id != nil }?.id?.description
        let id = lastID.map { "\"id\":\(JSONText.string($0))," } ?? ""
        return "{\(id)\(gap)\"publications\":[\(publications.joined(separator: ","))]}"
    }
}
