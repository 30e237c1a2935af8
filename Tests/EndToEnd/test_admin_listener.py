"""The listener for operators: how it ends, what it knows of TLS beside it, and what the service says of it."""
import json
import re
import subprocess

import pytest

from support.command import run
from support.console import get
from support.curl import curl
from support.event_stream import Stream
from support.http_connection import HTTPConnection
from support.operators import Operators, listens
from support.ports import free_port
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually, wait_until_read

PUSH = {"userId": "jack", "event": "alerts", "message": "x"}
BODY = json.dumps(PUSH).encode()
HEAD = f"POST /push HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()


@pytest.fixture
def serve_operators(serve):
    """Starts a service with such a listener; returns the service and the listener."""
    def serve_operators(*arguments, **options):
        server = serve("--admin-listen", "127.0.0.1:0", *arguments, **options)
        return server, Operators(server)
    return serve_operators


# Its end


@pytest.mark.timing
def test_a_push_of_a_back_end_is_answered_while_the_service_stops(serve_operators):
    """As long as anybody is there it is delivered, and behind that it is not cut off."""
    server, operators = serve_operators("--drain-time", "100ms")
    client, silent = RawClient(operators.address), RawClient(server.address)
    client.register("jack", "alerts")
    operators.push_until("jack", "alerts", "x", 1)
    client.read_frame()
    first, last = HTTPConnection(operators), HTTPConnection(operators)
    for connection in (first, last):
        connection.send(HEAD + BODY[:10])
        wait_until_read(connection.socket)
    server.process.terminate()
    eventually(lambda: not listens(server), "it stops")
    first.send(BODY[10:])
    answer = first.answer()
    assert (answer.status, answer.text) == (200, "message sent to 1 clients")
    assert client.read_frame() == (0x81, b"x")
    silent.close()
    eventually(lambda: not listens(operators), "the listener for operators has gone, too")
    last.send(BODY[10:])
    answer = last.answer()
    assert (answer.status, answer["Connection"]) == (503, "close") and "send it again" in answer.text
    for one in (client, first, last):
        one.close()


def test_a_stream_there_is_told_when_to_come_back(serve_operators):
    server, operators = serve_operators("--drain-time", "100ms", "--retry", "9s")
    stream = Stream(operators)
    operators.push_until("jack", "alerts", "x", 1)
    server.process.terminate()
    assert re.search(rb"\nretry: \d{4}\n\n$", stream.file.read())
    assert server.process.wait(PATIENCE) == 0


def test_a_websocket_there_is_told_that_the_service_restarts(serve_operators):
    server, operators = serve_operators("--drain-time", "100ms", "--retry", "9s")
    client = RawClient(operators.address)
    client.register("jack", "alerts")
    operators.push_until("jack", "alerts", "x", 1)
    server.process.terminate()
    code, reason = client.read_close()
    assert code == 1012 and re.fullmatch(r"the server restarts; retry: \d{4}", reason)
    client.send(b"\x03\xf4", 0x88)
    assert server.process.wait(PATIENCE) == 0


@pytest.mark.timing
def test_clients_there_stay_until_those_of_the_public_listener_have_gone(serve_operators):
    """And meanwhile operators are told that the service drains."""
    server, operators = serve_operators("--drain-time", "100ms")
    client, silent = RawClient(operators.address), RawClient(server.address)
    client.register("jack", "alerts")
    operators.push_until("jack", "alerts", "before", 1)
    client.read_frame()
    server.process.terminate()
    assert silent.read_close()[0] == 1012
    assert not listens(server) and get(operators, "/readyz")[::2] == (503, "draining\n")
    assert operators.push("jack", "alerts", "meanwhile") == 1 and client.read_frame() == (0x81, b"meanwhile")
    silent.close()
    assert client.read_close()[0] == 1012
    client.close()
    assert server.process.wait(PATIENCE) == 0


# TLS beside it


@pytest.mark.parametrize("path", ["/push", "/drop", "/api/info"])
def test_a_page_of_the_operators_listener_may_use_it_although_clients_use_tls(serve_operators, tls, path):
    _, operators = serve_operators(*tls)
    assert operators.post(path, PUSH, {"Origin": f"http://{operators.address}"})[0] == 200
    assert operators.post(path, PUSH, {"Origin": "http://evil.example"})[0] == 403


def test_the_console_of_the_operators_listener_disconnects_although_clients_use_tls(serve_operators, tls):
    """Of browsers that send no Sec-Fetch-Site."""
    _, operators = serve_operators(*tls)
    def drop(origin):
        return get(operators, "/console/drop", {"Origin": origin}, "POST", json.dumps({"user": "jack"}))[::2]
    assert drop(f"http://{operators.address}") == (200, '{"dropped":0}')
    assert drop("http://evil.example")[0] == 403


