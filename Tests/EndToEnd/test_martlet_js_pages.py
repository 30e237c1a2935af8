"""`martlet.js` in pages that come and go: the back/forward cache, sleep, the network; what is told of restarts; JSON."""
import pytest

from support.event_stream import push
from support.martlet_js import NODE
from support.waiting import eventually

OPEN = """
    const [options, done] = arguments;
    import("/martlet.js").then(() => {
        window.got = []; window.gaps = []; window.states = []; window.told = [];
        window.martlet = new Martlet({ token: "jack", ...options });
        martlet.on("gap", events => gaps.push(events));
        martlet.on("error", error => told.push([error.message, error.final, error.data]));
        martlet.on("state", state => { states.push(state); if (state === "open") done(true); });
        martlet.subscribe("alerts", data => got.push(data));
    });"""


@pytest.fixture
def page(serve, browser):
    """A service, and how to open a page of it that is subscribed."""
    server = serve()

    def open_page(**options):
        browser.get(f"http://{server.address}/martlet.js")
        assert browser.execute_async_script(OPEN, options)

    return server, open_page


def leave(browser):
    """Follows a link, so that the page goes into the back/forward cache."""
    browser.execute_script("location.href = '/healthz'")
    eventually(lambda: browser.current_url.endswith("/healthz"), "another page is shown")


def come_back(browser):
    browser.execute_script("history.back()")
    eventually(lambda: browser.execute_script("return typeof window.martlet") == "object", "the page is back as it was")


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
@pytest.mark.parametrize("share", [False, "jack"])
def test_a_page_in_the_back_forward_cache_has_no_session_and_resumes(page, browser, transport, share):
    server, open_page = page
    open_page(transports=[transport], share=share, delay=1)
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    eventually(lambda: "1" in browser.execute_script("return got"), "the message comes")
    leave(browser)
    eventually(lambda: server.metric("martlet_sessions") == 0, "its session ends")
    assert push(server, 2) == 0
    come_back(browser)
    eventually(lambda: browser.execute_script("return got.at(-1)") == "2", "what it missed comes")
    eventually(lambda: push(server, 3) == 1, "it is subscribed again")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "3", "it goes on")
    got = browser.execute_script("return got")
    assert got[got.index("2"):].count("2") == 1 and browser.execute_script("return gaps") == []
    assert browser.execute_script("return martlet.state") in ("open", "connecting")


def test_a_page_that_is_closed_stays_so_when_it_is_shown_again(page, browser):
    server, open_page = page
    open_page()
    browser.execute_script("martlet.close()")
    eventually(lambda: server.metric("martlet_sessions") == 0, "its session ends")
    leave(browser)
    come_back(browser)
    assert browser.execute_async_script("setTimeout(arguments[0], 50, 1)") == 1
    assert browser.execute_script("return martlet.state") == "closed" and server.metric("martlet_sessions") == 0


def test_tabs_hand_the_connection_over(page, browser):
    """The tab that has it goes into the cache; another takes over; the first comes back and gets what the other received."""
    server, open_page = page
    first = browser.current_window_handle
    open_page()
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "1", "the message comes")
    browser.switch_to.new_window("tab")
    second = browser.current_window_handle
    open_page()
    browser.switch_to.window(first)
    leave(browser)
    browser.switch_to.window(second)
    eventually(lambda: server.metric("martlet_sessions") == 1 and push(server, 2) == 1, "the other tab is connected")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "2", "it has the message")
    browser.switch_to.window(first)
    come_back(browser)
    eventually(lambda: browser.execute_script("return got.at(-1)") == "2", "the first has it as well")
    assert server.metric("martlet_sessions") == 1
    eventually(lambda: push(server, 3) == 1, "one connection serves both")
    for handle in (first, second):
        browser.switch_to.window(handle)
        eventually(lambda: browser.execute_script("return got.at(-1)") == "3", "both go on")
        assert browser.execute_script("return gaps") == []
        got = browser.execute_script("return got")
        assert got == sorted(got) and got.count("3") == 1


