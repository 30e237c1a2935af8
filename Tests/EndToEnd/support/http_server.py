"""Python's HTTP server, to stand behind the proxy."""
import http.server
import json
import threading


class HTTPServer(http.server.ThreadingHTTPServer):
    """Python's http.server. GET /bytes/N answers N zero bytes (?chunked=1 in chunks), POST answers how much it got."""
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, protocol="HTTP/1.1", name="one"):
        self.name, self.requests = name, []
        handler = type("Handler", (Handler,), {"protocol_version": protocol})
        super().__init__(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    PIECE = bytes(1 << 16)
    disable_nagle_algorithm = True  # head and body are two writes

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.requests.append((self.path, dict(self.headers.items())))
        if self.path.startswith("/bytes/"):
            return self.send_bytes(int(self.path.split("/")[2].split("?")[0]), "chunked" in self.path)
        body = json.dumps({"server": self.server.name, "path": self.path, "headers": list(self.headers.items())}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Server", self.server.name)
        self.send_header("Connection", "keep-alive")
        self.send_header("Set-Cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(body)

    do_DELETE = do_OPTIONS = do_GET

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def send_bytes(self, count, is_chunked):
        self.send_response(200)
        self.send_header(*(("Transfer-Encoding", "chunked") if is_chunked else ("Content-Length", str(count))))
        self.end_headers()
        while count:
            piece = self.PIECE[:min(count, len(self.PIECE))]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
            count -= len(piece)
        if is_chunked:
            self.wfile.write(b"0\r\n\r\n")

    def do_POST(self):
        got = 0
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                left = size + 2
                while left:
                    left -= len(self.rfile.read(min(left, 1 << 20)))
                got += size
            self.rfile.readline()
        else:
            left = int(self.headers.get("Content-Length", 0))
            while left:
                part = len(self.rfile.read(min(left, 1 << 20)))
                if not part:
                    return
                left, got = left - part, got + part
        self.server.requests.append((self.path, dict(self.headers.items())))
        body = str(got).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_POST
