"""The console in a real browser, and what it asks of the service."""
import base64
import http.client
import json
import re
import threading

import pytest
from axe_core_python.selenium import Axe
from conftest import RawClient, eventually
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from test_browser import click, screenshot, text, wait

SIZES = [(width, scheme) for width in (360, 800, 1400) for scheme in ("light", "dark")]


def get(server, path, headers={}, method="GET", body=None):
    host, port = server.address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def look_at(browser, name):
    """Keeps pictures of a part in all sizes, and asks axe-core what is wrong with it in both schemes."""
    for width, scheme in SIZES:
        screenshot(browser, name, width, scheme)
        if width != 800:
            results = Axe().run(browser)
            found = [(v["id"], v["impact"], [n["html"][:120] for n in v["nodes"]]) for v in results["violations"]]
            assert not found, f"{name} at {width} px, {scheme}: {found}"
            assert results["passes"], "axe-core looked at something"


@pytest.fixture
def clients(serve):
    """Sessions of several users by all transports, and pushes for them."""
    server = serve()
    open_clients = []
    for user in ("jack", "jill", "anna"):
        for event in ("alerts", "news"):
            client = RawClient(server.address)
            client.register(user, event)
            open_clients.append(client)
    streams = []
    position = json.loads(get(server, "/poll?token=otto&event=alerts")[2])["id"]
    for path in ("/sse?", f"/poll?wait=60&after={position}&"):
        host, port = server.address.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.request("GET", path + "token=otto&event=alerts")
        streams.append(connection)
    eventually(lambda: len(json.loads(get(server, "/console/sessions")[2])["sessions"]) == 8, "all are there")
    yield server
    for connection in streams:
        connection.close()
    del open_clients


