import Foundation
import Testing

/// Every file of the corpora, which are what a fuzzer began with and what it found: see scripts/fuzz.sh.
@Suite("Corpora of the fuzzer")
struct CorpusTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Corpora")

    @Test("each file, and each beginning of one, ends well", arguments: FuzzTarget.allCases)
    func corpus(target: FuzzTarget) throws {
        let folder = Self.folder.appending(path: target.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = [UInt8](try Data(contentsOf: file))
            // Long files cut at a few hundred places.
            for count in stride(from: 0, through: bytes.count, by: max(bytes.count / 300, 1)) {
                target.run(Array(bytes.prefix(count)))
            }
            target.run(bytes)
        }
    }
}
