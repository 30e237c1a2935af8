"""`martlet proxy` and plain HTTP: other servers behind it, other proxies in front of it, bodies, headers, upstreams."""
import http.client
import json
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest
from conftest import PATIENCE, eventually
from proxying import HTTPServer, Nginx, admin, descriptors, free_port, metric, run_proxy, to

GIB = 1 << 30
LONG = 120  # seconds for a gibibyte


@pytest.fixture
def backend():
    server = HTTPServer()
    yield server
    server.stop()


def curl(*arguments, timeout=PATIENCE):
    done = subprocess.run(["curl", "-s", "-S", *map(str, arguments)], capture_output=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("latin-1")


def url(proxy, path="/"):
    return f"http://127.0.0.1:{proxy.port}{path}"


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)


def read_all(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data


class PeakMemory:
    """The most that a process takes above what it took at first."""

    def __init__(self, server):
        self.server, self.before, self.peak, self.is_over = server, server.rss(), 0, threading.Event()

    def __enter__(self):
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def watch(self):
        while not self.is_over.wait(0.02):
            self.peak = max(self.peak, self.server.rss() - self.before)

    def __exit__(self, *_):
        self.is_over.set()


# Bodies

SIZES = [0, 1, 65536, (1 << 20) + 7, GIB]


@pytest.mark.parametrize("chunked", [False, True], ids=["sized", "chunked"])
def test_bodies_of_every_size_in_both_directions(start, tmp_path, backend, chunked):
    proxy = run_proxy(start, tmp_path, to(backend))
    with PeakMemory(proxy) as memory:
        for size in SIZES:
            got = curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                       url(proxy, f"/bytes/{size}" + ("?chunked" if chunked else "")), timeout=LONG)
            assert got == f"200 {size}"
            file = tmp_path / "body"
            with file.open("wb") as body:
                body.truncate(size)
            headers = ["-H", "Transfer-Encoding: chunked"] if chunked else []
            if size or not chunked:  # curl 7.88 never ends an empty body in chunks
                assert curl("-T", file, *headers, url(proxy, "/upload"), timeout=LONG) == str(size)
            else:
                assert upload_nothing_in_chunks(proxy) == b"0"
    print(f"peak {memory.peak >> 20} MiB above {memory.before >> 20} MiB")
    assert memory.peak < 64 << 20


def upload_nothing_in_chunks(proxy):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    connection.request("PUT", "/upload", iter([]), {"Transfer-Encoding": "chunked"}, encode_chunked=True)
    return connection.getresponse().read()


