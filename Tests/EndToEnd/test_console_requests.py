"""What the console asks of the service, and what it counts there."""
import json

import pytest

from support.console import get
from support.raw_client import RawClient
from support.waiting import eventually


def test_it_can_be_turned_off(serve):
    server = serve("--console-enabled", "false")
    for path in ["/", "/console/figures", "/console/sessions", "/console/console.js", "/demo/state", "/demo/sse"]:
        assert get(server, path)[0] == 404, path


@pytest.mark.parametrize("arguments", [(), ("--origin", "*"), ("--origin", "https://example.com")])
def test_pages_of_others_cannot_use_it(serve, arguments):
    """Whoever may be a client."""
    server = serve(*arguments)
    drop = json.dumps({"id": "1", "user": "jack"})
    for headers in [{"Origin": "https://example.com"}, {"Host": "example.com"}, {"Origin": "null"},
                    {"Origin": "https://example.com", "Sec-Fetch-Site": "cross-site"}]:
        assert get(server, "/console/sessions", headers)[0] == 403
        assert get(server, "/console/drop", {**headers, "Content-Type": "text/plain"}, "POST", drop)[0] == 403
    policy = get(server, "/")[1]["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy


def test_its_own_page_may_behind_a_proxy_that_changes_the_host(serve):
    headers = {"Origin": "https://push.example.com", "Sec-Fetch-Site": "same-origin"}
    drop = json.dumps({"id": "1", "user": "jack"})
    assert get(serve(), "/console/drop", headers, "POST", drop)[0] == 200


def test_a_refusal_counts_once_in_each_figure(serve):
    server = serve("--limits-sessions-per-user", "1", "--limits-push-rate", "1/h")
    client = RawClient(server.address)
    client.register("jack", "alerts")
    eventually(lambda: json.loads(get(server, "/console/sessions")[2])["sessions"], "one is there")
    assert get(server, "/poll?token=jack&event=alerts&wait=0")[0] == 429
    second = RawClient(server.address)
    second.register("jack", "alerts")
    assert second.read_close()[0] == 1013
    push = lambda: server.post("/push", {"userId": "jack", "event": "alerts", "message": "x"})[0]
    assert (push(), push()) == (200, 429)
    figures = json.loads(get(server, "/console/figures")[2])
    assert (figures["refusedRegistrations"], figures["refusedPushes"], figures["rateLimited"]) == (2, 1, 1)


def test_what_a_client_missed_counts_as_delivered(serve):
    server = serve()
    position = json.loads(get(server, "/poll?token=jack&event=alerts")[2])["id"]
    for number in range(3):
        server.push("jack", "alerts", f"message {number}")
    answer = json.loads(get(server, f"/poll?token=jack&event=alerts&after={position}")[2])
    assert len(answer["publications"]) == 3
    assert json.loads(get(server, "/console/figures")[2])["deliveries"] == {"websocket": 0, "sse": 0, "poll": 3}


@pytest.mark.parametrize("path", ["/console/sessions?limit=0", "/console/sessions?limit=1001", "/console/sessions?limit=x"])
def test_wrong_limits_are_named(serve, path):
    assert get(serve(), path)[::2] == (400, "limit is a number from 1 to 1000")


@pytest.mark.parametrize("body", ["", "{}", '{"id":1,"user":"a"}', '{"id":"x","user":"a"}', "[]"])
def test_wrong_drops_are_named(serve, body):
    assert get(serve(), "/console/drop", method="POST", body=body)[0] == 400
