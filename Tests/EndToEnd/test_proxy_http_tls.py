"""TLS and HTTP/2 through the proxy, on both sides."""
import json
import socket
import ssl
import threading

import pytest

from support.curl import curl
from support.http_server import HTTPServer
from support.nginx import Nginx
from support.ports import free_port
from support.proxy import connect, metric, run_proxy, to, url
from support.waiting import eventually


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_tls_and_http2_from_clients(start, tmp_path, backend, certificates, version):
    proxy = run_proxy(start, tmp_path, {**to(backend), "listeners": [
        {"listen": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
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
        {"listen": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
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
        {"listen": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
    urls = [f"https://localhost:{proxy.port}/{number}" for number in range(100)]
    answers = curl("--http2", "--cacert", certificates["ca"], "-w", "\n", *urls).split("\n")
    seen = [json.loads(answer) for answer in answers if answer]
    assert [one["path"] for one in seen] == [f"/{number}" for number in range(100)]
    assert not any(name.lower() in ("transfer-encoding", "content-length") for one in seen for name, _ in one["headers"])


@pytest.mark.timing
def test_http2_connections_end_with_their_clients(start, tmp_path, backend, certificates):
    proxy = run_proxy(start, tmp_path, {**to(backend), "client": {"keepAliveTimeout": "1s"}, "listeners": [
        {"listen": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}]})
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
