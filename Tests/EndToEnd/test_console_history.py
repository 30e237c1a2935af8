"""What the console is told of the service: the figures over time, the process, and what only operators may see."""
import json
import os
import signal
import socket
import time

import pytest

from support.console import figures, get
from support.raw_client import RawClient
from support.waiting import eventually


def history(server, choice="10m", after=-1):
    status, _, body = get(server, f"/console/history?range={choice}&after={after}")
    assert status == 200, body
    return json.loads(body)


def details(server, headers={}):
    return json.loads(get(server, "/console/details", headers)[2])


def total(server, name):
    return sum(value or 0 for value in history(server)["figures"][name])


def test_the_history_has_what_happened_by_the_second(serve):
    begin = time.time()
    server = serve()
    client = RawClient(server.address)
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "first", 1)
    before = server.metric("martlet_pushes_total")
    for number in range(20):
        server.push("jack", "alerts", f"message {number}")
    eventually(lambda: round(total(server, "pushes")) == before + 20, "all pushes are in it")
    eventually(lambda: round(total(server, "webSocketDeliveries")) == 21, "and all deliveries")
    answer = history(server)
    assert answer["step"] == 1 and begin - 2 <= answer["start"] <= time.time()
    assert [value for value in answer["figures"]["webSocketSessions"] if value is not None][-1] == 1
    memory = [value for value in answer["figures"]["memory"] if value is not None][-1]
    assert 0.5 < memory / server.rss() < 2
    delivered = [value for value in answer["deliveryTimes"]["p99"] if value is not None]
    assert delivered and all(1e-5 <= value < 10 for value in delivered)
    assert answer["overall"]["p50"] <= answer["overall"]["p90"] <= answer["overall"]["p99"]
    lengths = {len(values) for values in answer["figures"].values()} | {len(values) for values in answer["deliveryTimes"].values()}
    assert lengths == {len(delivered) + answer["deliveryTimes"]["p99"].count(None)}


def test_a_page_is_sent_only_what_it_has_not_got(serve):
    server = serve()
    eventually(lambda: len(history(server)["figures"]["memory"]) >= 3, "some seconds are there")
    whole = history(server)
    last = whole["first"] + len(whole["figures"]["memory"]) - 1
    eventually(lambda: history(server, after=last)["figures"]["memory"], "another second is there")
    rest = history(server, after=last)
    assert rest["first"] == last + 1 and len(rest["figures"]["memory"]) < len(whole["figures"]["memory"])
    assert history(server, after=10_000)["first"] <= whole["first"], "a page of an earlier process gets all"


@pytest.mark.parametrize("choice", ["1h", "24h"])
def test_minutes_have_the_mean_of_their_seconds(serve, choice):
    server = serve()
    eventually(lambda: history(server, choice)["figures"]["memory"], "the first minute is there")
    answer = history(server, choice)
    assert answer["step"] == 60 and answer["first"] == 0 and len(answer["figures"]["memory"]) <= 2


def test_seconds_in_which_the_process_stood_still_are_missing(serve):
    server = serve()
    present = lambda: [value is not None for value in history(server)["figures"]["memory"]]
    eventually(lambda: present()[-2:] == [True, True], "two seconds are there")
    count = len(present())
    server.process.send_signal(signal.SIGSTOP)
    end = time.monotonic() + 3.5
    eventually(lambda: time.monotonic() > end, "some seconds pass")
    server.process.send_signal(signal.SIGCONT)
    eventually(lambda: len(present()) >= count + 4, "the process runs again")
    assert present()[count:].count(False) >= 2, present()


@pytest.mark.parametrize("query, reason", [
    ("range=2h", "range is 10m, 1h or 24h"), ("range=1h&after=x", "after is the number of a sample"),
    ("after=-2", "after is the number of a sample")])
def test_wrong_ranges_are_named(serve, query, reason):
    assert get(serve(), "/console/history?" + query)[::2] == (400, reason)


def test_the_process_and_its_limits_are_among_the_figures(serve):
    server = serve("--limits-connections", "77")
    connections = [RawClient(server.address) for _ in range(5)]
    for user, client in zip("abcde", connections):
        client.register(user, "alerts")
    eventually(lambda: figures(server)["users"] == 5, "all are there")
    found = figures(server)
    assert found["node"] == socket.gethostname() and found["version"]
    assert abs(time.time() - found["uptime"] - found["startedAt"]) < 2
    assert found["sessionLimit"] == {"count": 5, "limit": 77} and found["channels"] == 5
    assert found["connections"]["count"] >= 5 and found["connections"]["limit"] > 77
    descriptors = len(os.listdir(f"/proc/{server.process.pid}/fd"))
    assert abs(found["descriptors"]["count"] - descriptors) <= 3 and found["descriptors"]["limit"] > found["connections"]["limit"]
    assert 0.5 < found["memory"]["count"] / server.rss() < 2 and found["memory"]["limit"] > found["memory"]["count"]
    assert found["processor"]["limit"] >= 1
    eventually(lambda: "busy" in figures(server)["processor"], "a second has been counted")


def test_closes_are_counted_by_code_and_refusals_by_reason(serve, tmp_path):
    tokens, keys = tmp_path / "tokens", tmp_path / "keys"
    tokens.write_text("secret jack\n")
    keys.write_text("s3cret-of-a-back-end back-end\n")
    server = serve("--token-file", str(tokens), "--api-key-file", str(keys))
    client = RawClient(server.address)
    client.register("guess", "alerts")
    assert client.read_close()[0] == 1008
    client.close()
    assert get(server, "/poll?token=guess&event=alerts&wait=0")[0] == 401
    assert server.post("/push", {"userId": "jack", "event": "alerts", "message": "x"})[0] == 401
    assert server.post("/push", b"{", {"X-API-Key": "s3cret-of-a-back-end"})[0] == 400
    eventually(lambda: figures(server)["closes"] == {"1008": 1}, lambda: figures(server)["closes"])
    refusals = figures(server)["refusals"]
    assert refusals == {
        "token missing or refused": 2, "API key missing or wrong": 1, "request or message not understood": 1}


