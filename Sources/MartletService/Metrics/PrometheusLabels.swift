/// The labels of a series as they are written, without braces: `route="/",status="200"`.
package struct PrometheusLabels: Sendable, Hashable {
    package let text: String

    package init(_ dimensions: [(String, String)]) {
        self.text = dimensions.sorted { $0.0 < $1.0 }.map { name, value in
            let value = value.utf8.contains(where: Self.isEscaped) ? Self.escape(value) : value
            return "\(name)=\"\(value)\""
        }.joined(separator: ",")
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") || byte == 0x0A
    }

    private static func escape(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }

    /// The value of a label whose value has neither commas nor characters that are escaped; `nil` when it is not there.
    func value(of name: String) -> String? {
        let start = "\(name)=\""
        return self.text.split(separator: ",").first { $0.hasPrefix(start) }.map {
            String($0.dropFirst(start.count).dropLast())
        }
    }

    package var braced: String { self.text.isEmpty ? "" : "{\(self.text)}" }

    /// Returns the labels and one more, in braces.
    package func with(_ name: String, _ value: String) -> String {
        "{\(self.text)\(self.text.isEmpty ? "" : ",")\(name)=\"\(value)\"}"
    }
}