def test_keys_that_can_be_read_on_the_way_are_warned_of(serve, tls):
    def warnings(*arguments):
        server = serve(*arguments)
        server.stop()
        return [line for line in server.log if " warning " in line and "plain HTTP" in line]
    [line] = warnings("--admin-listen", "0.0.0.0:0", "--open", *tls)
    assert "keys and passwords" in line and "0.0.0.0:" in line
    assert not warnings("--admin-listen", "127.0.0.1:0", "--open", *tls)
    assert not warnings("--admin-listen", "0.0.0.0:0", "--open")


# Its port


def test_two_processes_share_the_ports_of_both_listeners(serve):
    public, admin = free_port(), free_port()
    arguments = ["--reuse-port", "--listen", f"127.0.0.1:{public}", "--admin-listen", f"127.0.0.1:{admin}"]
    first = serve(*arguments)
    second = serve(*arguments)
    for server in (first, second):
        assert Operators(server).port == admin and server.port == public
        assert Operators(server).post("/push", PUSH)[0] == 200
    assert first.stop() == 0
    assert Operators(second).post("/push", PUSH)[0] == 200 and second.post("/martlet.js", None, method="GET")[0] == 200


# What the service says of it


def trial(server):
    """The line that the service tells its operator to try."""
    eventually(lambda: any("curl" in line for line in server.output), lambda: f"it says what to try: {server.output}")
    [line] = [line.strip() for line in server.output if "curl" in line]
    return line


def test_the_page_and_the_line_to_try_are_at_the_listener_for_operators(serve_operators):
    server, operators = serve_operators()
    line = trial(server)
    assert subprocess.run(line, shell=True, capture_output=True, text=True, timeout=PATIENCE).stdout == "message sent to 0 clients", line
    text = "".join(server.output)
    assert re.search(r"browser to (\S+)/#try", text).group(1) == f"http://{operators.address}"
    assert get(operators, "/")[0] == 200 and f"http://{server.address}/" not in text
    assert f"http://{server.address}" in text, "where clients connect"


def test_without_the_console_no_page_is_named(serve_operators):
    server, operators = serve_operators("--console-enabled", "false")
    assert f"http://{operators.address}/push" in trial(server)
    assert not re.search("browser|console", "".join(server.output))


def test_the_line_to_try_is_at_the_listener_for_operators_although_clients_use_tls(serve_operators, tls):
    server, operators = serve_operators(*tls)
    assert f" http://{operators.address}/push " in trial(server)
    assert f"https://{server.address}" in "".join(server.output)


def test_a_log_in_json_says_where_back_ends_push(serve):
    server = serve("--admin-listen", "127.0.0.1:0", "--log-format", "json")
    def said(message):
        return [record for record in map(json.loads, server.output) if record["message"] == message]
    eventually(lambda: said("listening for operators"), lambda: f"it says so: {server.output}")
    [everybody], [operators] = said("Martlet is listening"), said("listening for operators")
    assert operators["push"] == operators["metrics"].replace("/metrics", "/push")
    assert curl("-d", BODY.decode(), operators["push"]) == "message sent to 0 clients"
    assert "push" not in everybody and everybody["url"] != operators["url"]


# What is wrong with its configuration


def test_beyond_this_machine_a_file_of_keys_that_cannot_be_read_is_all_that_is_wrong(tmp_path):
    """Without the keys other machines could push: that need not be said of a file that is not there."""
    file, keys = tmp_path / "martlet.yaml", tmp_path / "none"
    file.write_text(f"listen: 127.0.0.1:0\nadmin:\n  listen: 0.0.0.0:0\napiKeyFile: {keys}\n")
    reason = f"cannot read {keys}: No such file or directory\n"
    checked = run("check-config", str(file))
    assert (checked.returncode, checked.stderr) == (66, f"{file}:4: apiKeyFile: {reason}")
    served = run("serve", "--config", str(file))
    assert served.returncode == 66 and served.stderr.endswith(reason) and "other machines" not in served.stderr
    # Where nothing else is wrong it is said.
    file.write_text("listen: 127.0.0.1:0\nadmin:\n  listen: 0.0.0.0:0\n")
    checked = run("check-config", str(file))
    assert checked.returncode == 78 and f"{file}:3: admin.listen: 0.0.0.0:0 can be reached from other machines" in checked.stderr
