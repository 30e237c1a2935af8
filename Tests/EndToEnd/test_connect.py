"""`martlet connect`: what a person or a script does with it."""
import base64
import functools
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import time

import pytest

from support.command import run
from support.paths import MARTLET
from support.raw_client import RawClient
from support.waiting import PATIENCE

connect = functools.partial(run, "connect")


@pytest.fixture
def echo(start):
    return start("echo", "--listen", "127.0.0.1:0", "--compress")


def test_binary_and_base64(echo):
    data = bytes(range(256)) * 1000
    done = connect(f"ws://{echo.address}/ws", "--binary", input=data, text=False)
    assert done.returncode == 0 and done.stdout == data
    encoded = base64.b64encode(b"\x00\xff!").decode()
    done = connect(f"ws://{echo.address}/ws", "--base64", input=f"{encoded}\nnot base64\n{encoded}\n")
    assert done.stdout == f"{encoded}\n{encoded}\n" and "not base64" in done.stderr and done.returncode == 0


def test_json_lines(echo):
    done = connect(f"ws://{echo.address}/ws", "--jsonl", "--compress", input="a\"b\nc\n")
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["type"] for event in events] == ["open", "text", "text", "close"]
    assert events[1]["data"] == 'a"b' and events[3]["code"] == 1000 and events[3]["clean"] is True
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d+.*", events[0]["time"])


def test_one_message_waits_for_the_answer_behind_the_end_of_input(echo):
    done = connect(f"ws://{echo.address}/ws", "--one-message", input="hello\n")
    assert done.stdout == "hello\n" and done.returncode == 0


def test_ping_interval_shows_round_trip_times(echo):
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://{echo.address}/ws", "--ping-interval", "20ms"], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    for _ in range(3):
        assert re.fullmatch(r"pong after \d+\.\d{3} ms\n", client.stderr.readline())
    client.stdin.close()
    assert client.wait(PATIENCE) == 0


def test_headers_and_credentials_reach_the_server():
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://jack:secret@127.0.0.1:{port}/a?b=c", "-H", "X-Test: one", "--header", "X-Test: two",
         "--origin", "http://page.example", "--subprotocol", "v2", "--subprotocol", "v1"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    server, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += server.recv(4096)
    server.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\nno\x1b[2Jno")
    head = request.decode().lower()
    assert head.startswith("get /a?b=c http/1.1\r\n")
    assert "x-test: one\r\n" in head and "x-test: two\r\n" in head and "origin: http://page.example" in head
    assert "sec-websocket-protocol: v2, v1" in head
    assert f"authorization: basic {base64.b64encode(b'jack:secret').decode().lower()}" in head
    _, error = client.communicate(timeout=PATIENCE)
    assert client.returncode == 77 and "403" in error and "\x1b" not in error and "secret" not in error


def test_wrong_headers_and_options_are_usage_errors(echo):
    url = f"ws://{echo.address}/ws"
    for arguments in (
            ["-H", "no colon"], ["-H", "Bad Name: x"], ["-H", "X: a\r\nInjected: b"], ["--binary", "--base64"],
            ["--cert", "only.pem"], ["--proxy", "ftp://x"], ["--ping-interval", "0"]):
        assert connect(url, *arguments).returncode == 64, arguments
    assert connect().returncode == 64
    assert connect(url, "--listen", "127.0.0.1:0").returncode == 64
    assert connect("wss://localhost/", "--ca", "/nowhere.pem").returncode == 66


def test_tls_is_checked_unless_told_otherwise(start, certificates):
    server = start("echo", "--listen", "127.0.0.1:0", "--tls-certificate", certificates["cert"], "--tls-key", certificates["key"])
    url = f"wss://localhost:{server.port}/ws"
    done = connect(url, input="x\n")
    assert done.returncode == 69 and "TLS" in done.stderr
    for option in (["--insecure"], ["--ca", certificates["ca"]]):
        done = connect(url, *option, input="x\n")
        assert done.returncode == 0 and done.stdout == "x\n", done.stderr


def test_reconnect(start, free_port):
    address = f"127.0.0.1:{free_port}"
    first = start("echo", "--listen", address)
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://{address}/ws", "--reconnect"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    client.stdin.write("one\n")
    client.stdin.flush()
    assert client.stdout.readline() == "one\n"
    first.stop()
    notes = []
    while not any("trying again" in note for note in notes):
        notes.append(client.stderr.readline())
    start("echo", "--listen", address)
    client.stdin.write("two\n")
    client.stdin.flush()
    assert client.stdout.readline() == "two\n"
    client.send_signal(signal.SIGINT)
    assert client.wait(PATIENCE) == 0


def test_listen_serves_one_client_at_a_time():
    server = subprocess.Popen(
        [MARTLET, "connect", "--listen", "127.0.0.1:0", "--subprotocol", "chat"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", server.stderr.readline()).group(1))
    client = RawClient(f"127.0.0.1:{port}", "/any", "Sec-WebSocket-Protocol: chat\r\n")
    server.stdin.write("from the server\n")
    server.stdin.flush()
    assert client.read_frame() == (0x81, b"from the server")
    client.send("from the client")
    assert server.stdout.readline() == "from the client\n"
    other = RawClient(f"127.0.0.1:{port}")
    first, payload = other.read_frame()
    assert first == 0x88 and payload[:2] == b"\x03\xf5"
    client.send(b"\x03\xe8", 0x88)
    assert client.read_frame()[0] == 0x88
    client.close()
    # The server sees the end a moment later: whoever comes before is refused, and comes again.
    for _ in range(1000):
        next_client = RawClient(f"127.0.0.1:{port}")
        next_client.send("me now")
        ready, _, _ = select.select([server.stdout, next_client.socket], [], [], PATIENCE)
        if server.stdout in ready:
            break
        next_client.close()
    assert server.stdout.readline() == "me now\n"
    server.send_signal(signal.SIGINT)
    assert next_client.read_frame()[0] == 0x88
    next_client.close()
    assert server.wait(PATIENCE) == 0


def test_listen_ends_at_ctrl_c_without_a_client():
    server = subprocess.Popen(
        [MARTLET, "connect", "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert "waiting for a client" in server.stderr.readline()
    server.send_signal(signal.SIGINT)
    assert server.wait(PATIENCE) == 0


def test_typing_at_a_terminal_is_edited_and_what_comes_is_escaped(echo):
    ours, theirs = pty.openpty()
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://{echo.address}/ws"], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "xterm", "NO_COLOR": "1"}, start_new_session=True)
    os.close(theirs)
    seen = b""

    def until(text):
        nonlocal seen
        end = time.monotonic() + PATIENCE
        while text not in seen:
            assert time.monotonic() < end, seen
            if select.select([ours], [], [], 0.1)[0]:
                seen += os.read(ours, 4096)

    until(b"> ")
    os.write(ours, b"hellp\x7fo\n")
    until(b"\x1b[Khello\r\n")
    os.write(ours, b"second\n")
    until(b"\x1b[Ksecond\r\n")
    seen = b""
    os.write(ours, b"\x1b[A\x1b[A\n")  # the line before the last, from the history
    until(b"\x1b[Khello\r\n")
    os.write(ours, b"\x04")
    assert client.wait(PATIENCE) == 0
    os.close(ours)


def test_shell_completions_are_there():
    for shell in ("bash", "zsh", "fish"):
        done = run("--generate-completion-script", shell)
        assert done.returncode == 0 and "ping-interval" in done.stdout
