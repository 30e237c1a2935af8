import FoundationEssentials

/// The body of a request: JSON; an empty body stands for `{}`.
struct APIRequestBody: APIBody {
    let bytes: Data

    func decode<Value: Decodable>() throws -> Value {
        try JSONDecoder().decode(Value.self, from: self.bytes.isEmpty ? Data("{}".utf8) : self.bytes)
    }
}
