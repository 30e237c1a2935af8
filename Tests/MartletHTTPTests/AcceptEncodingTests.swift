import Testing

@testable import MartletHTTP

@Suite("Content coding and entity tags")
struct AcceptEncodingTests {
    @Test(
        "gzip is for those who ask for it",
        arguments: [
            (["gzip"], true), (["gzip, deflate, br, zstd"], true), (["br", "GZip"], true), (["x-gzip"], true),
            (["*"], true),
            (["gzip;q=0.5, identity; q=1"], true), (["gzip ; Q=0.001"], true), (["*;q=0, gzip"], true),
            ([], false), ([""], false), (["br"], false), (["gzip;q=0"], false), (["gzip; q=0.000"], false),
            (["gzip;q=0, *"], false), (["*;q=0"], false), (["gzip;q=x"], false), (["gzip;q="], false),
            (["gzipped"], false),
        ])
    func gzip(values: [String], expected: Bool) { #expect(AcceptEncoding.allowsGzip(values) == expected) }

    @Test(
        "a tag is known when it is named, however it is named",
        arguments: [
            ([#""a""#], true), ([#"W/"a""#], true), ([#""b", "a""#], true), ([#""b""#, #"W/"a" "#], true),
            (["*"], true),
            ([], false), (["a"], false), ([#""b""#], false), ([#""aa""#], false), ([#"w/"a""#], false),
        ])
    func tag(values: [String], expected: Bool) {
        #expect(EntityTag.isKnown(#""a""#, ifNoneMatch: values) == expected)
    }
}