def test_too_many_wrong_keys_count_as_too_often_on_every_path(serve):
    """The right key, too: while an address is slowed down, none is looked at."""
    key = "s3cret-of-a-back-end"
    server = serve(env={"MARTLET_API_KEY": key})
    body = {"userId": "jack", "event": "alerts", "message": "x"}
    statuses = [server.post("/push", body, {"X-API-Key": f"guess number {number}"})[0] for number in range(15)]
    for path in ("/push", "/drop", "/api/info"):
        assert server.post(path, body, {"X-API-Key": key})[0] == 429, path
        statuses.append(429)
    assert set(statuses) == {401, 429}
    assert figures(server)["refusals"] == {"API key missing or wrong": statuses.count(401), "too often": statuses.count(429)}


def test_details_are_for_those_who_may_see_the_sessions(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("s3cret back-end\n")
    server = serve("--api-key-file", str(keys))
    assert get(server, "/console/history")[0] == 200
    assert get(server, "/console/details")[0] == 401
    assert get(server, "/console/details", {"X-API-Key": "s3cret"})[0] == 200
    for headers in ({"Origin": "https://example.com"}, {"Host": "example.com", "Origin": "https://example.org"}):
        assert get(server, "/console/history", headers)[0] == get(server, "/console/details", headers)[0] == 403


def test_top_channels_are_those_with_the_most_subscribers_and_pushes(serve):
    server = serve()
    clients = []
    for user, count in (("jack", 3), ("jill", 1), ("anna", 2)):
        for _ in range(count):
            clients.append(RawClient(server.address))
            clients[-1].register(user, "alerts")
        server.push_until(user, "alerts", "first", count)
    by_subscribers = lambda: [(one["name"], one["subscribers"]) for one in details(server)["channels"]["bySubscribers"]]
    eventually(lambda: by_subscribers() == [("alerts#jack", 3), ("alerts#anna", 2), ("alerts#jill", 1)], by_subscribers)
    server.push("jill", "alerts", "again")
    by_publications = lambda: [one["name"] for one in details(server)["channels"]["byPublications"]]
    eventually(lambda: by_publications() == ["alerts#jill"], by_publications)


def test_the_last_warnings_and_errors_are_kept(serve, free_port):
    server = serve("--auth-url", f"http://127.0.0.1:{free_port}/")
    assert get(server, "/poll?token=x&event=alerts&wait=0")[0] == 503
    records = lambda: details(server)["records"]
    eventually(lambda: "cannot check a token" in [one["message"] for one in records()], records)
    assert all(one["level"] in ("warning", "error", "critical") for one in records())
    assert all(one["count"] >= 1 and abs(one["time"] - time.time()) < 60 for one in records())


def test_settings_in_force_are_shown_without_secrets(serve, tmp_path):
    file = tmp_path / "martlet.json"
    file.write_text(json.dumps({"limits": {"pushRate": "7/s"}, "auth": {"url": "http://u:hidden@127.0.0.1:9/a?k=hidden"}}))
    server = serve("--config", str(file), "--history-size", "12", env={"MARTLET_API_KEY": "hidden-key-of-a-back-end"})
    body = get(server, "/console/details", {"X-API-Key": "hidden-key-of-a-back-end"})[2]
    assert "hidden" not in body
    settings = {one["key"]: one for one in json.loads(body)["settings"]}
    assert settings["limits.pushRate"] == {"key": "limits.pushRate", "value": "7/s", "place": "file", "isLive": True}
    assert (settings["history.size"]["value"], settings["history.size"]["place"]) == ("12", "command line")
    assert "place" not in settings["wsPath"] and settings["wsPath"]["value"] == "/ws"
    assert settings["MARTLET_API_KEY"]["value"] == "set, not shown"
    # A change of what is live is in force, one of what waits for a restart is not.
    file.write_text(json.dumps({"limits": {"pushRate": "9/s"}, "wsPath": "/other", "auth": {"url": "http://127.0.0.1:9/a"}}))
    server.process.send_signal(signal.SIGHUP)
    shown = lambda: {one["key"]: one["value"] for one in details(server, {"X-API-Key": "hidden-key-of-a-back-end"})["settings"]}
    eventually(lambda: shown()["limits.pushRate"] == "9/s", "the change is in force")
    assert shown()["wsPath"] == "/ws"


def test_all_sessions_of_a_user_are_disconnected_and_those_of_others_stay(serve):
    server = serve()
    clients = [RawClient(server.address) for _ in range(4)]
    for client, (user, event) in zip(clients, [("jack", "alerts"), ("jack", "news"), ("jackie", "alerts"), ("jill", "alerts")]):
        client.register(user, event)
    sessions = lambda query="": json.loads(get(server, "/console/sessions" + query)[2])["sessions"]
    eventually(lambda: len(sessions()) == 4, "all are there")
    assert [one["user"] for one in sessions("?user=jack")] == ["jack", "jack"], "of this user alone"
    assert get(server, "/console/drop", method="POST", body=json.dumps({"user": "jack"}))[::2] == (200, '{"dropped":2}')
    assert clients[0].read_close()[0] == clients[1].read_close()[0] == 1000
    eventually(lambda: sorted(one["user"] for one in sessions()) == ["jackie", "jill"], "the others stay")
    assert get(server, "/console/drop", method="POST", body=json.dumps({"user": ""}))[0] == 400