WAKE = {
    "online": "dispatchEvent(new Event('online'))",
    "visibilitychange": "document.dispatchEvent(new Event('visibilitychange'))",
}


@pytest.mark.parametrize("event", WAKE)
@pytest.mark.timing
def test_a_wait_ends_when_network_or_user_are_back(page, browser, event):
    server, open_page = page
    browser.get(f"http://{server.address}/martlet.js")
    browser.execute_script("Math.random = () => 0.999;")
    browser.execute_script(
        OPEN.replace("arguments;", "[arguments[0], () => {}];"),
        {"share": False, "delay": 60000, "transports": ["poll"], "paths": {"poll": "/healthz"}})
    eventually(lambda: browser.execute_script("return window.martlet?.state") == "waiting", "it waits for half a minute")
    browser.execute_script("martlet.paths.poll = 'poll'; states.length = 0;" + WAKE[event])
    eventually(lambda: "open" in browser.execute_script("return states"), "it tries at once", 5)


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_a_connection_that_was_silent_for_too_long_is_replaced(page, browser, transport):
    """The clock is put forward, as after sleep: timers have not run meanwhile."""
    server, open_page = page
    open_page(share=False, transports=[transport])
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "1", "the message comes")
    browser.execute_script("states.length = 0;" + WAKE["visibilitychange"])
    assert browser.execute_script("return states") == [], "a connection that lives is left alone"
    browser.execute_script("""
        const { now } = Date;
        Date.now = () => now() + 60000;""" + WAKE["visibilitychange"])
    eventually(lambda: browser.execute_script("return states.at(-1)") == "open", "it is replaced")
    push(server, 2)
    eventually(lambda: browser.execute_script("return got.at(-1)") == "2", "it goes on")
    assert browser.execute_script("return gaps") == []


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_messages_are_text_or_parsed_json(page, browser, transport):
    server, open_page = page
    open_page(transports=[transport])
    eventually(lambda: push(server, '{"price":1}') == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == '{"price":1}', "the text comes")
    browser.execute_script("martlet.close()")
    open_page(transports=[transport], json=True)
    eventually(lambda: push(server, '{"price":2}') == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == {"price": 2}, "it is parsed")
    browser.execute_script("got.length = 0")
    for message in ("It rains", "null", "17"):
        push(server, message)
    eventually(lambda: browser.execute_script("return got") == [None, 17], lambda: browser.execute_script("return got"))
    [(message, final, data)] = browser.execute_script("return told")
    assert "alerts" in message and final is False and data == "It rains"


def test_a_listener_can_be_removed(page, browser):
    server, open_page = page
    open_page(share=False)
    assert browser.execute_async_script("""
        const [done] = arguments, heard = [], listener = state => heard.push(state);
        martlet.on("state", listener).off("state", listener).off("gap", listener);
        martlet.on("state", () => setTimeout(done, 0, heard.length));
        martlet.close();""") == 0


def test_what_a_service_says_before_it_restarts_is_kept(double, runtime):
    """The position that means: everything was received, and whatever comes next is to be sent from its beginning."""
    first = '{"id":"alerts~a.7","publications":[{"id":"alerts~a.7","event":"alerts","data":"7"}]}'
    answers = iter([
        first, '{"id":"alerts~-.0","publications":[]}',
        '{"id":"alerts~b.2","publications":[{"id":"alerts~b.1","event":"alerts","data":"8"},{"id":"alerts~b.2","event":"alerts","data":"9"}]}'])
    service = double(lambda path: (200, "application/json", next(answers, '{"id":"alerts~b.2","publications":[]}')))
    client = runtime(NODE, {"url": service.url, "transports": ["poll"]})
    client.until(lambda: client.of("message") == [["7"], ["8"], ["9"]], "all come")
    client.until(lambda: len(service.requests) > 3, "it goes on")
    assert [path.partition("after=")[2] for path, _ in service.requests[:4]] == ["", "alerts%7Ea.7", "alerts%7E-.0", "alerts%7Eb.2"]
    assert client.of("gap") == []