def test_a_slow_client_holds_the_server_back_and_not_the_memory(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    with connect(proxy) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(f"GET /bytes/{GIB} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        client.recv(1000)
        quick = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
        before = proxy.rss()
        for _ in range(200):
            quick.request("GET", "/bytes/100000")
            assert len(quick.getresponse().read()) == 100000
        assert proxy.rss() - before < 32 << 20


def test_answers_without_a_length(start, tmp_path):
    """An HTTP/1.0 server ends its answer with the connection; a client of HTTP/1.1 gets chunks, one of 1.0 an end."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            connection.recv(65536)
            connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end")
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    for version in ("1.1", "1.0"):
        with connect(proxy) as client:
            client.sendall(f"GET / HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
            head, body = read_all(client).split(b"\r\n\r\n", 1)
        assert (b"chunked" in head) == (version == "1.1")
        assert body == (b"d\r\nuntil the end\r\n0\r\n\r\n" if version == "1.1" else b"until the end")


def test_an_answer_that_breaks_off_is_seen_to_break_off(start, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            connection, _ = listener.accept()
            chunked = b"/chunked" in connection.recv(65536)
            head = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n" if chunked else b"Content-Length: 100\r\n\r\nhello"
            connection.sendall(b"HTTP/1.1 200 OK\r\n" + head)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    for path in ("/chunked", "/sized"):
        done = subprocess.run(["curl", "-s", url(proxy, path)], capture_output=True, timeout=PATIENCE)
        assert done.returncode in (18, 56), path  # the transfer is not complete


def test_expect_100_continue(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    with connect(proxy) as client:
        client.sendall(b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
        head = client.recv(65536)
        assert head.startswith(b"HTTP/1.1 100 ")
        client.sendall(b"hello")
        answer = b""
        while not answer.endswith(b"\r\n\r\n5"):
            answer += client.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_methods_that_have_no_body_in_their_answer(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    for _ in range(3):
        connection.request("HEAD", "/")
        response = connection.getresponse()
        assert response.getheader("Content-Length") == "12345" and response.read() == b""
        connection.request("GET", "/")
        assert json.loads(connection.getresponse().read())["path"] == "/"


def test_pipelined_requests_are_answered_in_order(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    count = 300
    with connect(proxy) as client:
        client.sendall(b"".join(f"GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for n in range(count))
                       + b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        paths = re.findall(rb'"path": "/(\w+)"', read_all(client))
    assert paths == [str(n).encode() for n in range(count)] + [b"last"]


def test_a_body_beyond_the_limit_of_a_route(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend, maximumBodySize="1KiB"))
    for headers in ([], ["-H", "Transfer-Encoding: chunked"]):
        got = curl("-o", "/dev/null", "-w", "%{http_code}", *headers, "-H", "Expect:", "--data-binary", "x" * 5000, url(proxy))
        assert got == "413"
    assert curl("--data-binary", "x" * 1000, url(proxy)) == "1000"


# Headers


def test_headers_of_requests_and_answers(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(
        backend, path="/app", replacePrefix="/", requestHeaders={"set": {"X-Set": "1"}, "remove": ["X-Gone"]},
        responseHeaders={"remove": ["X-Server"], "set": {"X-Frame-Options": "DENY"}}))
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    connection.request("GET", "/app/x%20y?q=1", headers={
        "X-Forwarded-For": "6.6.6.6", "X-Request-Id": "mine", "X-Gone": "1", "Keep-Alive": "1", "X-Hop": "1", "Connection": "keep-alive, X-Hop"})
    response = connection.getresponse()
    seen = json.loads(response.read())
    headers = dict(seen["headers"])
    assert seen["path"] == "/x%20y?q=1"
    assert headers["X-Forwarded-For"] == "127.0.0.1" and headers["X-Forwarded-Proto"] == "http"
    assert headers["Host"] == headers["X-Forwarded-Host"] == f"127.0.0.1:{proxy.port}"
    assert headers["Forwarded"].startswith("for=127.0.0.1;host=") and headers["X-Set"] == "1"
    assert headers["Via"] == "1.1 martlet" and re.fullmatch("[0-9a-f]{16}", headers["X-Request-Id"])
    assert not {"X-Gone", "X-Hop", "Keep-Alive", "Connection"} & headers.keys()
    assert response.getheader("X-Server") is None and response.getheader("X-Frame-Options") == "DENY"
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    connection.request("GET", "/other")
    assert connection.getresponse().status == 404


def test_nobody_claims_to_be_a_user(start, tmp_path, backend):
    """The header that carries the user of a checked token is dropped on plain requests of the route as well."""
    (tmp_path / "secret").write_text("s" * 32)
    proxy = run_proxy(start, tmp_path, to(backend, webSocket={"jwt": {"secretFile": str(tmp_path / "secret")}}))
    assert "X-User" not in dict(json.loads(curl("-H", "X-User: admin", url(proxy)))["headers"])


def test_routes_by_host_and_path(start, tmp_path):
    servers = {name: HTTPServer(name=name) for name in ("any", "host", "path")}
    address = {name: f"http://{server.address}" for name, server in servers.items()}
    proxy = run_proxy(start, tmp_path, {"routes": [
        {"to": address["any"]}, {"hosts": ["example.com"], "to": address["host"]},
        {"hosts": ["example.com"], "path": "/api", "to": address["path"], "host": "upstream"}]})

    def ask(host, path):
        return json.loads(curl("-H", f"Host: {host}", url(proxy, path)))

    assert ask("other", "/api")["server"] == "any"
    assert ask("example.com", "/")["server"] == "host"
    answer = ask("example.com:80", "/api/x")
    assert answer["server"] == "path" and dict(answer["headers"])["Host"] == servers["path"].address
    assert ask("example.com", "/%61pi/x")["server"] == "path"
    for server in servers.values():
        server.stop()


def test_trusted_proxies(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {
        **to(backend), "listeners": [{"address": "127.0.0.1:0", "trustedProxies": ["127.0.0.0/8"]}],
        "accessLog": {"file": str(tmp_path / "access.log")}})
    seen = json.loads(curl("-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: https", url(proxy)))
    headers = dict(seen["headers"])
    assert headers["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1" and headers["X-Forwarded-Proto"] == "https"
    eventually(lambda: (tmp_path / "access.log").read_text(), "the access log is written")
    assert json.loads((tmp_path / "access.log").read_text())["address"] == "203.0.113.9"


# Others behind and in front


def test_hummingbird_behind(start, tmp_path, serve):
    push = serve()
    proxy = run_proxy(start, tmp_path, to(push))
    assert curl(url(proxy, "/healthz")) == "ok\n"
    assert curl("-d", '{"userId":"a","event":"b","message":"c"}', url(proxy, "/push")) == "message sent to 0 clients"
    assert "<!doctype html>" in curl(url(proxy))


def test_python_http_1_0_behind(start, tmp_path):
    server = HTTPServer("HTTP/1.0")
    proxy = run_proxy(start, tmp_path, to(server))
    assert curl("-d", "hello", url(proxy)) == "5"
    assert curl("-o", "/dev/null", "-w", "%{size_download}", url(proxy, "/bytes/1000000")) == "1000000"
    server.stop()


def test_nginx_behind(start, tmp_path):
    (tmp_path / "files").mkdir()
    with (tmp_path / "files/large").open("wb") as file:
        file.truncate(64 << 20)
    nginx = Nginx(tmp_path / "nginx", f"; root {tmp_path}/files;", free_port())
    proxy = run_proxy(start, tmp_path, to(nginx))
    assert curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", url(proxy, "/large")) == f"200 {64 << 20}"
    assert curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", "-r", "5-14", url(proxy, "/large")) == "206 10"
    assert curl("-o", "/dev/null", "-w", "%{http_code}", url(proxy, "/none")) == "404"
    nginx.stop()


def test_nginx_in_front_as_tls_terminator(start, tmp_path, backend, certificates):
    proxy = run_proxy(start, tmp_path, {
        **to(backend), "listeners": [{"address": "127.0.0.1:0", "trustedProxies": ["127.0.0.1"]}]})
    nginx = Nginx(tmp_path / "nginx", f"""ssl;
        ssl_certificate {certificates["cert"]}; ssl_certificate_key {certificates["key"]};
        location / {{
            proxy_pass http://127.0.0.1:{proxy.port}; proxy_http_version 1.1; proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
            proxy_request_buffering off; proxy_buffering off;
        }}""", free_port())
    base = f"https://localhost:{nginx.address.split(':')[1]}"
    headers = dict(json.loads(curl("--cacert", certificates["ca"], base))["headers"])
    assert headers["X-Forwarded-Proto"] == "https" and headers["X-Forwarded-For"] == "127.0.0.1, 127.0.0.1"
    assert curl("--cacert", certificates["ca"], "--data-binary", "x" * 100000, base) == "100000"
    nginx.stop()


# TLS, HTTP/2, the PROXY protocol


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_tls_and_http2_from_clients(start, tmp_path, backend, certificates, version):
    proxy = run_proxy(start, tmp_path, {**to(backend), "listeners": [
        {"address": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
    base = f"https://localhost:{proxy.port}"
    options = [version, "--cacert", certificates["ca"]]
    assert curl(*options, "-o", "/dev/null", "-w", "%{http_version} %{http_code}", base) == {
        "--http1.1": "1.1 200", "--http2": "2 200"}[version]
    upload = tmp_path / "upload"
    upload.write_bytes(bytes(1_000_000))
    unsized = ["-H", "Transfer-Encoding: chunked"] if version == "--http1.1" else ["-H", "Content-Length:"]
    for headers in ([], unsized):
        assert curl(*options, *headers, "-T", upload, f"{base}/upload") == "1000000"
    for size in (0, 1, 5_000_000):
        for query in ("", "?chunked"):
            assert curl(*options, "-o", "/dev/null", "-w", "%{size_download}", f"{base}/bytes/{size}{query}") == str(size)
    headers = {name.lower(): value for name, value in json.loads(curl(*options, "-b", "a=1; b=2", base))["headers"]}
    assert headers["x-forwarded-proto"] == "https" and headers["cookie"] == "a=1; b=2" and headers["host"] == f"localhost:{proxy.port}"
    assert curl(*options, "-I", base).count("12345") == 1
    # Many at once over one connection.
    many = curl(*options, "-Z", "--parallel-max", "50", *sum((["-o", "/dev/null", f"{base}/bytes/100000"] for _ in range(50)), []),
                "-w", "%{size_download}\n")
    assert many.split() == ["100000"] * 50


def test_tls_to_upstreams(start, tmp_path, certificates):
    nginx = Nginx(tmp_path / "nginx", f"ssl; ssl_certificate {certificates['cert']}; ssl_certificate_key {certificates['key']}; return 200 secure;", free_port())
    port = nginx.address.split(":")[1]
    upstream = {"endpoints": [f"https://localhost:{port}"], "tls": {"authorities": certificates["ca"]}}
    proxy = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": upstream}})
    assert curl(url(proxy)) == "secure"
    strangers = run_proxy(start, tmp_path, to(f"https://localhost:{port}"))  # not of an authority that we know
    assert curl("-w", "%{http_code}", "-o", "/dev/null", url(strangers)) == "502"
    # Nothing was sent to whom we do not trust: the next may have the request.
    server = HTTPServer()
    either = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": {
        "endpoints": [f"https://localhost:{port}", f"http://{server.address}"]}}})
    assert {curl("-w", "%{http_code}", "-o", "/dev/null", url(either)) for _ in range(8)} == {"200"}
    server.stop()
    unchecked = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": {**upstream, "tls": {"verify": False}}}})
    assert curl(url(unchecked)) == "secure"
    nginx.stop()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_proxy_protocol_sent_and_accepted(start, tmp_path, backend, version):
    (tmp_path / "inner").mkdir()
    inner = run_proxy(start, tmp_path / "inner", {**to(backend), "listeners": [
        {"address": "127.0.0.1:0", "proxyProtocol": True}]})
    outer = run_proxy(start, tmp_path, {
        "listeners": [{"address": "127.0.0.1:0", "proxyProtocol": True}], "routes": [{"to": "app"}],
        "upstreams": {"app": {"endpoints": [f"http://127.0.0.1:{inner.port}"], "proxyProtocol": version}}})
    for source in ("192.0.2.1", "198.51.100.7"):
        with connect(outer) as client:
            client.sendall(f"PROXY TCP4 {source} 203.0.113.1 1234 80\r\n".encode())
            client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            body = json.loads(read_all(client).split(b"\r\n\r\n", 1)[1])
            assert dict(body["headers"])["X-Forwarded-For"] == source  # the inner proxy saw it as its peer
    with connect(outer) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_all(client) == b""
    eventually(lambda: metric(outer, "proxy_refused_connections_total", reason="PROXY protocol") == 1, "the refusal is counted")


def test_a_proxy_protocol_header_from_a_listener_without_one(start, tmp_path, backend):
    (tmp_path / "inner").mkdir()
    inner = run_proxy(start, tmp_path / "inner", {**to(backend), "listeners": [
        {"address": "127.0.0.1:0", "proxyProtocol": True}]})
    outer = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {
        "app": {"endpoints": [f"http://127.0.0.1:{inner.port}"], "proxyProtocol": "v1"}}})
    assert dict(json.loads(curl(url(outer)))["headers"])["X-Forwarded-For"] == "127.0.0.1"


def test_checks_of_a_load_balancer_cost_no_connection(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "maximumConnections": 5, "listeners": [
        {"address": "127.0.0.1:0", "proxyProtocol": True}]})
    for _ in range(20):
        with connect(proxy) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "none of them counts any more")


def test_a_body_of_unknown_length_in_an_http2_get_stays_a_body(start, tmp_path, certificates):
    """HTTP/2 frames it; towards the upstream it must not pass for the next request."""
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            connection, _ = listener.accept()
            data = b""
            while b"smuggled" not in data or not data.endswith(b"0\r\n\r\n"):
                part = connection.recv(65536)
                if not part:
                    break
                data += part
            seen.append(data)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, {**to(f"127.0.0.1:{listener.getsockname()[1]}"), "listeners": [
        {"address": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
    body = tmp_path / "body"
    body.write_text("GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n")
    assert curl("--http2", "--cacert", certificates["ca"], "-X", "GET", "-H", "Content-Length:", "-T", body,
                f"https://localhost:{proxy.port}/a") == "ok"
    head, rest = seen[0].split(b"\r\n\r\n", 1)
    assert b"Transfer-Encoding: chunked" in head and rest == b"%x\r\n%s\r\n0\r\n\r\n" % (
        body.stat().st_size, body.read_bytes())


def test_http2_requests_without_a_body_have_none_upstream(start, tmp_path, backend, certificates):
    """Also on connections that are kept, which are at hand before it is known that nothing follows the head."""
    proxy = run_proxy(start, tmp_path, {**to(backend), "listeners": [
        {"address": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
    urls = [f"https://localhost:{proxy.port}/{number}" for number in range(100)]
    answers = curl("--http2", "--cacert", certificates["ca"], "-w", "\n", *urls).split("\n")
    seen = [json.loads(answer) for answer in answers if answer]
    assert [one["path"] for one in seen] == [f"/{number}" for number in range(100)]
    assert not any(name.lower() in ("transfer-encoding", "content-length") for one in seen for name, _ in one["headers"])


def test_http2_connections_end_with_their_clients(start, tmp_path, backend, certificates):
    proxy = run_proxy(start, tmp_path, {**to(backend), "client": {"keepAliveTimeout": "1s"}, "listeners": [
        {"address": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
    context = ssl.create_default_context(cafile=certificates["ca"])
    context.set_alpn_protocols(["h2"])

    def speak():
        connection = context.wrap_socket(connect(proxy), server_hostname="localhost")
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
        return connection

    before = metric(proxy, "proxy_connections")
    leaves, stays = speak(), speak()
    leaves.close()
    # The other one opens no stream, and is told to go.
    data = b""
    while part := stays.recv(65536):
        data += part
    assert b"\x07\0\0\0\0\0" in data  # GOAWAY
    eventually(lambda: metric(proxy, "proxy_connections") == before, "both have ended")


# Upstreams


def test_connections_to_upstreams_are_kept(start, tmp_path, backend):
    accepted = []
    process = backend.process_request
    backend.process_request = lambda *arguments: (accepted.append(1), process(*arguments))
    proxy = run_proxy(start, tmp_path, {**to(backend)})
    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
    for _ in range(20):
        connection.request("GET", "/")
        connection.getresponse().read()
    assert len(accepted) == 1


def servers_of(proxy, count, headers=()):
    return [json.loads(curl(*sum((["-H", header] for header in headers), []), url(proxy)))["server"] for _ in range(count)]


def test_balancing(start, tmp_path):
    servers = [HTTPServer(name=str(index)) for index in range(3)]
    endpoints = [f"http://{server.address}" for server in servers]

    def proxy(balance):
        return run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": {"endpoints": endpoints, "balance": balance}}})

    assert sorted(servers_of(proxy("roundRobin"), 6)) == ["0", "0", "1", "1", "2", "2"]
    assert set(servers_of(proxy("leastConnections"), 3)) <= {"0", "1", "2"}
    assert len(set(servers_of(proxy("clientAddress"), 5))) == 1
    hashed = proxy({"cookie": "sid"})
    assert all(len(set(servers_of(hashed, 3, [f"Cookie: x=1; sid={user}"]))) == 1 for user in range(4))
    assert len({servers_of(hashed, 1, [f"Cookie: sid={user}"])[0] for user in range(12)}) > 1
    for server in servers:
        server.stop()


def test_a_request_that_was_not_sent_is_tried_elsewhere(start, tmp_path, backend):
    dead = f"http://127.0.0.1:{free_port()}"
    proxy = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {
        "app": {"endpoints": [dead, f"http://{backend.address}"]}}})
    for _ in range(10):
        assert curl("-d", "hello", url(proxy)) == "5"
    assert metric(proxy, "proxy_upstream_failures_total", endpoint=dead) == 3  # then it is left out
    alone = run_proxy(start, tmp_path, to(dead))
    body = curl("-w", "%{http_code}", url(alone))
    assert body.endswith("502") and "cannot be reached" in body


def test_a_request_that_was_sent_is_not_repeated(start, tmp_path):
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            connection, _ = listener.accept()
            seen.append(connection.recv(65536))
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}"))
    assert "without an answer502" in curl("-w", "%{http_code}", url(proxy)).replace("\n", "")
    assert len(seen) == 1


def test_timeouts_of_upstreams(start, tmp_path):
    listener = socket.create_server(("127.0.0.1", 0))  # accepts in the kernel, and never answers
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{listener.getsockname()[1]}", responseTimeout="300ms"))
    assert "did not answer in time\n504" in curl("-w", "%{http_code}", url(proxy))


def test_health_checks(start, tmp_path):
    one, other = HTTPServer(name="one"), HTTPServer(name="other")
    check = {"path": "/healthz", "interval": "100ms", "timeout": "1s", "healthyAfter": 1, "unhealthyAfter": 1}
    proxy = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {
        "app": {"endpoints": [f"http://{one.address}", f"http://{other.address}"], "healthCheck": check}}})

    def up():
        return {status["url"]: status["isAvailable"] for status in json.loads(admin(proxy, "/upstreams"))}

    assert set(servers_of(proxy, 4)) == {"one", "other"}
    port = one.server_address[1]
    one.stop()
    eventually(lambda: not up()[f"http://127.0.0.1:{port}"], "the check sees that a server is gone")
    assert set(servers_of(proxy, 4)) == {"other"}
    other.stop()
    eventually(lambda: not any(up().values()), "the check sees that both are gone")
    assert "503" in curl("-w", "%{http_code}", url(proxy))


# Clients that misbehave


def test_slow_and_silent_clients(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "client": {"headerTimeout": "300ms", "bodyTimeout": "300ms", "keepAliveTimeout": "300ms"}})
    with connect(proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
        assert read_all(client) == b""
    with connect(proxy) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        assert read_all(client).startswith(b"HTTP/1.1 408 ")
    with connect(proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert read_all(client).startswith(b"HTTP/1.1 200 ")


def test_answers_of_the_proxy_heed_connection_close(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(f"127.0.0.1:{free_port()}"))
    for request in (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n"):
        with connect(proxy) as client:
            client.sendall(request)
            answer = read_all(client)
        assert b" 502 " in answer and b"Connection: close" in answer


def test_too_many_connections(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "maximumConnections": 3})
    held = [connect(proxy) for _ in range(3)]
    eventually(lambda: metric(proxy, "proxy_connections") == 3, "three are open")
    with connect(proxy) as client:
        assert read_all(client).startswith(b"HTTP/1.1 503 ")
    for one in held:
        one.close()
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "they have ended")
    assert curl("-d", "hello", url(proxy)) == "5"


def test_headers_beyond_the_limits(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    for headers in ("X-A: " + "a" * 20000 + "\r\n", "".join(f"X-{n}: 1\r\n" for n in range(200))):
        with connect(proxy) as client:
            client.sendall(f"GET / HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
            assert read_all(client).startswith(b"HTTP/1.1 431 ")


def test_a_client_that_leaves_takes_its_request_with_it(start, tmp_path):
    listener, gone = socket.create_server(("127.0.0.1", 0)), threading.Event()
    asked = threading.Event()

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        asked.set()
        if connection.recv(65536) == b"":
            gone.set()

    threading.Thread(target=serve, daemon=True).start()
    log = tmp_path / "access.log"
    proxy = run_proxy(start, tmp_path, {**to(f"127.0.0.1:{listener.getsockname()[1]}"), "accessLog": {"file": str(log), "format": "combined"}})
    with connect(proxy) as client:
        client.sendall(b"GET /long-poll HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asked.wait(PATIENCE)
    assert gone.wait(PATIENCE)
    eventually(lambda: '"GET /long-poll HTTP/1.1" 499 0 "-" "-"' in log.read_text(), "the access log says so")


# Operations


def test_a_reload_under_load_loses_no_request(start, tmp_path):
    """10,000 requests over kept and new connections, while the configuration changes twenty times."""
    servers = [HTTPServer(name=str(index)) for index in range(2)]
    endpoints = [f"http://{server.address}" for server in servers]
    base = {"routes": [{"to": "app"}], "upstreams": {"app": {"endpoints": endpoints}}}
    proxy = run_proxy(start, tmp_path, base)
    whole = json.loads(proxy.file.read_text())
    failures, done, threads = [], [0] * 10, []

    def ask(thread):
        connection = None
        for number in range(1000):
            try:
                if connection is None or number % 100 == 0:
                    connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=PATIENCE)
                connection.request("GET", f"/{thread}/{number}")
                response = connection.getresponse()
                body = json.loads(response.read())
                if response.status != 200 or body["path"] != f"/{thread}/{number}":
                    failures.append((thread, number, response.status))
                if response.will_close:
                    connection = None
            except Exception as error:
                failures.append((thread, number, repr(error)))
                connection = None
            done[thread] += 1

    for thread in range(10):
        threads.append(threading.Thread(target=ask, args=(thread,)))
        threads[-1].start()
    for reload in range(20):
        eventually(lambda: sum(done) >= 450 * (reload + 1), "the requests go on", 60)
        whole["upstreams"]["app"] = {"endpoints": endpoints if reload % 2 else endpoints[:1], "keptConnections": 8 + reload}
        whole["client"] = {"headerTimeout": f"{10 + reload}s"}  # which makes new listeners, at the same address
        proxy.file.write_text(json.dumps(whole))
        proxy.process.send_signal(signal.SIGHUP)
        eventually(lambda: sum("took a new configuration" in line for line in proxy.log) >= reload + 1, "the reload")
    for thread in threads:
        thread.join()
    assert failures == [] and sum(done) == 10000
    for server in servers:
        server.stop()


def test_a_wrong_configuration_changes_nothing(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    proxy.file.write_text('{"listeners": ["127.0.0.1:0"], "routes": [{"to": "nowhere"}]}')
    eventually(lambda: any("kept what a file said before" in line and "nowhere" in line for line in proxy.log), "it says what is wrong")
    assert curl("-d", "hello", url(proxy)) == "5"


def test_a_listener_that_cannot_be_had_leaves_the_others_alone(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    right = proxy.file.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = json.loads(right)
        wrong["listeners"] = [{"address": "127.0.0.1:0", "http2": False}, f"127.0.0.1:{taken.getsockname()[1]}"]
        wrong["client"] = {"headerTimeout": "5s"}
        proxy.file.write_text(json.dumps(wrong))
        eventually(lambda: any("kept what a file said before" in line for line in proxy.log), "the reload fails")
        assert curl("-d", "hello", url(proxy)) == "5"
    proxy.file.write_text(right)
    eventually(lambda: any("took a new" in line for line in proxy.log), "the right one is taken")
    assert curl("-d", "hello", url(proxy)) == "5"


def test_listeners_come_and_go_with_a_reload(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "listeners": [f"127.0.0.1:{free_port()}"]})
    old, new = proxy.port, free_port()
    kept = http.client.HTTPConnection("127.0.0.1", old, timeout=PATIENCE)
    kept.request("GET", "/")
    kept.getresponse().read()
    configuration = json.loads(proxy.file.read_text())
    configuration["listeners"] = [f"127.0.0.1:{new}"]
    proxy.file.write_text(json.dumps(configuration))
    proxy.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("took a new" in line for line in proxy.log), "the reload")
    assert curl(f"http://127.0.0.1:{new}/healthz")
    kept.request("GET", "/")
    assert kept.getresponse().status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", old), 1)


def test_shutdown_lets_a_request_come_to_its_end(start, tmp_path):
    listener, release = socket.create_server(("127.0.0.1", 0)), threading.Event()
    asked = threading.Event()

    def serve():
        connection, _ = listener.accept()
        connection.recv(65536)
        asked.set()
        release.wait(PATIENCE)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    threading.Thread(target=serve, daemon=True).start()
    proxy = run_proxy(start, tmp_path, {**to(f"127.0.0.1:{listener.getsockname()[1]}"), "drainTimeout": "20s"})
    idle = connect(proxy)
    with connect(proxy) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert asked.wait(PATIENCE)
        proxy.process.send_signal(signal.SIGTERM)
        assert read_all(idle) == b""
        eventually(lambda: "draining" in healthz(proxy), "healthz says that the proxy drains")
        release.set()
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 200 ") and b"Connection: close" in answer and answer.endswith(b"ok")
    assert proxy.process.wait(PATIENCE) == 0


def healthz(proxy):
    return subprocess.run(["curl", "-s", f"http://127.0.0.1:{proxy.admin}/healthz"], capture_output=True, text=True).stdout


def test_no_descriptor_is_left(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    curl(url(proxy))
    before = descriptors(proxy.process)
    for _ in range(5):
        curl("-d", "x" * 100000, url(proxy))
        with connect(proxy) as client:
            client.sendall(b"GET /bytes/100000000 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.recv(1000)
    eventually(lambda: descriptors(proxy.process) <= before + 1, "the descriptors are given back")


def test_the_command_line(start, backend, tmp_path):
    def run(*arguments):
        from conftest import MARTLET
        done = subprocess.run([MARTLET, "proxy", *arguments], capture_output=True, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr

    assert run()[0] == 64
    assert run("--to", "nonsense")[0] == 64
    assert run("--config", str(tmp_path / "none"))[0] == 66
    file = tmp_path / "wrong.yaml"
    file.write_text("listeners: [127.0.0.1:0]\nroutes:\n  - to: http://a\n    patth: /\n")
    code, output = run("--config", str(file), "--check")
    assert code == 78 and "wrong.yaml:4: routes[0].patth" in output
    file.write_text("listeners: [127.0.0.1:0]\nroutes:\n  - to: http://a\n")
    assert run("--config", str(file), "--check") == (0, f"{file}: 1 routes, nothing wrong\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = run("--listen", f"127.0.0.1:{port}", "--to", "http://127.0.0.1:1")
        assert code == 69 and f"cannot listen on 127.0.0.1:{port}" in output
