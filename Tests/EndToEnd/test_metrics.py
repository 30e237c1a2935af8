"""Metrics as Prometheus wants them: all there from the start, each with its help; and the rules that ask for them."""
import json
import os
import re
import socket
import ssl
import time

import httpx
import pytest
import websockets.sync.client
import yaml

from support.event_stream import Stream, push, query
from support.paths import ROOT
from support.poll import poll
from support.processes import memory
from support.promtool import complaints, families, names, promtool
from support.proxy import admin, run_proxy
from support.raw_client import RawClient
from support.tunnel import echo
from support.waiting import PATIENCE, eventually

ALERTS, CASES = ROOT / "docs/alerts.yml", ROOT / "Tests/EndToEnd/alerts.test.yml"
PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_virtual_memory_bytes",
           "process_open_fds", "process_max_fds", "process_start_time_seconds"}


@pytest.fixture
def over_tls(certificates):
    """The options of a server with a certificate, and a client for it."""
    options = ["--tls-certificate", certificates["cert"], "--tls-key", certificates["key"]]
    context = ssl.create_default_context(cafile=certificates["ca"])
    with httpx.Client(verify=context, timeout=PATIENCE) as http:
        yield options, context, http


def metrics(server):
    """What `martlet serve` answers, which nothing has to be said against."""
    text = server.post("/metrics", None, method="GET")[1]
    assert complaints(text) == (0, "")
    return text


def values(text, name):
    """The values of a metric's series by their labels."""
    found = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", text, re.M)
    return {labels: float(value) for labels, value in found}


def every_way_in(server):
    """Each transport and dialect, pushes, and refusals of each."""
    register = RawClient(server.address)
    register.register("jack", "alerts")
    eventually(lambda: push(server, 1) == 1, "it has registered")
    event_stream = RawClient(server.address, f"/ws?{query()}", "Sec-WebSocket-Protocol: martlet\r\n")
    stream = Stream(server)
    eventually(lambda: push(server, 2) == 3, "all three take it")
    assert poll(server, after="", wait=0)[0] == 200
    assert poll(server, event="")[0] == 400
    assert server.post("/push", b"nonsense")[0] == 400
    assert server.post("/api/publish", {"channel": "alerts#jack", "data": 3})[0] == 200
    assert server.post("/nowhere", None, method="GET")[0] == 404
    refused = RawClient(server.address, handshake=False)
    refused.send_handshake(headers="Origin: http://elsewhere.example\r\n")
    assert b" 403 " in refused.read_head()
    register.send("nonsense")
    for one, code in ((register, 1000), (event_stream, 4000)):
        one.send(code.to_bytes(2, "big"), first=0x88)
        assert one.read_close()[0] == code
    stream.socket.close()


def test_the_service_has_all_metrics_from_the_start(serve):
    server = serve()
    before = metrics(server)
    assert PROCESS | {"martlet_build_info", "websocket_connections", "websocket_closes_total", "websocket_rtt_seconds",
                      "websocket_handshakes_refused_total"} <= families(before)
    counters = re.findall(r"^# TYPE (\w+) counter", before, re.M)
    assert all(set(values(before, name).values()) == {0} for name in counters if not name.startswith("process_"))
    every_way_in(server)
    eventually(lambda: sum(values(metrics(server), "websocket_closes_total").values()) >= 2, "the library's figures are there")
    assert families(metrics(server)) == families(before), "no metric comes later"


def test_the_service_over_tls_says_when_its_certificate_expires(serve, over_tls, certificates):
    options, context, http = over_tls
    server = serve(*options)
    base = f"https://{server.address}"
    with websockets.sync.client.connect(f"wss://{server.address}/ws", ssl=context) as one:
        one.send('{"token":"jack","event":"alerts"}')
        eventually(lambda: http.post(f"{base}/push", json={"userId": "jack", "event": "alerts", "message": "x"}).text
                   == "message sent to 1 clients", "it has registered")
        assert one.recv() == "x"
    text = http.get(f"{base}/metrics").text
    assert complaints(text) == (0, "")
    # The certificate is valid for two days.
    (file, expiry), = values(text, "martlet_tls_certificate_expiry_timestamp_seconds").items()
    assert file == f'file="{certificates["cert"]}"' and 86_400 < expiry - time.time() < 3 * 86_400


def test_the_process_is_measured_as_the_kernel_sees_it(serve):
    server = serve()
    text = metrics(server)

    def one(name):
        (value,) = values(text, name).values()
        return value

    assert abs(one("process_resident_memory_bytes") - memory(server.process)) < 16 << 20
    assert one("process_virtual_memory_bytes") >= one("process_resident_memory_bytes")
    limits = open(f"/proc/{server.process.pid}/limits").read()
    assert one("process_max_fds") == int(re.search(r"^Max open files +(\d+)", limits, re.M).group(1))
    assert abs(one("process_open_fds") - len(os.listdir(f"/proc/{server.process.pid}/fd"))) <= 3
    assert 0 <= one("process_cpu_seconds_total") < 60
    assert -2 < time.time() - one("process_start_time_seconds") < 60
    sockets = [socket.create_connection(("127.0.0.1", server.port), PATIENCE) for _ in range(20)]
    eventually(lambda: values(metrics(server), "process_open_fds")[""] >= one("process_open_fds") + 20, "20 more are open")
    start = one("process_start_time_seconds")
    assert values(metrics(server), "process_start_time_seconds") == {"": start}, "it does not waver"
    for each in sockets:
        each.close()


