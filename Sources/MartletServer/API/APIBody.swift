/// The source of the body of a command.
protocol APIBody {
    func decode<Value: Decodable>() throws -> Value
}
