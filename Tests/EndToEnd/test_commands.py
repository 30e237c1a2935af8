"""The commands as a user runs them."""
import base64
import hashlib
import os
import pty
import re
import signal
import socket
import subprocess

import pytest

from support.command import run
from support.paths import MARTLET
from support.raw_client import RawClient
from support.waiting import PATIENCE


def test_echo_prints_the_type_and_refuses_plain_requests(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--path", "/chat", "--verbose")
    client = RawClient(server.address, "/chat")
    client.send("hello\x1b[31m")
    assert client.read_frame() == (0x81, b"hello\x1b[31m")
    client.send(b"\x00\x01", 0x82)
    assert client.read_frame() == (0x82, b"\x00\x01")
    status, body, _ = server.post("/chat", None, method="GET")
    assert status == 400 and "WebSocket" in body
    assert server.post("/ws", None, method="GET")[0] == 404
    assert server.post("/", None, method="GET")[0] == 200
    assert server.stop() == 0
    assert "text hello\\u{1b}[31m\n" in server.output
    assert "binary 2 bytes\n" in server.output


@pytest.mark.timing
def test_echo_with_a_heartbeat_goes_on_echoing(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--heartbeat", "50ms")
    client = RawClient(server.address)
    assert client.read_frame() == (0x81, b"heart beat")
    client.send("mine")
    seen = [client.read_frame()[1] for _ in range(5)]
    assert b"mine" in seen and seen.count(b"heart beat") == 4


def test_the_first_heartbeat_comes_at_once(start):
    """So it was in the programs that this one descends from, and a client sees that somebody is there."""
    server = start("echo", "--listen", "127.0.0.1:0", "--heartbeat", "1h")
    for path in ("/ws", "/echo"):
        client = RawClient(server.address, path)
        client.send("mine")
        assert [client.read_frame() for _ in range(2)] == [(0x81, b"heart beat"), (0x81, b"mine")]
    client = RawClient(server.address, handshake=False)
    client.send_handshake(then=RawClient.frame(0x81, b"in one piece"))
    client.read_head()
    assert [client.read_frame()[1] for _ in range(2)] == [b"heart beat", b"in one piece"]


def test_connect_sends_standard_input_and_prints_the_answers(start):
    server = start("echo", "--listen", "127.0.0.1:0")
    done = run("connect", f"ws://{server.address}/echo", input="one\ntwo\n")
    assert done.stdout == "one\ntwo\n"
    assert done.returncode == 0 and "closed: 1000" in done.stderr


def test_connect_every_stops_at_ctrl_c_with_a_close_frame(start):
    server = start("echo", "--listen", "127.0.0.1:0", "--verbose")
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://{server.address}/echo", "--every", "20ms", "--text", "it is {time}"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [client.stdout.readline() for _ in range(3)]
    assert all(re.fullmatch(r"it is \d\d:\d\d:\d\d\.\d+.*\n", line) for line in lines), lines
    client.send_signal(signal.SIGINT)
    assert client.wait(PATIENCE) == 0
    assert "closed: 1000 (local)" in client.stderr.read()


@pytest.mark.timing
def test_connect_waits_a_second_at_most_for_a_server_that_does_not_answer():
    listener = socket.create_server(("127.0.0.1", 0))
    client = subprocess.Popen(
        [MARTLET, "connect", f"ws://127.0.0.1:{listener.getsockname()[1]}/", "--every", "1h"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    server, _ = listener.accept()
    request = b""
    while b"\r\n\r\n" not in request:
        request += server.recv(4096)
    key = re.search(rb"sec-websocket-key: (\S+)", request, re.I).group(1)
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    server.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n\x81\x05hello")
    assert client.stdout.readline() == "hello\n"
    client.send_signal(signal.SIGINT)
    assert client.wait(PATIENCE) == 1
    assert "did not answer the close frame" in client.stderr.read()
    server.close()
    listener.close()


def test_connect_on_a_terminal_escapes_control_characters(start):
    server = start("echo", "--listen", "127.0.0.1:0")
    ours, theirs = pty.openpty()
    done = subprocess.Popen([MARTLET, "connect", f"ws://{server.address}/echo"], stdin=subprocess.PIPE, stdout=theirs, stderr=subprocess.DEVNULL,
        env={**os.environ, "NO_COLOR": "1"})
    done.stdin.write(b"a\x1b]0;evil\x07b\n")
    done.stdin.close()
    assert done.wait(PATIENCE) == 0
    os.close(theirs)
    assert os.read(ours, 4096) == b"a\\u{1b}]0;evil\\u{7}b\r\n"
    os.close(ours)


@pytest.mark.parametrize("url, code, text", [
    ("http://127.0.0.1/", 64, "scheme"), ("nonsense", 64, "ws://"),
    ("ws://127.0.0.1:1/", 69, "cannot connect"),
])
def test_connect_says_what_is_wrong(url, code, text):
    done = run("connect", url, stdin=subprocess.DEVNULL)
    assert done.returncode == code and text in done.stderr, done.stderr


def test_connect_shows_why_a_server_refused(start):
    server = start("echo", "--listen", "127.0.0.1:0")
    done = run("connect", f"ws://{server.address}/echo", "--origin", "http://evil.example", stdin=subprocess.DEVNULL)
    assert done.returncode == 77 and "403" in done.stderr and "may not connect" in done.stderr


def test_serve_is_not_open_beyond_this_machine(tmp_path):
    done = run("serve", "--listen", "0.0.0.0:0")
    assert done.returncode == 78
    assert "--token-file" in done.stderr and "--api-key-file" in done.stderr and "--open" in done.stderr
    key = tmp_path / "key"
    key.write_text("secret\n")
    done = run("serve", "--listen", "0.0.0.0:0", "--api-key-file", str(key))
    assert done.returncode == 78 and "--token-file" in done.stderr


def test_serve_exit_codes(start, tmp_path):
    server = start("serve", "--listen", "127.0.0.1:0")
    taken = run("serve", "--listen", server.address)
    assert taken.returncode == 69 and "cannot listen" in taken.stderr
    assert run("serve", "--listen", "nonsense").returncode == 64
    missing = run("serve", "--token-file", str(tmp_path / "missing"))
    assert missing.returncode == 66 and "missing" in missing.stderr
    short = tmp_path / "short"
    short.write_text("short\n")
    assert run("serve", "--jwt-secret-file", str(short)).returncode == 78
    assert server.stop(signal.SIGINT) == 0


def test_connect_ends_quietly_when_nobody_reads_its_output(start):
    server = start("echo", "--listen", "127.0.0.1:0")
    done = subprocess.run(
        f"yes | {MARTLET} connect ws://{server.address}/echo | head -1", shell=True, capture_output=True, text=True,
        timeout=PATIENCE)
    assert done.stdout == "y\n" and "Fatal" not in done.stderr, done.stderr


def test_settings_that_cannot_work_are_usage_errors():
    assert run("serve", "--listen", "127.0.0.1:0", "--origin", "example.com").returncode == 64
    assert run("serve", "--listen", "127.0.0.1:0", "--push-path", "/drop/").returncode == 78
    assert run("echo", "--listen", "127.0.0.1:0", "--heartbeat", "0.0000001s").returncode == 64
    assert run("serve", "--listen", "nosuch.invalid:8080", "--open").returncode == 69


@pytest.mark.parametrize("command", ["serve", "proxy", "echo", "connect", "push"])
def test_help_fits_a_terminal(command):
    """No line is too long for a terminal, but for the one with all options, which is never wrapped."""
    lines = [line for line in run(command, "--help", env={"COLUMNS": "80"}).stdout.splitlines() if not line.startswith("USAGE: ")]
    assert all(len(line) <= 80 for line in lines), [line for line in lines if len(line) > 80]
    if command == "serve":
        assert {"<rate>", "<time>", "<size>"} <= set(re.findall(r"<\w+>", "\n".join(lines)))
