/// Entity tags (RFC 9110, section 8.8.3), which name a version of what a path leads to.
package enum EntityTag {
    /// Returns whether `If-None-Match` (section 13.1.2) names a tag or is `*`: then the client has what it asks for. Tags are
    /// compared weakly, since a proxy that compresses makes a strong one weak.
    ///
    /// - Parameters:
    ///   - tag: a strong tag with its quotes.
    ///   - values: the values of the header, in order.
    package static func isKnown(_ tag: String, ifNoneMatch values: some Sequence<String>) -> Bool {
        HeaderList.elements(values).contains { element in
            element == "*" || (element.hasPrefix("W/") ? element.dropFirst(2) : element) == tag
        }
    }
}
