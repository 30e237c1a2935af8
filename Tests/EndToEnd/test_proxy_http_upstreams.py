"""Upstreams of the proxy: kept connections, balancing, what is tried again, timeouts, health."""
import http.client
import json
import socket
import threading

import pytest

from support.curl import curl
from support.http_server import HTTPServer
from support.ports import free_port
from support.proxy import admin, metric, run_proxy, to, url
from support.waiting import PATIENCE, eventually


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


@pytest.mark.timing
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
