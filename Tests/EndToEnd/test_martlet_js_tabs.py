"""`martlet.js` in several tabs, which share one connection."""
import subprocess

import pytest

from support.event_stream import push
from support.paths import MARTLET_JS, ROOT
from support.poll import poll
from support.waiting import PATIENCE, eventually


def test_tabs_share_one_connection(serve, browser):
    server = serve()
    first = browser.current_window_handle
    browser.get(f"http://{server.address}/martlet.js")
    script = """
        const [events, done] = arguments;
        import("/martlet.js").then(() => {
            window.got = [];
            window.martlet = new Martlet({ token: "jack" });
            martlet.on("state", state => { if (state === "open") done(true); });
            for (const event of events) martlet.subscribe(event, data => got.push(`${event} ${data}`));
        });"""
    assert browser.execute_async_script(script, ["alerts"])
    browser.switch_to.new_window("tab")
    second = browser.current_window_handle
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script(script, ["alerts", "news"])

    def got(handle):
        browser.switch_to.window(handle)
        return browser.execute_script("return got")

    try:
        eventually(lambda: push(server, 0, event="news") == 1, "the connection hears for both tabs")
        assert server.metric("martlet_sessions") == 1
        assert push(server, 1) == 1
        eventually(lambda: got(second)[-1:] == ["alerts 1"] and got(first) == ["alerts 1"], "both have it")
        # The leader goes: the other takes over where it was.
        browser.switch_to.window(first)
        browser.close()
        push(server, 2)
        push(server, 3, event="news")
        eventually(lambda: got(second)[-2:] == ["alerts 2", "news 3"], "nothing is lost")
        eventually(lambda: server.metric("martlet_sessions") == 1, "it has a connection")
    finally:
        browser.switch_to.window(second)


TABS = """
    const [token, options, done] = arguments;
    import("/martlet.js").then(() => {
        window.got = []; window.gaps = [];
        window.martlet = new Martlet({ token, ...options });
        window.hear = event => martlet.subscribe(event, data => got.push(`${event} ${data}`));
        martlet.on("gap", events => gaps.push(events));
        martlet.on("error", error => got.push(error.message));
        done(true);
    });"""


@pytest.fixture
def tab(browser):
    """Opens pages in tabs of their own; each is asked by running a script in it."""
    first, opened = browser.current_window_handle, []

    def open_tab(server, token="jack", **options):
        browser.switch_to.window(first)
        browser.switch_to.new_window("tab")
        handle = browser.current_window_handle
        opened.append(handle)
        browser.get(f"http://{server.address}/martlet.js?page={len(opened)}")
        assert browser.execute_async_script(TABS, token, options)

        def ask(script, *arguments):
            browser.switch_to.window(handle)
            if script == "close":
                opened.remove(handle)
                browser.close()
                return None
            return browser.execute_script(script, *arguments)
        return ask

    yield open_tab
    for handle in opened:
        browser.switch_to.window(handle)
        browser.close()
    browser.switch_to.window(first)


def test_a_tab_hears_only_what_it_asked_for(serve, tab):
    """And from when on it asked, whatever the tab heard that had the connection before."""
    server = serve("--history-size", "2")
    leader, follower = tab(server), tab(server)
    leader("hear('a')")
    follower("hear('b')")
    eventually(lambda: push(server, 1, event="b") == 1 and push(server, 1, event="a") == 1, "the connection hears for both")
    eventually(lambda: leader("return got").count("a 1") and follower("return got").count("b 1"), "both have it")
    leader("close")
    eventually(lambda: push(server, 2, event="b") == 1 and push(server, 2, event="a") == 0, "the other took over")
    for number in range(3, 7):
        push(server, number, event="a")
    fresh = tab(server)
    fresh("hear('a')")
    eventually(lambda: push(server, 7, event="a") == 1, "it is heard again")
    eventually(lambda: "a 7" in fresh("return got"), "it came")
    assert all(text == "a 7" for text in fresh("return got"))
    assert fresh("return gaps") == follower("return gaps") == []
    # What a tab misses concerns no other.
    follower("martlet.close()")
    eventually(lambda: push(server, 8, event="b") == 0, "it has gone")


