"""Logs and metrics: what is written, and what is counted."""
import json
import re
import signal

import pytest

from support.raw_client import RawClient
from support.waiting import eventually


def test_logs_in_json_have_ids(serve):
    server = serve("--log-format", "json", "--log-level", "debug")
    client = RawClient(server.address)
    client.register("jack \"\n\u2028", "a")
    client.send("nonsense")
    client.read_frame()
    client.close()
    server.post("/drop", {"nonsense": 1}, {"X-Request-ID": "from-the-proxy"})
    server.post("/api/publish", b"{", {"Origin": "http://elsewhere.example", "X-Request-ID": "from-the-proxy"})
    eventually(lambda: any('"session ended"' in line for line in server.log), "the session has ended")
    server.stop()
    entries = [json.loads(line) for line in server.log]
    for entry in entries:
        assert entry.keys() >= {"time", "level", "label", "message"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", entry["time"])
    ended = next(entry for entry in entries if entry["message"] == "session ended")
    registered = next(entry for entry in entries if entry["message"] == "registered")
    refused = next(entry for entry in entries if entry["message"] == "refused a register message")
    assert ended["session"] == registered["session"] == refused["session"]
    assert any(entry.get("request") == "from-the-proxy" for entry in entries)


@pytest.mark.parametrize("arguments", [["serve"], ["echo"], ["proxy", "--to", "http://127.0.0.1:1"]], ids=lambda arguments: arguments[0])
@pytest.mark.parametrize("environment", [{}, {"INVOCATION_ID": "0123456789abcdef0123456789abcdef", "JOURNAL_STREAM": "8:12345"}],
                         ids=["plain", "under systemd"])
def test_with_a_log_in_json_nothing_is_prose(start, arguments, environment):
    """Whatever collects the output reads all of it as JSON."""
    server = start(*arguments, "--listen", "127.0.0.1:0", "--log-format", "json", env=environment)
    if arguments[0] != "proxy":
        assert server.post("/", None, method="GET")[0] == 200
    assert server.stop(signal.SIGTERM) == 0
    assert any(str(server.port) in line for line in server.log + server.output), "it says where it listens"
    for line in server.log + server.output:
        assert line.strip() == "" or json.loads(line)["message"], line


@pytest.mark.parametrize("arguments", [["serve"], ["echo", "--verbose"], ["proxy", "--to", "http://127.0.0.1:9"]], ids=lambda it: it[0])
def test_with_logs_in_json_the_greeting_is_json_as_well(start, arguments):
    server = start(*arguments, "--listen", "127.0.0.1:0", "--log-format", "json")
    if arguments[0] == "echo":
        client = RawClient(server.address)
        client.send("hello")
        assert client.read_frame() == (0x81, b"hello")
        eventually(lambda: len(server.output) == 2, "the message is told")
    server.stop()
    for line in server.output + server.log:
        assert line.startswith("{") and json.loads(line).keys() >= {"time", "level", "label", "message"}, line
    greeting = json.loads(server.output[0])
    assert greeting["label"] == f"martlet.{arguments[0]}" and server.address in json.dumps(greeting)


def test_the_metrics_follow_what_happens(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "a")
    server.push_until("jack", "a", "x", 1)
    client.send(b"", first=0x88)
    client.read_close()
    text = server.post("/metrics", None, method="GET")[1]
    buckets = [int(value) for value in re.findall(r'^martlet_delivery_seconds_bucket{le="[^"]+"} (\d+)$', text, re.M)]
    assert buckets == sorted(buckets) and buckets[-1] == server.metric("martlet_delivery_seconds_count") >= 1
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+({(\w+=\"[^\"]*\",?)+})? [-+0-9.eEINaf]+", line), line


def test_whoever_is_refused_is_counted_and_logged(serve):
    server = serve("--limits-body-size", "1000", env={"MARTLET_API_KEY": "secret"})
    key = {"X-API-Key": "secret"}
    refusals = [
        (405, "GET", "/push", None, {}), (401, "POST", "/push", b"{}", {}), (400, "POST", "/push", b"{}", key),
        (413, "POST", "/push", b"x" * 1001, key), (400, "POST", "/drop", b"{}", key), (405, "PUT", "/drop", b"", key),
        (400, "POST", "/api/publish", b"[]", key), (404, "POST", "/api/nope", b"{}", key), (413, "POST", "/api/publish", b"x" * 1001, key),
        (400, "POST", "/api/batch", b"x", key), (400, "POST", "/push", b'{"userId":"1","event":"%s","message":"x"}' % (b"e" * 256), key),
        (400, "POST", "/push", b'{"userId":"1","event":"e","message":"x"}', {**key, "Idempotency-Key": "k" * 256})]
    for count, (status, method, path, body, headers) in enumerate(refusals, 1):
        assert server.post(path, body, headers, method=method)[0] == status, (method, path)
        assert server.metric("martlet_pushes_refused_total") == count, (method, path)
    # Those of one kind that come at once share a line.
    eventually(lambda: any("refused a request to the API" in line for line in server.log), "it is logged")
    assert sum("refused a request to the API" in line for line in server.log) <= len(refusals)


def test_head_is_answered_where_get_is(serve):
    server = serve()
    for path in ("/healthz", "/readyz", "/metrics", "/martlet.js", "/"):
        status, body, headers = server.post(path, None, method="HEAD")
        assert (status, body) == (200, "") and headers["Content-Type"], path


def test_a_clients_close_codes_do_not_fill_the_metrics(serve):
    server = serve()
    for code in (1000, 3000, 3001, 3999, 4000, 4001):
        client = RawClient(server.address)
        client.send(code.to_bytes(2, "big"), first=0x88)
        client.read_frame()
    series = {"1000": 1, "3000": 3, "4000": 2}

    def found():
        text = server.post("/metrics", None, method="GET")[1]
        counts = re.findall(r'^websocket_closes_total{code="(\d+)",.*} (\d+)$', text, re.M)
        return {code: int(count) for code, count in counts if count != "0"}
    eventually(lambda: found() == series, lambda: f"{found()}")


def test_what_a_stranger_sends_forges_no_log_line(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("t1 jack\n")
    server = serve("--token-file", str(tokens), "--log-level", "debug")
    client = RawClient(server.address)
    client.register("bad", "x\n2026-01-01 error FORGED \x1b[31m" + "y" * 100)
    assert client.read_frame()[0] == 0x88
    eventually(lambda: any("refused a token" in line for line in server.log), "it is logged")
    assert not any(line.startswith("2026-01-01 error FORGED") or "\x1b" in line for line in server.log)
