"""The PROXY protocol through the proxy: accepted from balancers in front and sent to upstreams."""
import json
import socket
import struct

import pytest

from support.curl import curl
from support.proxy import connect, metric, run_proxy, to, url
from support.sockets import read_all
from support.waiting import eventually


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_proxy_protocol_sent_and_accepted(start, tmp_path, backend, version):
    (tmp_path / "inner").mkdir()
    inner = run_proxy(start, tmp_path / "inner", {**to(backend), "listeners": [
        {"listen": "127.0.0.1:0", "proxyProtocol": True}]})
    outer = run_proxy(start, tmp_path, {
        "listeners": [{"listen": "127.0.0.1:0", "proxyProtocol": True}], "routes": [{"to": "app"}],
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
        {"listen": "127.0.0.1:0", "proxyProtocol": True}]})
    outer = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {
        "app": {"endpoints": [f"http://127.0.0.1:{inner.port}"], "proxyProtocol": "v1"}}})
    assert dict(json.loads(curl(url(outer)))["headers"])["X-Forwarded-For"] == "127.0.0.1"


def test_checks_of_a_load_balancer_cost_no_connection(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "limits": {"connections": 5}, "listeners": [
        {"listen": "127.0.0.1:0", "proxyProtocol": True}]})
    for _ in range(20):
        with connect(proxy) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    eventually(lambda: metric(proxy, "proxy_connections") == 0, "none of them counts any more")