def test_a_tab_that_knows_where_it_was_is_sent_the_rest(serve, tab):
    server = serve()
    leader = tab(server)
    leader("hear('a')")
    eventually(lambda: push(server, 0, event="a") == 1, "it is connected")
    for number in range(1, 4):
        push(server, number, event="a")
    id = poll(server, event="a")[1]["id"]
    push(server, 4, event="a")
    push(server, 5, event="a")
    again = tab(server, after=id, share="together")
    again("hear('a')")
    eventually(lambda: again("return got") == ["a 4", "a 5"], "it has what it missed")


def test_a_tab_that_wants_many_events_reconnects_the_others_once(serve, tab):
    server = serve()
    leader, follower = tab(server), tab(server)
    leader("""
        window.count = 0;
        window.WebSocket = class extends WebSocket { constructor(...values) { super(...values); count++; } };
        hear('a');""")
    eventually(lambda: push(server, 0, event="a") == 1, "it is connected")
    follower("for (let number = 0; number < 40; number++) hear(`event ${number}`)")
    eventually(lambda: push(server, 0, event="event 39") == 1 and push(server, 0, event="a") == 1, "all are heard")
    eventually(lambda: "event 39 0" in follower("return got"), "it came")
    assert leader("return count") == 2


def test_what_a_page_does_wrong_is_told_to_that_page(serve, tab, browser):
    server = serve()
    leader, other = tab(server), tab(server)
    leader("hear('a')")
    for wrong in ("hear('')", "hear('x\\ny')", "hear('ä'.repeat(128))", "new Martlet({ transports: ['ws'] })",
                  "new Martlet({ transports: [] })", "new Martlet({ url: 'http://' })"):
        assert other(f"try {{ {wrong} }} catch (error) {{ return true }}") is True, wrong
    assert other("return martlet.state") != "closed" and leader("return martlet.state") != "closed"
    eventually(lambda: push(server, 1, event="a") == 1, "the other tab is none the worse")
    # A token that cannot be had is not the transport's fault.
    assert browser.execute_async_script("""
        const done = arguments[0], told = [];
        let count = 0;
        const martlet = new Martlet({ token: () => { if (++count <= 4) throw new Error("no token"); return "jill"; }, delay: 1 });
        martlet.on("error", error => told.push(error.message));
        martlet.on("state", (state, transport) => { if (state === "open") done([told.length, told[0], transport]); });
        martlet.subscribe("alerts", () => {});""") == [4, "no token", "websocket"]


def test_a_tab_that_hangs_does_not_silence_the_others():
    """Another takes the connection over; the one that hung joins again when it goes on."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "hangs.mjs", MARTLET_JS], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == "1 2 3; 1 2 3; 1 2 3; gaps: ; connections: 1\n", result.stdout + result.stderr


def test_a_tab_with_too_many_events_does_not_close_the_others():
    """What tabs ask for together is refused: the last gets a connection of its own, or the error."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "limit.mjs", MARTLET_JS], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == (
        "first a1 b1; second c1 d1; third a1 e1 f1; fourth \n2 connections; fourth: 1008 too many events\n"), result.stdout + result.stderr


@pytest.mark.parametrize("stuck", ["fetch", "token"])
def test_a_tab_that_is_back_does_not_wait_for_ever_for_what_it_missed(stuck):
    """It is told of a gap then, and goes on."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "stuck.mjs", MARTLET_JS, stuck], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == "1 gap 3\n", result.stdout + result.stderr


def test_a_component_that_is_replaced_by_another_costs_no_connection():
    """It ends its subscription, and the other subscribes in the same turn: in the tab with the connection, and in another one."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "replaced.mjs", MARTLET_JS], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == "2 connections; leader 1 2 3 4 5; follower 1 2 3 4 5\n", result.stdout + result.stderr


@pytest.mark.parametrize("denied", ["locks", "channel", "later"])
def test_a_tab_that_may_not_share_has_its_own_connection(denied):
    """A browser that lets a page store nothing may deny Web Locks and BroadcastChannel though it has them."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "denied.mjs", MARTLET_JS, denied], capture_output=True, text=True, timeout=PATIENCE)
    assert result.stdout == "closed, connecting, open: 1, 2\n", result.stdout + result.stderr


def test_tabs_in_random_histories():
    """Tabs open, close, crash, hang and take over: nothing is lost or comes twice, and gaps are told."""
    clients = ROOT / "Tests/EndToEnd/clients/martlet-js"
    result = subprocess.run(["node", clients / "tabs.mjs", MARTLET_JS, "1", "400"], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