def test_tokens_that_cannot_be_checked_are_counted(serve, service):
    back_end = service(lambda *_: (500, ""))
    server = serve("--auth-url", back_end.url, )
    assert values(metrics(server), "martlet_tokens_unchecked_total") == {"": 0}
    assert poll(server, after="", wait=0)[0] == 503
    assert values(metrics(server), "martlet_tokens_unchecked_total") == {"": 1}


@pytest.fixture
def proxy(start, tmp_path, backend, certificates, free_port):
    """A proxy with a route of each kind, and listeners without and with TLS."""
    sockets = echo(start)
    return run_proxy(start, tmp_path, {
        "listeners": ["127.0.0.1:0", {"listen": f"127.0.0.1:{free_port}", "tls": {
            "certificate": certificates["cert"], "key": certificates["key"]}}],
        "routes": [
            {"path": "/ws", "to": f"http://{sockets.address}"},
            {"path": "/echo", "to": f"http://{sockets.address}", "webSocket": {"compression": True}},
            {"path": "/gone", "to": "http://127.0.0.1:9"},
            {"path": "/bytes", "to": f"http://{backend.address}"}]})


def test_the_proxy_has_all_metrics_from_the_start(proxy, certificates):
    before = admin(proxy)
    assert complaints(before) == (0, "")
    assert PROCESS | {"martlet_build_info", "proxy_requests_total", "proxy_upstream_failures_total",
                      "proxy_refused_connections_total", "proxy_websocket_closes_total", "proxy_websocket_ends_total",
                      "martlet_tls_certificate_expiry_timestamp_seconds"} <= families(before)
    for path, status in (("/bytes/10", 200), ("/gone", 502), ("/nowhere", 404)):
        assert httpx.get(f"http://127.0.0.1:{proxy.ports[0]}{path}", timeout=PATIENCE).status_code == status
    context = ssl.create_default_context(cafile=certificates["ca"])
    assert httpx.get(f"https://127.0.0.1:{proxy.ports[1]}/bytes/10", verify=context, timeout=PATIENCE).status_code == 200
    for path in ("/ws", "/echo"):
        with websockets.sync.client.connect(f"ws://127.0.0.1:{proxy.ports[0]}{path}", open_timeout=PATIENCE) as one:
            one.send("hello")
            assert one.recv() == "hello"
    with socket.create_connection(("127.0.0.1", proxy.ports[0]), PATIENCE) as cut:
        cut.sendall(b"nonsense\r\n\r\n")
        cut.recv(1000)
    eventually(lambda: sum(values(admin(proxy), "websocket_closes_total").values()) >= 2
               and sum(values(admin(proxy), "proxy_websocket_closes_total").values()) >= 2, "the WebSockets have ended")
    after = admin(proxy)
    assert complaints(after) == (0, "")
    assert families(after) == families(before), "no metric comes later"


def wanted(text):
    """The names of metrics in expressions."""
    return set(re.findall(r"\b((?:martlet|websocket|process|proxy)_\w+)", text))


def test_the_dashboard_and_the_alerts_ask_for_what_is_there(serve, over_tls, proxy):
    options, _, http = over_tls
    server = serve(*options)
    there = names(http.get(f"https://{server.address}/metrics").text) | names(admin(proxy))
    panels = json.loads((ROOT / "docs/grafana.json").read_text())["panels"]
    dashboard = wanted("\n".join(target["expr"] for panel in panels for target in panel.get("targets", [])))
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    alerts = wanted("\n".join(rule["expr"] for group in groups for rule in group["rules"]))
    assert len(dashboard) > 15 and len(alerts) > 15
    assert dashboard - there == set() and alerts - there == set()


def test_the_alerts_are_valid_and_fire_when_they_should():
    code, said = promtool("check", "rules", ALERTS)
    assert code == 0, said
    code, said = promtool("test", "rules", CASES)
    assert code == 0, said
    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    assert f"value: {len(rules)}}}" in CASES.read_text(), "each has a case in which it fires"
    for rule in rules:
        assert rule["labels"].keys() == {"severity"} and rule["annotations"].keys() == {"summary", "description"}, rule


def test_every_metric_is_described_in_the_documents(serve, proxy):
    documents = (ROOT / "docs/operations.md").read_text() + (ROOT / "docs/proxy.md").read_text()
    there = families(metrics(serve())) | families(admin(proxy))
    assert [name for name in sorted(there) if not re.search(rf"`{name}[`{{]", documents)] == []
