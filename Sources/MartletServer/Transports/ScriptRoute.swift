import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /martlet.js`: the client for pages, on whatever host they are.
enum ScriptRoute {
    private static let script = ByteBuffer(bytes: PackageResources.martlet_js)

    static func add(to router: Router<ServiceRequestContext>) {
        router.get("/martlet.js") { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: "text/javascript; charset=utf-8", .cacheControl: "public, max-age=3600",
                    .accessControlAllowOrigin: "*", .xContentTypeOptions: "nosniff",
                    .crossOriginResourcePolicy: "cross-origin",
                ],
                body: .init(byteBuffer: Self.script))
        }
    }
}