def complaints(browser):
    """What the page's script and what it loads had to complain of since the last time."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_the_overview_shows_what_happens(browser, clients):
    complaints(browser)  # of the tests before
    browser.get(f"http://{clients.address}/")
    wait(browser, lambda: text(browser, "tile-sessions") == "8", "connections are counted")
    stop = threading.Event()

    def push():
        while not stop.wait(0.02):
            for user in ("jack", "jill", "anna"):
                clients.post("/push", {"userId": user, "event": "alerts", "message": "Hello"})

    thread = threading.Thread(target=push)
    thread.start()
    try:
        value = lambda name: float(re.sub("[^0-9.]", "", text(browser, name)) or 0)
        wait(browser, lambda: value("tile-pushes") > 1 and value("tile-deliveries") > 1, "rates are shown")
        wait(browser, lambda: text(browser, "tile-latency").endswith("s"), "delivery times are shown")
        label = lambda name: browser.find_element(By.CSS_SELECTOR, f"#{name} canvas").get_attribute("aria-label")
        assert re.match(r"Connections, now: WebSocket 6, SSE 1, poll 1", label("chart-sessions"))
        for _ in range(12):  # something to look at
            seconds = text(browser, "tile-uptime")
            wait(browser, lambda: text(browser, "tile-uptime") != seconds, "time goes on")
        look_at(browser, "console-overview")
    finally:
        stop.set()
        thread.join()
    assert not complaints(browser)
    clients.stop()
    wait(browser, lambda: text(browser, "service") == "no answer", "the page says that the service has gone")


def test_sessions_are_searched_and_dropped(browser, clients):
    browser.get(f"http://{clients.address}/#sessions")
    rows = lambda: browser.find_elements(By.CSS_SELECTOR, "#sessions-rows tr")
    wait(browser, lambda: len(rows()) == 8, "all are listed")
    look_at(browser, "console-sessions")
    search = browser.find_element(By.ID, "search")
    search.send_keys("jill")
    wait(browser, lambda: len(rows()) == 2, "those of one user")
    before = clients.metric("martlet_drops_total")
    # Elements of the list are replaced while it is looked at: found and pressed in one go.
    browser.execute_script("setTimeout(() => document.querySelector('#sessions-rows button').click())")
    wait(browser, lambda: browser.switch_to.alert if alert(browser) else False, "it asks first")
    browser.switch_to.alert.accept()
    wait(browser, lambda: len(rows()) == 1, "one has gone")
    assert clients.metric("martlet_drops_total") == before + 1
    search.clear()
    search.send_keys("nobody of that name")
    wait(browser, lambda: text(browser, "sessions-note") == "None that matches.", "and says so")


def alert(browser):
    try:
        browser.switch_to.alert
        return True
    except Exception:
        return False


def test_the_demo_shows_one_price_in_four_ways(browser, serve):
    server = serve()
    complaints(browser)
    browser.get(f"http://{server.address}/#demo")
    panels = lambda: browser.find_elements(By.CSS_SELECTOR, "#panels figure")
    wait(browser, lambda: len(panels()) == 4, "four panels")

    def figures():
        return browser.execute_script(
            "return [...document.querySelectorAll('#panels figure')].map(figure => ({title: figure.querySelector('h2').textContent,"
            " ...Object.fromEntries([...figure.querySelectorAll('dl div')].map(one => [...one.children].map(part => part.textContent)))}))")

    count = lambda figure, name: int(figure[name].replace(",", "").replace("–", "0"))
    wait(browser, lambda: all(count(f, "Changes seen") >= 12 for f in figures()), "each way shows changes")
    polling, long_polling, stream, socket = figures()
    assert [f["title"] for f in (polling, long_polling, stream, socket)] == [
        "Polling", "Long polling", "Server-sent events", "WebSocket"]
    assert count(stream, "Requests") == count(socket, "Requests") == 1
    # It asks again for every change.
    assert count(long_polling, "Requests") >= 10 > count(polling, "Requests") >= 2
    # Of the service itself nothing is shown, and nothing counted.
    assert server.metric("martlet_sessions") == 0 and server.metric("martlet_pushes_total") == 0
    look_at(browser, "demo")
    assert not complaints(browser)
    click(browser, "demo-pause")
    state = lambda: [e.text for e in browser.find_elements(By.CSS_SELECTOR, "#panels .status")]
    wait(browser, lambda: state() == ["paused"] * 4, "it can be paused")
    click(browser, "demo-pause")
    wait(browser, lambda: "paused" not in state() and "connecting" not in state(), "and goes on")
    browser.get(f"http://{server.address}/#try")
    wait(browser, lambda: text(browser, "state") == "CLOSED", "the other part is there")
    look_at(browser, "try-empty")


def test_subscribing_with_the_keyboard_alone(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/")
    wait(browser, lambda: browser.find_element(By.ID, "overview").is_displayed(), "the page is there")
    seen = []

    def tab_to(condition):
        for _ in range(60):
            browser.switch_to.active_element.send_keys(Keys.TAB)
            element = browser.switch_to.active_element
            seen.append(element.get_attribute("id") or element.text)
            if condition(element):
                return element
        raise AssertionError(seen)

    tab_to(lambda e: e.text == "Try it").send_keys(Keys.ENTER)
    wait(browser, lambda: browser.find_element(By.ID, "try").is_displayed(), "the part changes")
    tab_to(lambda e: e.get_attribute("id") == "subscribe").send_keys(Keys.ENTER)
    wait(browser, lambda: text(browser, "subscribe-state") == "open", "subscribed")
    assert browser.switch_to.active_element.get_attribute("id") == "unsubscribe", "the focus is not lost"
    tab_to(lambda e: e.get_attribute("id") == "push-message").send_keys("Hello again")
    tab_to(lambda e: e.get_attribute("id") == "push").send_keys(Keys.ENTER)
    wait(browser, lambda: "alerts: Hello again" in text(browser, "log"), "the message arrives")


# What it asks of the service


def test_without_a_password_the_list_wants_an_api_key(browser, serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("s3cret back-end\n")
    server = serve("--api-key-file", str(keys))
    assert get(server, "/")[0] == get(server, "/console/figures")[0] == 200
    assert get(server, "/console/sessions")[0] == 401
    drop = json.dumps({"id": "1", "user": "jack"})
    assert get(server, "/console/drop", method="POST", body=drop)[0] == 401
    key = {"X-API-Key": "s3cret"}
    assert get(server, "/console/sessions", key)[0] == 200
    assert get(server, "/console/drop", key, "POST", drop)[2] == '{"dropped":false}'
    browser.get(f"http://{server.address}/#sessions")
    field = browser.find_element(By.ID, "console-key")
    wait(browser, field.is_displayed, "the page asks for it")
    field.send_keys("s3cret", Keys.ENTER)
    wait(browser, lambda: "Nobody is connected" in text(browser, "sessions-note"), "and shows the list")


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_password_covers_the_page_and_all_that_belongs_to_it(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("t0p-secret jack\nother jill\n")
    server = serve("--console-password-file", str(file))
    paths = ["/", "/console/console.js", "/console/figures", "/console/sessions", "/demo/state"]
    for path in paths:
        status, headers, _ = get(server, path)
        assert status == 401 and headers["WWW-Authenticate"] == 'Basic realm="Martlet", charset="UTF-8"', path
        assert get(server, path, basic("jack", "t0p-secret"))[0] == 200, path
    assert get(server, "/", basic("jill", "other"))[0] == 200
    assert get(server, "/demo/poll?event=candles&token=guess&wait=0")[0] == 401
    assert get(server, "/healthz")[0] == 200  # and nothing else

    for wrong in [basic("jill", "t0p-secret"), basic("jack", "wrong"), basic("jack", ""), {"Authorization": "Basic %"},
                  {"Authorization": "Bearer t0p-secret"}, {"Authorization": "Basic " + base64.b64encode(b"\xff:\xfe").decode()}]:
        assert get(server, "/", wrong)[0] == 401
    answers = [get(server, "/", basic("jack", str(guess)))[0] for guess in range(10)]
    assert answers[0] == 401 and answers[-1] == 429
    status, headers, _ = get(server, "/", basic("jack", "t0p-secret"))
    assert status == 429 and int(headers["Retry-After"]) >= 1  # the right one is not told from the others
    assert "t0p-secret" not in "".join(server.log)


def test_a_password_is_replaced_without_a_restart(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("old jack\n")
    server = serve("--console-password-file", str(file))
    assert get(server, "/", basic("jack", "old"))[0] == 200
    file.write_text("new jack\n")
    eventually(lambda: get(server, "/", basic("jack", "new"))[0] == 200, "the new one counts")


def test_it_can_be_turned_off(serve):
    server = serve("--console-enabled", "false")
    for path in ["/", "/console/figures", "/console/sessions", "/console/console.js", "/demo/state", "/demo/sse"]:
        assert get(server, path)[0] == 404, path


def test_pages_of_others_cannot_use_it(serve):
    server = serve()
    drop = json.dumps({"id": "1", "user": "jack"})
    for headers in [{"Origin": "https://example.com"}, {"Host": "example.com"}]:
        assert get(server, "/console/sessions", headers)[0] == 403
        assert get(server, "/console/drop", headers, "POST", drop)[0] == 403
    policy = get(server, "/")[1]["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy and "unsafe" not in policy


@pytest.mark.parametrize("path", ["/console/sessions?limit=0", "/console/sessions?limit=1001", "/console/sessions?limit=x"])
def test_wrong_limits_are_named(serve, path):
    assert get(serve(), path)[::2] == (400, "limit is a number from 1 to 1000")


@pytest.mark.parametrize("body", ["", "{}", '{"id":1,"user":"a"}', '{"id":"x","user":"a"}', "[]"])
def test_wrong_drops_are_named(serve, body):
    assert get(serve(), "/console/drop", method="POST", body=body)[0] == 400
