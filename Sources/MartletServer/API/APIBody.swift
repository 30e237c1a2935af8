/// Where the body of a command is read from.
protocol APIBody {
    func decode<Value: Decodable>() throws -> Value
}
