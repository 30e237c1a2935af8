"""Headers through the proxy: what is added, dropped and believed, and routes by host and path."""
import http.client
import json
import re

from support.curl import curl
from support.http_server import HTTPServer
from support.proxy import run_proxy, to, url
from support.waiting import PATIENCE, eventually


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
        **to(backend), "listeners": [{"listen": "127.0.0.1:0", "trustedProxies": ["127.0.0.0/8"]}],
        "accessLog": {"file": str(tmp_path / "access.log")}})
    seen = json.loads(curl("-H", "X-Forwarded-For: 203.0.113.9", "-H", "X-Forwarded-Proto: https", url(proxy)))
    headers = dict(seen["headers"])
    assert headers["X-Forwarded-For"] == "203.0.113.9, 127.0.0.1" and headers["X-Forwarded-Proto"] == "https"
    eventually(lambda: (tmp_path / "access.log").read_text(), "the access log is written")
    assert json.loads((tmp_path / "access.log").read_text())["address"] == "203.0.113.9"
