"""The console in a real browser, and what it asks of the service."""
import base64
import http.client
import json
import re
import signal
import threading

import pytest
from axe_core_python.selenium import Axe
from conftest import RawClient, eventually
from proxying import run_proxy, to
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


def panel_states(browser):
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#panels .status")]


def open_demo(browser, address):
    browser.get("about:blank")  # a change behind the # alone would load nothing
    browser.get(f"http://{address}/#demo")
    running = ["polling", "waiting", "open", "open"]
    wait(browser, lambda: panel_states(browser) == running, "all four run")
    return running


def test_an_open_demo_goes_on_after_a_restart(browser, serve):
    first = serve()
    running = open_demo(browser, first.address)
    first.stop(signal.SIGKILL)
    wait(browser, lambda: panel_states(browser) == ["cut off"] * 4, "it is cut off")
    second = serve("--listen", first.address)
    assert second.port == first.port
    wait(browser, lambda: panel_states(browser) == running, "all four run again, with another token")


def test_the_demo_takes_nothing_from_the_clients_of_the_service(browser, serve):
    server = serve("--limits-connections", "1", "--limits-connections-per-address", "1", "--limits-connection-rate", "1/s")
    client = RawClient(server.address)
    client.register("jack", "alerts")
    running = open_demo(browser, server.address)
    assert panel_states(browser) == running
    client.close()
    # A client may come, whatever the demo does: it waits for its second at most.
    def comes():
        late = RawClient(server.address, handshake=False)
        late.send_handshake()
        return late.read_head().startswith(b"HTTP/1.1 101")
    eventually(comes, "a client comes")


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


def test_a_page_with_an_old_password_stops_asking(browser, serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("old jack\n")
    server = serve("--console-password-file", str(file))
    browser.get(f"http://jack:old@{server.address}/")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    file.write_text("new jack\n")
    wait(browser, lambda: "load this page again" in text(browser, "service"), "the page says so")
    browser.execute_script("location.hash = '#sessions'")
    wait(browser, lambda: "load this page again" in text(browser, "sessions-note"), "and so does the list")
    browser.execute_script("location.hash = '#demo'")
    wait(browser, lambda: panel_states(browser) == ["load this page again"] * 4, "and the demo")
    wrong = len([line for line in server.log if "the password is wrong" in line])
    assert 1 <= wrong <= 3, server.log  # each part at most once
    # Nobody has been locked out by it.
    assert get(server, "/", basic("jack", "new"))[0] == 200


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


def test_what_a_proxy_in_front_asked_for_is_no_wrong_key(serve, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("s3cret back-end\n")
    server = serve("--api-key-file", str(keys))
    for _ in range(15):
        assert get(server, "/console/figures", basic("proxy", "its own"))[0] == 200
        assert get(server, "/console/sessions", basic("proxy", "its own"))[0] == 401
    assert get(server, "/console/sessions", {"X-API-Key": "s3cret", **basic("proxy", "its own")})[0] == 200
    answers = [get(server, "/console/sessions", {"X-API-Key": str(guess)})[0] for guess in range(12)]
    assert answers[0] == 401 and answers[-1] == 429
    assert get(server, "/console/figures", {"X-API-Key": "guess"})[0] == 200  # which asks for none


def test_scripts_are_not_answered_with_a_question_for_the_user(serve, tmp_path):
    file = tmp_path / "passwords"
    file.write_text("t0p-secret jack\n")
    server = serve("--console-password-file", str(file))
    status, headers, _ = get(server, "/console/figures", {"X-Requested-With": "XMLHttpRequest"})
    assert (status, headers["WWW-Authenticate"]) == (401, "Page")


def test_the_demo_follows_a_change_of_the_configuration(serve, tmp_path):
    file = tmp_path / "martlet.json"
    file.write_text(json.dumps({"origin": ["https://a.example"]}))
    server = serve("--config", str(file))
    ask = lambda: get(server, "/demo/poll?event=candles&token=guess&wait=0", {"Origin": "https://b.example"})[0]
    assert ask() == 403
    file.write_text(json.dumps({"origin": ["https://b.example"]}))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: ask() == 401, "the origin may, and the token is looked at")


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
