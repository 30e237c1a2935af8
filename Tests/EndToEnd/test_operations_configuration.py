"""Configuration: file, environment and command line, and what `martlet check-config` says of them."""
import json
import os
import re

import pytest
import yaml

from support.command import run
from support.paths import ROOT
from support.raw_client import RawClient


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
    ("limits: {connectionBurst: 3}\n", 1, "limits.connectionBurst: there is no limits.connectionRate"),
    ("drain:\n  time: soon\n", 2, "drain.time: expected a time"),
    ("origin:\n- https://a.example\n- b.example\n", 2, "origin: b.example is no origin"),
    ("tokenFile: a\njwks:\n  url: https://a.example\n", 3, "jwks.url: tokenFile and jwks.url exclude each other"),
    ("jwt: {algorithm: none}\n", 1, "jwt.algorithm"),
    ("log: {level: loud}\n", 1, "log.level: expected"),
    ("limits: [1]\n", 1, "limits: expected a mapping"),
    ("history: {age: 100000h}\n", 1, "history.age: expected a time below 27777h"),
    ("open: true\nopen: false\n", 1, "open: twice"),
    ("listeners: [8082]\nroutes: []\n", 1, "listeners[0]: expected an address"),
    ("listen: [\n", 2, "not valid YAML"),
    ("tls:\n  certificate: a\n", 2, "tls.certificate: tls.key is missing"),
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


def test_an_unknown_variable_is_a_mistake_with_a_suggestion():
    for command in "serve", "echo":
        checked = run(command, env={**os.environ, "MARTLET_LISTNE": "127.0.0.1:0"})
        assert (checked.returncode, checked.stderr) == (
            78, "martlet: MARTLET_LISTNE: there is no such setting; did you mean MARTLET_LISTEN?\n")
    checked = run("proxy", "--to", "http://127.0.0.1:1", env={**os.environ, "MARTLET_ADMIN_LISTNE": "127.0.0.1:0"})
    assert checked.returncode == 78 and "did you mean MARTLET_ADMIN_LISTEN?" in checked.stderr


def test_mistakes_of_values_and_of_files_are_told_at_once(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text(f"retry: soon\nwsPath: ws\napiKeyFile: {tmp_path}/none\ntls:\n  key: a\n")
    checked = run("check-config", str(file), env={**os.environ, "MARTLET_HISTORY_AGE": "1w", "MARTLET_NONSENSE": "1"})
    assert checked.returncode == 78
    assert [line.split(": ")[0].removeprefix(str(tmp_path)) for line in checked.stderr.splitlines()] == [
        "MARTLET_HISTORY_AGE", "MARTLET_NONSENSE", "/wrong.yaml:1", "/wrong.yaml:2", "/wrong.yaml:3", "/wrong.yaml:5", "/wrong.yaml:5"]


def test_check_config_of_an_echo_server(tmp_path):
    file = tmp_path / "echo.yaml"
    file.write_text("listen: 127.0.0.1:0\nlimits: {messageSize: 1MiB}\nmaxFragments: 10\n")
    checked = run("check-config", "--for", "echo", str(file))
    assert checked.returncode == 0 and checked.stderr == f"{file}:3: maxFragments: this is now called limits.fragments\n"
    file.write_text("contextTakeover: true\nlimits: {messageSize: 0}\n")
    checked = run("check-config", "--for", "echo", str(file))
    assert checked.returncode == 78 and len(checked.stderr.splitlines()) == 2
