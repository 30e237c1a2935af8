"""A service of the operator's, which `martlet serve` asks for keys or for users."""
import http.server
import threading


class Service(http.server.ThreadingHTTPServer):
    """A service of the operator's: `answer(path, body)` gives status and text."""
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, answer):
        service = self
        self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # head and body are two writes

            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.requests.append((self.path, body, self.headers))
                status, text = answer(self.path, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # whoever asked has gone
