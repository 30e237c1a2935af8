"""What an operator does with the proxy: reloading, shutting down, its command line."""
import http.client
import json
import signal
import socket
import subprocess
import threading

import pytest

from support.command import run
from support.curl import curl
from support.http_server import HTTPServer
from support.ports import free_port
from support.processes import descriptors
from support.proxy import connect, run_proxy, to, url
from support.sockets import read_all
from support.waiting import PATIENCE, eventually


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
    eventually(lambda: any("cannot reload a file; its previous contents stay in use" in line and "nowhere" in line for line in proxy.log), "it says what is wrong")
    assert curl("-d", "hello", url(proxy)) == "5"


def test_a_listener_that_cannot_be_had_leaves_the_others_alone(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    right = proxy.file.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = json.loads(right)
        wrong["listeners"] = [{"listen": "127.0.0.1:0", "http2": False}, f"127.0.0.1:{taken.getsockname()[1]}"]
        wrong["client"] = {"headerTimeout": "5s"}
        proxy.file.write_text(json.dumps(wrong))
        eventually(lambda: any("cannot reload a file; its previous contents stay in use" in line for line in proxy.log), "the reload fails")
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
    proxy = run_proxy(start, tmp_path, {**to(f"127.0.0.1:{listener.getsockname()[1]}"), "drain": {"time": "20s"}})
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
    def proxy(*arguments):
        done = run("proxy", *arguments)
        return done.returncode, done.stdout + done.stderr

    assert proxy()[0] == 64
    assert proxy("--to", "nonsense")[0] == 64
    assert proxy("--config", str(tmp_path / "none"))[0] == 66
    file = tmp_path / "wrong.yaml"
    file.write_text("listeners: [127.0.0.1:0]\nroutes:\n  - to: http://a\n    patth: /\n")
    code, output = proxy("--config", str(file), "--check")
    assert code == 78 and "wrong.yaml:4: routes[0].patth" in output
    file.write_text("listeners: [127.0.0.1:0]\nroutes:\n  - to: http://a\n")
    assert proxy("--config", str(file), "--check") == (0, f"{file}: 1 routes, nothing wrong\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, output = proxy("--listen", f"127.0.0.1:{port}", "--to", "http://127.0.0.1:1")
        assert code == 69 and f"cannot listen on 127.0.0.1:{port}" in output


@pytest.mark.timing
def test_health_checks_fail_before_the_proxy_drains(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, {**to(backend), "drain": {"delay": "2s", "time": "0s"}})
    assert healthz(proxy) == "ok\n"
    proxy.process.send_signal(signal.SIGTERM)
    eventually(lambda: healthz(proxy) == "draining\n", "health checks are told")
    assert curl("-o", "/dev/null", "-w", "%{http_code}", url(proxy)) == "200", "requests are still taken"
    assert proxy.process.wait(PATIENCE) == 0


def test_changes_that_wait_for_a_restart_are_told(start, tmp_path, backend):
    proxy = run_proxy(start, tmp_path, to(backend))
    proxy.file.write_text(json.dumps({
        **json.loads(proxy.file.read_text()), "limits": {"connections": 7}, "log": {"format": "json"},
        "admin": {"listen": "127.0.0.1:1"}}))
    for key in "limits.connections", "log.format", "admin.listen":
        eventually(
            lambda: any("waits for a restart" in line and key in line for line in proxy.log), f"{key} is told")


def test_old_keys_work_and_are_told(start, tmp_path, backend):
    file = tmp_path / "old.json"
    file.write_text(json.dumps({
        "listeners": [{"address": "127.0.0.1:0"}], "drainTimeout": "1s", "maximumConnections": 7,
        "routes": [{"to": f"http://{backend.address}", "maximumBodySize": "1KiB"}]}, indent=1))
    checked = run("check-config", str(file))
    assert checked.returncode == 0, checked.stderr
    assert checked.stderr.splitlines() == [
        f"{file}:4: listeners[0].address: this is now called listeners[0].listen",
        f"{file}:12: routes[0].maximumBodySize: this is now called routes[0].bodySize",
        f"{file}:8: maximumConnections: this is now called limits.connections",
        f"{file}:7: drainTimeout: this is now called drain.time"]
    proxy = start("proxy", "--config", str(file), "--drain-timeout", "2", "--admin", "127.0.0.1:0")
    assert curl("-o", "/dev/null", "-w", "%{http_code}", "-d", "x" * 2000, url(proxy)) == "413"
    for old in "maximumConnections", "--drain-timeout", "--admin":
        eventually(lambda: any("should be changed" in line and f"{old}: this is now" in line for line in proxy.log), f"{old} is told")
