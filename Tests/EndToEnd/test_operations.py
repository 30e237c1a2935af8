"""What an operator does: configuration, reloading, logs, metrics, shutting down, systemd."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import httpx
import pytest
import yaml
from conftest import MARTLET, PATIENCE, ROOT, RawClient, eventually, run
from test_event_streams import Stream, query

# Configuration


def test_the_command_line_counts_more_than_the_environment_and_that_more_than_the_file(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\nlimits:\n  eventsPerSession: 1\n  bodySize: 1KiB\n  sessionsPerUser: 5\n")
    server = start(
        "serve", "--config", str(file), "--limits-events-per-session", "3",
        env={"MARTLET_LIMITS_EVENTS_PER_SESSION": "2", "MARTLET_LIMITS_BODY_SIZE": "2KiB"})
    client = RawClient(server.address)
    for event in "abcd":
        client.register("jack", event)
    assert "at most 3 events" in json.loads(client.read_frame()[1])["error"]["message"]
    message = {"userId": "jack", "event": "a", "message": "x" * 1500}
    assert server.post("/push", message)[0] == 200  # by the environment
    assert server.post("/push", {**message, "message": "x" * 2500})[0] == 413


EVERYTHING = """
listen: 127.0.0.1:8080
tls: {{certificate: {cert}, key: {key}}}
reusePort: true
trustedProxies: [10.0.0.0/8, "::1"]
wsPath: /socket
pushPath: /publish
ssePath: /events
pollPath: /updates
origin: [https://example.com, http://localhost:3000]
open: false
apiKeyFile: {keys}
console: {{enabled: true, passwordFile: {keys}}}
tokenFile: {keys}
anonymousUser: nobody
history: {{size: 10, age: 5m}}
retry: 5s
heartbeat: 20s
limits:
  connections: 1000
  connectionsPerAddress: 10
  connectionRate: 600/m
  connectionBurst: 20
  sessionsPerUser: 10
  eventsPerSession: 64
  messageRate: 10/s
  messageBurst: 100
  pushRate: 1000/s
  pushBurst: 2000
  bodySize: 64KiB
  queueSize: 128KiB
  slowClients: drop-oldest
drain: {{delay: 5s, time: 1m}}
log: {{level: notice, format: json}}
"""


@pytest.fixture
def everything(tmp_path, certificates):
    keys = tmp_path / "keys"
    keys.write_text("abc jack\n")
    return EVERYTHING.format(cert=certificates["cert"], key=certificates["key"], keys=keys)


def test_check_config_takes_every_key(tmp_path, everything):
    file = tmp_path / "martlet.yaml"
    file.write_text(everything)
    checked = run("check-config", str(file))
    assert (checked.returncode, checked.stderr) == (0, "") and "martlet serve, nothing wrong" in checked.stdout


def test_every_key_is_an_option_and_a_variable_and_documented(everything):
    document = (ROOT / "docs/operations.md").read_text()
    options = run("serve", "--help").stdout
    paths = []
    for key, value in yaml.safe_load(everything).items():
        paths += [f"{key}.{name}" for name in value] if isinstance(value, dict) else [key]
    assert len(paths) >= 37
    for path in paths:
        flag = "--" + re.sub(r"([A-Z])", lambda match: "-" + match.group(1).lower(), path).replace(".", "-")
        assert re.search(rf"{flag}\b", options), flag
        assert f"`{path}`" in document, path


@pytest.mark.parametrize("text, line, said", [
    ("listen: 127.0.0.1\n", 1, "listen: expected an address and a port"),
    ("\nlimits:\n  pushRate: fast\n", 3, "limits.pushRate: expected a rate"),
    ("limits:\n  pushrate: 1/s\n", 2, "limits.pushrate: there is no such key"),
    ("limits: {connectionBurst: 3}\n", 1, "limits.connectionBurst: there is no connectionRate"),
    ("drain:\n  time: soon\n", 2, "drain.time: expected a time"),
    ("origin:\n- https://a.example\n- b.example\n", 2, "origin: b.example is no origin"),
    ("tokenFile: a\njwks:\n  url: https://a.example\n", 3, "jwks.url: tokenFile and jwks.url exclude each other"),
    ("jwt: {algorithm: none}\n", 1, "jwt.algorithm"),
    ("log: {level: loud}\n", 1, "log.level: expected"),
    ("limits: [1]\n", 1, "limits: expected a mapping"),
    ("history: {age: 100000h}\n", 1, "history.age: expected a time below 27777h"),
    ("open: true\nopen: false\n", 1, "open: twice"),
    ("listeners: [8082]\nroutes: []\n", 1, "listeners[0]: expected an address"),
    ("listen: [\n", None, "not valid YAML"),
    ("tls:\n  certificate: a\n", 2, "tls: the key key is missing"),
    ("retry: 1s\nwsPath: ws\n", 2, "wsPath: a path begins with /"),
    ("pushPath: /x\npollPath: /x\n", 2, "pollPath: another endpoint has this path"),
    ("jwks:\n  url: nonsense\n", 2, "jwks.url: nonsense is no http or https URL"),
    ("history: {size: 1}\njwt: {issuer: me}\n", 2, "jwt.issuer: there is no key"),
    ("open: false\nlisten: 0.0.0.0:80\n", 2, "listen: 0.0.0.0:80 can be reached from other machines"),
    ("auth:\n  url: nonsense\n", 2, "auth.url: "),
])
def test_check_config_names_the_key_and_the_line(tmp_path, text, line, said):
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    checked = run("check-config", str(file))
    place = f"{file}:{line}: " if line else f"{file}: "
    assert checked.returncode == 78 and place in checked.stderr and said in checked.stderr, checked.stderr


def test_check_config_names_every_mistake_in_the_order_of_the_file(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("wspath: /ws\nlimits:\n  bodySize: big\n  pushRate: fast\n  what: 1\nretry: 3\n")
    lines = run("check-config", str(file)).stderr.splitlines()
    assert [re.search(r"wrong.yaml:(\d+): ([\w.]+):", line).groups() for line in lines] == [
        ("1", "wspath"), ("3", "limits.bodySize"), ("4", "limits.pushRate"), ("5", "limits.what"), ("6", "retry")]


def test_a_section_of_comments_is_empty(tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("limits:\n  # pushRate: 1/s\nlog:\n")
    assert run("check-config", str(file)).returncode == 0


def test_an_option_that_does_not_fit_is_named(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    started = run("serve", "--token-file", str(tokens), "--jwt-issuer", "me")
    assert started.returncode in (64, 78) and "--jwt-issuer" in started.stderr, started.stderr


def test_check_config_names_every_mistake_of_a_section(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("drain: {delay: 1d, time: 1w}\nhistory: {size: -1, age: 1w}\nlog: {level: x, format: y}\n"
                    "jwt: {algorithm: XX, requireExpiry: 3}\nconsole: {enabled: 1}\n")
    lines = run("check-config", str(file)).stderr.splitlines()
    assert [re.match(rf"{file}:(\d+): ([\w.]+):", line).groups() for line in lines] == [
        ("1", "drain.delay"), ("1", "drain.time"), ("2", "history.size"), ("2", "history.age"), ("3", "log.level"),
        ("3", "log.format"), ("4", "jwt.algorithm"), ("4", "jwt.requireExpiry"), ("5", "console.enabled")]


def test_two_places_for_keys_exclude_each_other(tmp_path):
    checked = run("serve", env={**os.environ, "MARTLET_API_KEY": "secret", "MARTLET_API_KEY_FILE": str(tmp_path / "keys")})
    assert checked.returncode == 78 and "exclude each other" in checked.stderr


def test_check_config_of_files_that_are_not_there(tmp_path):
    assert run("check-config", str(tmp_path / "none.yaml")).returncode == 66
    file = tmp_path / "martlet.yaml"
    file.write_text(f"apiKeyFile: {tmp_path}/none\n")
    checked = run("check-config", str(file))
    assert checked.returncode == 66
    assert checked.stderr == f"{file}:1: apiKeyFile: cannot read {tmp_path}/none: No such file or directory\n"


def test_a_wrong_variable_is_named(tmp_path):
    checked = run("serve", env={**os.environ, "MARTLET_RETRY": "soon"})
    assert checked.returncode == 78 and "MARTLET_RETRY: expected a time" in checked.stderr


# Reloading


def test_a_changed_file_counts_without_a_restart(start, tmp_path):
    file, keys = tmp_path / "martlet.yaml", tmp_path / "keys"
    keys.write_text("first\n")
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    client = RawClient(server.address)
    client.register("jack", "a")
    server.push_until("jack", "a", "x", 1)
    message = {"userId": "jack", "event": "a", "message": "x"}
    file.write_text(f"listen: 127.0.0.1:0\napiKeyFile: {keys}\nlimits: {{sessionsPerUser: 1}}\nwsPath: /other\n")
    eventually(lambda: server.post("/push", message)[0] == 401, "keys are asked for")
    assert server.post("/push", message, {"X-API-Key": "first"})[:2] == (200, "message sent to 1 clients")
    # What cannot change is said, and everything else counts.
    eventually(lambda: any("waits for a restart" in line and "wsPath" in line for line in server.log), "it is said")
    for count, code in ((1, None), (2, 1013)):
        other = RawClient(server.address)
        other.register("jill", "a")
        if code:
            assert other.read_close()[0] == code
        else:
            kept = other
            eventually(lambda: server.post("/push", {**message, "userId": "jill"}, {"X-API-Key": "first"})[1].endswith("1 clients"), "jill is there")
    # A file that it names only since then is looked at as well.
    keys.write_text("second\n")
    eventually(lambda: server.post("/push", message, {"X-API-Key": "second"})[0] == 200, "the new key counts")
    # A mistake changes nothing.
    file.write_text("limits: nonsense\n")
    eventually(lambda: any("kept what a file said" in line and "expected a mapping" in line for line in server.log), "it is said")
    assert server.post("/push", message, {"X-API-Key": "second"})[0] == 200
    assert server.post("/push", message)[0] == 401
    kept.close()


def test_sighup_reads_the_file_again(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    stamp = file.stat()
    file.write_text("limits: {bodySize: 10}\n#" + " " * 0)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("read a file again" in line for line in server.log), "it is said")


def test_sighup_says_that_a_file_has_gone(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    file.unlink()
    eventually(lambda: any("a file has gone" in line and "martlet.yaml" in line for line in server.log), "it is said")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("kept what a file said before" in line and "martlet.yaml" in line for line in server.log), "it is said")


def test_tls_and_a_certificate_that_changes(start, tmp_path, certificates):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for source, target in ((certificates["cert"], cert), (certificates["key"], key)):
        target.write_text(open(source).read())
    server = start("serve", "--listen", "127.0.0.1:0", "--tls-certificate", str(cert), "--tls-key", str(key))
    context = ssl.create_default_context(cafile=certificates["ca"])

    def connect():
        return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), PATIENCE), server_hostname="localhost")

    def serial():
        with connect() as one:
            return one.getpeercert()["serialNumber"]

    client = RawClient.__new__(RawClient)
    client.socket, client.received = connect(), b""
    client.send_handshake()
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    client.register("jack", "a")

    def push():
        connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=PATIENCE)
        connection.request("POST", "/push", json.dumps({"userId": "jack", "event": "a", "message": "x"}))
        return connection.getresponse().read()

    eventually(lambda: push() == b"message sent to 1 clients", "it is registered")
    before = serial()
    subprocess.run(
        ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", tmp_path / "new", "-out", tmp_path / "request"],
        check=True, capture_output=True)
    (tmp_path / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", tmp_path / "request", "-CA", certificates["ca"], "-CAkey", certificates["cakey"],
         "-CAcreateserial", "-days", "2", "-extfile", tmp_path / "extensions", "-out", cert], check=True, capture_output=True)
    # The key is still the old one: the pair cannot be used, and the old pair stays.
    eventually(lambda: any("kept the old certificate" in line for line in server.log), "it is said")
    assert serial() == before
    key.write_text((tmp_path / "new").read_text())
    eventually(lambda: serial() != before, "the new certificate counts")
    assert push() == b"message sent to 1 clients" and client.read_frame()[1] == b"x"


# Logs and metrics


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


def test_metrics_are_what_the_dashboard_asks_for(serve):
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "a")
    server.push_until("jack", "a", "x", 1)
    refused = RawClient(server.address, handshake=False)
    refused.send_handshake(headers="Origin: http://elsewhere.example\r\n")
    refused.read_head()
    client.send(b"", first=0x88)
    client.read_close()
    wanted = set()
    for panel in json.loads((ROOT / "docs/grafana.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            wanted |= set(re.findall(r"\b((?:martlet|websocket)_\w+)", target["expr"]))
    assert len(wanted) > 10

    def names():
        text = server.post("/metrics", None, method="GET")[1]
        return set(re.findall(r"^(\w+)(?:{.*})? \S+$", text, re.M))

    eventually(lambda: not wanted - names(), f"all of {wanted} are there")
    text = server.post("/metrics", None, method="GET")[1]
    buckets = [int(value) for value in re.findall(r'^martlet_delivery_seconds_bucket{le="[^"]+"} (\d+)$', text, re.M)]
    assert buckets == sorted(buckets) and buckets[-1] == server.metric("martlet_delivery_seconds_count") >= 1
    for line in text.splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) \w+ .+|\w+({(\w+=\"[^\"]*\",?)+})? [-+0-9.eEINaf]+", line), line


# Shutting down


def connected(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.connect()
    return connection


def ask(connection, path, body=None):
    connection.request("POST" if body else "GET", path, body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_drain_spreads_clients_over_its_time(serve):
    server = serve("--drain-time", "2s", "--retry", "9s")
    clients = [RawClient(server.address) for _ in range(60)]
    for client in clients:
        client.register("jack", "a")
    server.push_until("jack", "a", "x", 60)
    watcher, back_end = connected(server), connected(server)
    assert ask(watcher, "/readyz") == (200, "ok\n")
    begun = time.monotonic()
    ended = []

    def wait(client):
        code, reason = client.read_close()
        ended.append((time.monotonic() - begun, code, int(re.fullmatch(r"the server restarts; retry: (\d+)", reason).group(1))))
        client.send(b"\x03\xf4", first=0x88)

    threads = [threading.Thread(target=wait, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: ask(watcher, "/readyz") == (503, "draining\n"), "it says that it drains")
    eventually(lambda: len(ended) > 5, "some have gone")
    # Whoever is connected may still push, to those who are still there; nobody new comes.
    status, text = ask(back_end, "/push", json.dumps({"userId": "jack", "event": "a", "message": "late"}))
    assert status == 200 and 0 < int(re.search(r"\d+", text).group()) < 60
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), 1)
    for thread in threads:
        thread.join(PATIENCE)
    assert {code for _, code, _ in ended} == {1012}
    # Not all at once, and told to wait for different times.
    moments = sorted(at for at, _, _ in ended)
    assert moments[-1] - moments[0] > 0.5 and moments[45] - moments[15] > 0.2
    assert {2999 < retry < 9001 for _, _, retry in ended} == {True} and len({retry for _, _, retry in ended}) > 40
    assert server.process.wait(PATIENCE) == 0


def test_a_drain_ends_streams_and_answers_polls(serve):
    server = serve("--drain-time", "500ms", "--retry", "9s")
    stream = Stream(server)
    after = stream.next()["id"]
    answers = []
    url = f"http://{server.address}/poll?{query(after=after, wait=60)}"
    waiting = threading.Thread(target=lambda: answers.append(httpx.get(url, timeout=PATIENCE)))
    waiting.start()
    eventually(lambda: server.metric("martlet_sessions") == 2, "both are there")
    server.process.send_signal(signal.SIGTERM)
    rest = stream.file.read()
    assert 2999 < int(re.search(rb"retry: (\d+)\n\n$", rest).group(1)) < 9001
    waiting.join(PATIENCE)
    [answer] = answers
    retry = int(re.fullmatch(r"the server restarts; retry: (\d+)", answer.text).group(1))
    assert answer.status_code == 503 and 2999 < retry < 9001 and int(answer.headers["Retry-After"]) == -(-retry // 1000)
    assert server.process.wait(PATIENCE) == 0


def test_a_drain_waits_before_it_begins(serve):
    server = serve("--drain-delay", "1s", "--drain-time", "0s")
    watcher = connected(server)
    ask(watcher, "/readyz")
    server.process.send_signal(signal.SIGTERM)
    eventually(lambda: ask(watcher, "/readyz")[0] == 503, "it says so")
    late = RawClient(server.address)  # load balancers have not heard of it yet
    assert late.read_close()[0] == 1012
    late.close()
    assert server.process.wait(PATIENCE) == 0


def test_a_log_that_nobody_reads_holds_nothing_up(free_port):
    process = subprocess.Popen(
        [MARTLET, "serve", "--listen", f"127.0.0.1:{free_port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "listening" in process.stdout.readline()
        with httpx.Client(timeout=PATIENCE) as client:
            # A pipe holds 64 KiB, and each line is longer than 100 bytes.
            for _ in range(2000):
                assert client.post(f"http://127.0.0.1:{free_port}/push", content="x").status_code == 400
            assert client.get(f"http://127.0.0.1:{free_port}/healthz").status_code == 200
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("asked, loops", [(None, 1), ("3", 3)])
def test_one_event_loop_for_each_processor_that_it_may_use(serve, asked, loops):
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})  # which the service inherits
        server = serve(env={"NIO_SINGLETON_GROUP_LOOP_COUNT": asked} if asked else None)
    finally:
        os.sched_setaffinity(0, mine)
    threads = [file.read_text() for file in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/comm")]
    assert sum(name.startswith("NIO-SGLTN") for name in threads) == loops, threads


def test_more_clients_than_descriptors_is_said(free_port):
    process = subprocess.Popen(
        ["bash", "-c", 'ulimit -n 256; exec "$@"', "bash", MARTLET, "serve", "--listen", f"127.0.0.1:{free_port}",
         "--limits-connections", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert "asked=100000" in line and "allowed=180" in line, line
    finally:
        process.kill()
        process.wait()


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
        eventually(lambda: sum("refused a push" in line for line in server.log) == count, "it is logged")


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
        return {code: int(count) for code, count in re.findall(r'^websocket_closes_total{code="(\d+)",.*} (\d+)$', text, re.M)}
    eventually(lambda: found() == series, lambda: f"{found()}")


def test_a_second_signal_ends_it_at_once(serve):
    server = serve("--drain-time", "60s")
    clients = [RawClient(server.address) for _ in range(20)]
    server.process.send_signal(signal.SIGINT)
    eventually(lambda: any("draining" in line for line in server.log), "it drains")
    server.process.send_signal(signal.SIGINT)

    def is_over():  # what comes within a tenth of a second counts as the same signal
        server.process.send_signal(signal.SIGINT)
        return server.process.poll() is not None

    eventually(is_over, "it ends")
    assert server.process.wait(PATIENCE) == 130
    for client in clients:
        client.close()


def test_nobody_connected_means_no_waiting(serve):
    server = serve("--drain-time", "60s")
    assert server.stop() == 0


# systemd


class Manager:
    """Starts `martlet serve` as systemd does."""

    def __init__(self, tmp_path, *arguments, listener=None):
        self.path = str(tmp_path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "200000"}
        command = [MARTLET, "serve", *arguments]
        options = {}
        if listener:
            # The number of the process is known to itself only.
            command = ["bash", "-c", 'exec env LISTEN_PID=$$ LISTEN_FDS=1 "$@" 3<&%d' % listener.fileno(), "bash", *command]
            options = {"pass_fds": [listener.fileno()]}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def hears(self, text):
        while True:
            said = self.socket.recv(100).decode()
            if said == text:
                return
            assert said == "WATCHDOG=1", said


def test_systemd_hears_how_it_is(tmp_path):
    manager = Manager(tmp_path, "--listen", "127.0.0.1:0")
    manager.hears("READY=1")
    for _ in range(2):
        manager.hears("WATCHDOG=1")
    manager.process.terminate()
    manager.hears("STOPPING=1")
    assert manager.process.wait(PATIENCE) == 0


def test_sockets_of_systemd_outlive_the_process(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            # Who connects while nobody runs waits in the kernel.
            early = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            early.connect()
            early.putrequest("GET", "/readyz")
            early.endheaders()
            manager = Manager(folder, listener=listener)
            manager.hears("READY=1")
            assert early.getresponse().status == 200
            manager.process.terminate()
            assert manager.process.wait(PATIENCE) == 0, manager.process.stderr.read()


def test_a_socket_that_everybody_reaches_needs_tokens_and_keys(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        # Whatever it was told of the address: the socket counts.
        manager = Manager(tmp_path, "--listen", f"127.0.0.1:{listener.getsockname()[1]}", listener=listener)
        assert manager.process.wait(PATIENCE) == 78
        assert "can be reached from other machines" in manager.process.stderr.read()


def test_a_reload_does_not_open_what_everybody_reaches(tmp_path):
    keys, file = tmp_path / "keys", tmp_path / "martlet.yaml"
    keys.write_text("secret jack\n")
    file.write_text(f"apiKeyFile: {keys}\ntokenFile: {keys}\n")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        manager = Manager(tmp_path, "--config", str(file), listener=listener)
        manager.hears("READY=1")
        file.write_text("{}\n")
        manager.process.send_signal(signal.SIGHUP)
        while "kept what a file said before" not in (line := manager.process.stderr.readline()):
            assert line
        assert "can be reached from other machines" in line
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=PATIENCE)
        assert ask(connection, "/push", "{}")[0] == 401
        manager.process.kill()
        manager.process.wait()


def test_two_processes_share_a_port_when_both_want_to(start, tmp_path):
    one = start("serve", "--listen", "127.0.0.1:0", "--reuse-port")
    two = start("serve", "--listen", one.address, "--reuse-port")
    assert one.port == two.port
    taken = run("serve", "--listen", one.address)
    assert taken.returncode == 69
    assert one.stop() == 0
    assert two.push("jack", "a", "x") == 0
