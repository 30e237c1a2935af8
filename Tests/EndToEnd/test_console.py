"""The console in a real browser: figures, sessions, charts, subscribing."""
import http.client
import json
import re
import threading

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import click, text, wait
from support.console import complaints, get, look_at, open_demo
from support.proxy import run_proxy, to
from support.raw_client import RawClient
from support.waiting import eventually


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


@pytest.mark.timing
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


def test_behind_a_prefix_of_a_proxy(browser, serve, start, tmp_path):
    server = serve()
    proxy = run_proxy(start, tmp_path, to(server, path="/live", replacePrefix="/"))
    base = f"http://127.0.0.1:{proxy.ports[0]}/live/"
    complaints(browser)
    browser.get(base + "#try")
    wait(browser, lambda: text(browser, "curl").startswith(f"curl {base}push"), "the page knows where it is")
    click(browser, "connect")
    wait(browser, lambda: text(browser, "state") == "OPEN", "it connects")
    for transport in ("websocket", "sse", "poll"):
        browser.execute_script("document.getElementById('subscribe-transport').value = arguments[0]", transport)
        click(browser, "subscribe")
        wait(browser, lambda: text(browser, "subscribe-state") == "open", transport)
        click(browser, "unsubscribe")
        wait(browser, lambda: text(browser, "subscribe-state") == "closed", transport)
    open_demo(browser, f"127.0.0.1:{proxy.ports[0]}/live")
    assert not complaints(browser)


def test_charts_show_what_stands_alone_and_what_came_late(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/")
    painted = browser.execute_async_script("""
        const done = arguments[0];
        import("/console/chart.js").then(({ Chart }) => {
          const figure = document.createElement("figure");
          document.body.append(figure);
          const chart = new Chart(figure, { title: "x", series: ["y"], format: String });
          // Of the colour of the series and of nothing else.
          const count = () => {
            chart.draw();
            const probe = document.createElement("canvas").getContext("2d");
            probe.fillStyle = getComputedStyle(chart.canvas).getPropertyValue("--one").trim();
            probe.fillRect(0, 0, 1, 1);
            const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
            const { data } = chart.canvas.getContext("2d").getImageData(0, 0, chart.canvas.width, chart.canvas.height);
            let found = 0;
            for (let at = 0; at < data.length; at += 4)
              found += data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255;
            return found;
          };
          const results = [count()];
          chart.skip(3); chart.add([5]); chart.skip(3);
          results.push(count());
          chart.add([5], 4);
          results.push(count(), chart.points.length);
          figure.remove();
          done(results);
        }, error => done(String(error)));""")
    nothing, dot, line, points = painted
    assert nothing == 0 and 0 < dot < line and points == 11, painted


def test_a_search_finds_a_name_with_blanks(browser, serve):
    server = serve()
    others = [RawClient(server.address) for _ in range(2)]
    for client, user in zip(others, ("Jack O'Neill + son", "JackO'Neill")):
        client.register(user, "alerts")
    rows = lambda: browser.find_elements(By.CSS_SELECTOR, "#sessions-rows tr")
    browser.get(f"http://{server.address}/#sessions")
    wait(browser, lambda: len(rows()) == 2, "both are listed")
    browser.find_element(By.ID, "search").send_keys("Jack O'Neill +")
    wait(browser, lambda: [row.text.split("\n")[0].split()[0] for row in rows()] == ["Jack"], "one is found")


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
