// The push service with hooks of our own, inside another program.
import HTTPTypes
import MartletPush
import MartletServer

var configuration = PushServerConfiguration()
let port = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 8080
configuration.listen = ListenAddress(host: "127.0.0.1", port: port)
configuration.hooks.authenticate = { question in
    question.token.hasPrefix("user-") ? PushUser(String(question.token.dropFirst(5))) : nil
}
configuration.hooks.authorizePush = { request, address in request.headerFields[.authorization] == "Bearer secret" }

try await PushServer(configuration: configuration) { address in
    print("Connect to ws://\(address)/ws and send {\"token\":\"user-jack\",\"event\":\"alerts\"}")
}.run()
