"""Cuts of the connection, directly and through nginx: a browser gets everything once and in order."""
import re

import pytest

from support.event_stream import push
from support.nginx import Nginx
from support.paths import ROOT
from support.ports import free_port
from support.waiting import eventually

DOCUMENT = (ROOT / "docs/event-streams.md").read_text()


@pytest.fixture(params=["direct", "nginx with its defaults", "nginx as documented"])
def chain(request, start, cut_off, tmp_path):
    """A service, and a cutter in front of it: perhaps with nginx between."""
    listener = free_port()
    cutter = cut_off(listener)
    server = start("serve", "--listen", f"127.0.0.1:{listener if request.param == 'direct' else free_port()}",
                   "--origin", f"http://{cutter.address}", "--retry", "300ms", "--log-level", "warning")
    nginx = None
    if "nginx" in request.param:
        location, http = f"location / {{ proxy_pass http://{server.address}; }}", ""
        if "documented" in request.param:
            http, location = re.search(r"```nginx\n(.*?)server {(.*)}\n```", DOCUMENT, re.S).groups()
            location = location.replace("127.0.0.1:8080", server.address)
        nginx = Nginx(tmp_path / "nginx", f";{location}", listener, http=http)
    yield server, cutter, request.param
    if nginx:
        nginx.stop()


LISTEN = """
    const [transports, done] = arguments;
    import("/martlet.js").then(() => {
        window.got = []; window.gaps = []; window.states = [];
        window.martlet = new Martlet({ token: "jack", transports, share: false, delay: 200 });
        martlet.on("gap", events => gaps.push(events));
        martlet.on("state", (state, transport) => states.push(`${state} ${transport}`));
        martlet.on("error", error => states.push(`error ${error.message}`));
        martlet.subscribe("alerts", data => { got.push(+data); });
        martlet.on("state", state => { if (state === "open") done(true); });
    });"""


@pytest.mark.parametrize("transports", [["websocket"], ["sse"], ["poll"], ["websocket", "sse", "poll"]], ids="-".join)
def test_a_thousand_pushes_and_ten_cuts(chain, browser, transports):
    server, cutter, between = chain
    if transports == ["websocket"] and between == "nginx with its defaults":
        pytest.skip("nginx does not pass an upgrade on by default")
    browser.get(f"http://{cutter.address}/martlet.js")
    assert browser.execute_async_script(LISTEN, transports)
    expected = "sse" if between == "nginx with its defaults" and len(transports) > 1 else transports[0]
    assert browser.execute_script("return martlet.transport") == expected

    def count():
        return browser.execute_script("return got.length")

    eventually(lambda: server.metric("martlet_sessions") == 1 or transports == ["poll"], "one session")
    for part in range(10):
        for number in range(part * 100, part * 100 + 100):
            push(server, number)
            if number % 100 == 30:
                cutter.cut()
        eventually(lambda: count() >= part * 100 + 100, "all have come")
    assert browser.execute_script("return got") == list(range(1000))
    assert browser.execute_script("return gaps") == []
    # More than is kept, while nobody listens: the page is told, and has the rest.
    cutter.is_open = False
    cutter.cut()
    eventually(lambda: server.metric("martlet_sessions") == 0, "the connection is gone")
    for number in range(1000, 1150):
        push(server, number)
    cutter.is_open = True
    eventually(lambda: browser.execute_script("return got.at(-1)") == 1149, "the rest has come")
    assert browser.execute_script("return gaps") == [["alerts"]]
    assert browser.execute_script("return got") == list(range(1000)) + list(range(1050, 1150))
    browser.execute_script("martlet.close()")


def test_the_browsers_own_eventsource(chain, browser):
    server, cutter, _ = chain
    browser.get(f"http://{cutter.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        window.got = []; window.source = new EventSource("/sse?token=jack&event=alerts");
        source.addEventListener("alerts", event => got.push(+event.data));
        source.onopen = () => done(true);""")
    eventually(lambda: server.metric("martlet_sessions") == 1, "one session")
    for number in range(60):
        push(server, number)
        if number == 20:
            cutter.cut()
    eventually(lambda: browser.execute_script("return got.length") >= 60, "all have come")
    assert browser.execute_script("return got") == list(range(60))
    browser.execute_script("source.close()")
