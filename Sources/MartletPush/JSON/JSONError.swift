/// The reason for which bytes are not the JSON that is needed. The text is for the sender.
package struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }

    static let syntax = JSONError("it is no JSON")
    static let tooDeep = JSONError("it is nested deeper than \(JSONReader.depthLimit) levels")
    package static let noObject = JSONError("it is no JSON object")
}
