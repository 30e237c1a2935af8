"""What the console asks of the service, and what it counts there."""
import json

import pytest
from selenium.webdriver.common.by import By

from support.browser import click, text, wait
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


SLOW = """
    // A service that answers some requests as late as the test says, and everything else at once.
    window.asked = []; window.late = [];
    const { fetch: request, setInterval: repeat } = window;
    window.fetch = (address, options) => {
        const path = new URL(address).pathname;
        asked.push([path, !!options.signal]);
        if (!/sessions|details/.test(path)) return request(address, options);
        return new Promise(done => late.push(() => done(request(address, options))));
    };
    window.setInterval = (work, time) => repeat(work, time / 50);"""


def open_slow(browser, server, part):
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": SLOW})["identifier"]
    browser.get(f"http://{server.address}/#{part}")
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", {"identifier": script})


@pytest.mark.parametrize("part, path", [("sessions", "/console/sessions"), ("overview", "/console/details")])
def test_requests_do_not_pile_up_on_a_slow_service(browser, serve, part, path):
    server = serve()
    open_slow(browser, server, part)
    asked = lambda: browser.execute_script("return asked.filter(([path]) => path == arguments[0])", path)
    wait(browser, asked, "it asks")
    # Its timers run fast here: there is time for many requests.
    browser.execute_async_script("setTimeout(arguments[0], 700)")
    assert asked() == [[path, True]], "one, which does not wait for ever"
    browser.execute_script("late.splice(0).forEach(answer => answer())")
    wait(browser, lambda: len(asked()) == 2, "and again when that one has been answered")


def test_an_event_that_cannot_be_subscribed_to_is_told(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/#try")
    browser.execute_script("document.getElementById('subscribe-event').value = 'x'.repeat(256)")
    click(browser, "subscribe")
    wait(browser, lambda: "event: xxx" in text(browser, "log"), "it is in the log")
    assert browser.find_element(By.ID, "subscribe").is_enabled() and not browser.find_element(By.ID, "unsubscribe").is_enabled()


def test_a_moment_of_before_a_restart_is_now(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/")
    browser.execute_script("""
        // What a service answers that has run for long, and then one that has just begun.
        window.first = 100000;
        const { fetch } = window;
        window.fetch = async (address, options) => {
            window.asked = address.href;
            const response = await fetch(address, options);
            if (!address.pathname.endsWith("/history")) return response;
            const answer = await response.json();
            return { ok: true, json: async () => ({ ...answer, first: answer.first + first }) };
        };""")
    wait(browser, lambda: "after=1000" in (browser.execute_script("return window.asked") or ""), "it is shown")
    slider = "const slider = document.getElementById('moment'); "
    browser.execute_script(slider + "slider.value = slider.max - 2; slider.oninput();")
    time_of = lambda: text(browser, "moment-time")
    assert time_of() != "now"
    browser.execute_script("first = 0")
    wait(browser, lambda: time_of() == "now", "there is no such moment any more")
