"""`martlet push` as scripts use it."""
import http.server
import json
import os
import pty
import subprocess
import threading

import pytest

from support.command import run
from support.paths import MARTLET
from support.raw_client import RawClient
from support.waiting import PATIENCE


def push(server, *arguments, **options):
    return run("push", "--url", f"http://{server.address}", *arguments, **options)


def test_one_message(serve):
    server = serve(env={"MARTLET_API_KEY": "secret"})
    one = RawClient(server.address)
    one.register("42", "alerts")
    env = {**os.environ, "MARTLET_API_KEY": "secret"}
    text = 'It "rains"\n\tä€😀'
    while (result := push(server, "--user", "42", "--event", "alerts", text, env=env)).stdout == "message sent to 0 clients\n":
        pass  # a register message is not answered
    assert (result.returncode, result.stdout) == (0, "message sent to 1 clients\n"), result.stderr
    assert one.read_frame() == (0x81, text.encode())
    result = push(server, "--user", "42", "--event", "alerts", "--json", env=env, input="from a pipe\n")
    assert json.loads(result.stdout) == {"delivered": 1} and one.read_frame() == (0x81, b"from a pipe")
    assert push(server, "--user", "42", "--event", "alerts", "x").returncode == 77
    refused = push(server, "--user", "42", "--event", "alerts", "x", env={**os.environ, "MARTLET_API_KEY": "wrong"})
    assert refused.returncode == 77 and "API key" in refused.stderr and "wrong" not in refused.stderr.replace("or wrong", "")


def test_a_file_of_lines(serve, tmp_path):
    server = serve()
    one = RawClient(server.address)
    one.register("42", "e")
    server.push_until("42", "e", "first", 1)
    assert one.read_frame()[1] == b"first"
    lines = [json.dumps({"userId": "42", "event": "e", "message": f"number {number}"}) for number in range(500)]
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(lines) + "\n\n")
    result = push(server, "--file", str(file))
    assert (result.returncode, result.stdout, result.stderr) == (0, "500 messages sent, 500 deliveries\n", "")
    assert [one.read_frame()[1] for _ in range(500)] == [f"number {number}".encode() for number in range(500)]
    result = push(server, "--file", "-", "--json", input=lines[0] + "\r\n" + lines[1])
    assert json.loads(result.stdout) == {"sent": 2, "delivered": 2}
    file.write_text("\n".join([lines[0], "nonsense", lines[1]]))
    result = push(server, "--file", str(file))
    assert result.returncode == 65 and "line 2" in result.stderr and "1 messages before it" in result.stderr


def test_somebody_who_watches_sees_how_far_it_is(serve, tmp_path):
    server = serve()
    file = tmp_path / "messages.jsonl"
    file.write_text("\n".join(json.dumps({"userId": "42", "event": "e", "message": "x"}) for _ in range(50)))
    terminal, other = pty.openpty()
    process = subprocess.Popen(
        [MARTLET, "push", "--url", f"http://{server.address}", "--file", str(file)], stdout=subprocess.PIPE, stderr=other)
    os.close(other)
    assert process.wait(PATIENCE) == 0 and process.stdout.read() == b"50 messages sent, 0 deliveries\n"
    assert "100 %, 50 messages" in os.read(terminal, 65536).decode()
    os.close(terminal)


def test_lines_are_pushed_as_they_come(serve):
    server = serve()
    one = RawClient(server.address)
    one.register("42", "e")
    server.push_until("42", "e", "first", 1)
    assert one.read_frame()[1] == b"first"
    process = subprocess.Popen(
        [MARTLET, "push", "--url", f"http://{server.address}", "--file", "-", "--json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for number in range(3):
        line = json.dumps({"userId": "42", "event": "e", "message": str(number)})
        process.stdin.write(line[:9])
        process.stdin.flush()
        process.stdin.write(line[9:] + "\n")
        process.stdin.flush()
        assert one.read_frame()[1] == str(number).encode()
    process.stdin.write("nonsense\n")
    process.stdin.close()
    assert process.wait(PATIENCE) == 65
    told = json.loads(process.stdout.read())
    assert told["sent"] == told["delivered"] == 3 and "line 4" in told["error"]


def test_a_service_that_is_busy_is_asked_again(tmp_path):
    """Answers 503 first, then breaks off behind the body, then takes it: always with the same key."""
    keys = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            keys.append(self.headers["Idempotency-Key"])
            if len(keys) == 1:
                self.send_response(503)
                self.send_header("Retry-After", "0")
                self.end_headers()
            elif len(keys) == 2:
                self.connection.close()
            else:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"delivered":7}')

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        result = run("push", "--url", f"http://127.0.0.1:{server.server_address[1]}/other", "--user", "1", "--event", "e", "x")
        assert (result.returncode, result.stdout) == (0, "message sent to 7 clients\n"), result.stderr
        assert len(keys) == 3 and len(set(keys)) == 1 and keys[0]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("arguments, code, text", [
    (["x"], 64, "--user and --event"), (["--user", "1", "--event", "e", "--file", "x"], 64, "--file excludes"),
    (["--user", "1", "--event", "e", ""], 65, "empty"), (["--url", "nonsense", "--user", "1", "--event", "e", "x"], 64, "URL"),
    (["--file", "missing"], 66, "cannot read"),
])
def test_what_is_wrong(arguments, code, text):
    result = run("push", *arguments)
    assert result.returncode == code and text in result.stderr, result.stderr


def test_nobody_listens(free_port):
    result = run("push", "--url", f"http://127.0.0.1:{free_port}", "--user", "1", "--event", "e", "x")
    assert result.returncode == 69 and "no answer" in result.stderr


def test_the_file_of_keys_is_that_of_the_service(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("# of whom\nfirst-key one\nsecond-key other\n")
    server = serve("--api-key-file", str(keys))
    done = run("push", "--url", f"http://{server.address}", "--api-key-file", str(keys), "--user", "42", "--event", "alerts", "x")
    assert done.returncode == 0, done.stderr
