"""`martlet.js` in a browser: transports, tokens, what a page is told."""
import pytest

from support.event_stream import push
from support.waiting import eventually


def test_polls_without_history_do_not_spin(serve, browser):
    server = serve("--history-size", "0")
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        import("/martlet.js").then(() => {
            window.gaps = []; window.got = [];
            window.martlet = new Martlet({ token: "jack", transports: ["poll"], share: false, after: "alerts~1.1" });  // of before a restart
            martlet.on("gap", events => gaps.push(events));
            martlet.subscribe("alerts", data => got.push(data));
            martlet.on("state", state => { if (state === "open") done(true); });
        });""")
    eventually(lambda: server.metric("martlet_sessions") == 1, "it waits")
    assert push(server, 1) == 1
    eventually(lambda: browser.execute_script("return got") == ["1"], "it came")
    assert browser.execute_script("return gaps") == [["alerts"]]


def test_a_better_transport_gets_another_chance(serve, browser):
    """Also while polls are answered all the time."""
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0];
        import("/martlet.js").then(() => {
            window.got = [];
            window.martlet = new Martlet({
                token: "jack", transports: ["websocket", "poll"], share: false, delay: 50, patience: 500, paths: { websocket: "/nowhere" } });
            martlet.on("state", (state, transport) => { if (state === "open" && transport === "poll") done(true); });
            martlet.subscribe("alerts", data => got.push(+data));
        });""")
    browser.execute_script("martlet.paths.websocket = '/ws'")
    count = 0

    def is_back():
        nonlocal count
        push(server, count)
        count += 1
        return browser.execute_script("return martlet.state === 'open' && martlet.transport === 'websocket'")

    eventually(is_back, "it is a WebSocket again")
    eventually(lambda: browser.execute_script("return got.length") == count, "all have come")
    assert browser.execute_script("return got") == list(range(count))


@pytest.mark.timing
def test_a_connection_that_falls_silent_is_noticed(serve, browser):
    """The network is gone and nobody said so; the browser's clock runs fast here."""
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0], later = setTimeout;
        window.setTimeout = (work, time, ...rest) => later(work, time / 100, ...rest);
        window.states = [];
        import("/martlet.js").then(() => {
            window.martlet = new Martlet({ token: "jack", share: false });
            martlet.on("state", state => { states.push(state); if (states.filter(s => s === "open").length === 2) done(true); });
            martlet.subscribe("alerts", () => {});
        });""")


def test_a_refused_token_is_told_and_not_tried_again(serve, tmp_path, browser):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    browser.get(f"http://{server.address}/martlet.js")
    for transport in ("websocket", "sse", "poll"):
        state, message = browser.execute_async_script("""
            const [transport, done] = arguments;
            import("/martlet.js").then(() => {
                const martlet = new Martlet({ token: "wrong", transports: [transport] });
                martlet.on("error", error => done([martlet.state, error.message]));
                martlet.subscribe("alerts", () => {});
            });""", transport)
        assert state == "closed" and "token" in message
    assert server.metric("martlet_registrations_refused_total") == 3


def test_a_fresh_token_for_every_connection(serve, tmp_path, browser):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    browser.get(f"http://{server.address}/martlet.js")
    assert browser.execute_async_script("""
        const done = arguments[0], tokens = ["old", "secret"];
        import("/martlet.js").then(() => {
            const martlet = new Martlet({ token: async () => tokens.shift() });
            martlet.on("state", state => { if (state === "open") done(true); });
            martlet.subscribe("alerts", () => {});
        });""")


def test_a_page_of_another_origin_learns_that_it_may_not_connect(serve, browser):
    server, other = serve(), serve()
    browser.get(f"http://{other.address}/martlet.js")
    state, message = browser.execute_async_script("""
        const [url, done] = arguments;
        import("/martlet.js").then(() => {
            const martlet = new Martlet({ url, token: "jack", delay: 1 });
            martlet.on("error", error => done([martlet.state, error.message]));
            martlet.subscribe("alerts", () => {});
        });""", f"http://{server.address}")
    assert state == "closed" and "403" in message and "origin" in message
