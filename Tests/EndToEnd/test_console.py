"""The console in a real browser: figures, sessions, subscribing."""
import http.client
import json
import re
import threading

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import click, text, wait
from support.console import chart, complaints, get, look_at, open_demo
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
        wait(browser, lambda: chart(browser, "sessions").startswith("Sessions, now: WebSocket 6, SSE 1, poll 1"), "and charts")
        wait(browser, lambda: text(browser, "by-publications").count("alerts#") == 3, "the busiest channels are shown")
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


def test_sessions_are_sorted_as_a_column_says(browser, clients):
    browser.get(f"http://{clients.address}/#sessions")
    users = lambda: [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#sessions-rows td:first-child")]
    wait(browser, lambda: users() == ["anna", "anna", "jack", "jack", "jill", "jill", "otto", "otto"], "by user at first")
    head = lambda name: browser.find_element(By.CSS_SELECTOR, f"[data-order={name}]")
    head("user").find_element(By.TAG_NAME, "button").click()
    wait(browser, lambda: users()[0] == "otto", "the other way round")
    assert head("user").get_attribute("aria-sort") == "descending"
    head("transport").find_element(By.TAG_NAME, "button").click()
    transports = lambda: [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, "#sessions-rows td:nth-child(3)")]
    wait(browser, lambda: transports() == ["poll", "SSE"] + ["WebSocket"] * 6, "by transport")
    assert head("user").get_attribute("aria-sort") is None


def test_a_user_has_a_page_from_which_all_its_sessions_are_disconnected(browser, clients):
    browser.get(f"http://{clients.address}/#sessions")
    rows = lambda: browser.find_elements(By.CSS_SELECTOR, "#sessions-rows tr")
    wait(browser, lambda: len(rows()) == 8, "all are listed")
    # Elements of the list are replaced while it is looked at: found and pressed in one go.
    browser.execute_script("[...document.querySelectorAll('#sessions-rows a')].find(link => link.textContent === 'jill').click()")
    wait(browser, lambda: text(browser, "sessions-title") == "Sessions of jill" and len(rows()) == 2, "those of one user")
    assert (text(browser, "user-sessions"), text(browser, "user-events")) == ("2", "alerts, news")
    look_at(browser, "console-user")
    browser.execute_script("setTimeout(() => document.getElementById('drop-all').click())")
    wait(browser, lambda: browser.switch_to.alert if alert(browser) else False, "it asks first")
    browser.switch_to.alert.accept()
    wait(browser, lambda: text(browser, "sessions-note") == "This user has no session.", "all have gone")
    assert len(json.loads(get(clients, "/console/sessions")[2])["sessions"]) == 6, "and no others"


def test_the_list_of_sessions_refreshes_by_itself_until_it_is_told_not_to(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/#sessions")
    wait(browser, lambda: "Nobody is connected" in text(browser, "sessions-note"), "nobody is there")
    client = RawClient(server.address)
    client.register("jack", "alerts")
    wait(browser, lambda: text(browser, "sessions-note") == "1 session", "who comes is shown")
    click(browser, "refreshing")
    browser.execute_script(
        "window.asked = 0; const real = fetch;"
        " window.fetch = (...all) => { if (String(all[0]).includes('/console/sessions')) window.asked += 1; return real(...all); };"
        " window.until = performance.now() + 3500")
    wait(browser, lambda: browser.execute_script("return performance.now() > window.until"), "more than one refresh would take")
    assert browser.execute_script("return window.asked") == 0


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


@pytest.mark.parametrize("width, height", [(360, 640), (800, 700)])
def test_the_log_of_try_it_is_in_sight_below_what_is_done(browser, serve, width, height):
    browser.get(f"http://{serve().address}/#try")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
    try:
        for identifier in ("push", "connect"):
            click(browser, identifier)
            wait(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#log li"), "something is logged")
            box = lambda name: browser.execute_script(
                "const { top, bottom } = document.querySelector(arguments[0]).getBoundingClientRect();"
                " return [top, bottom, innerHeight]", name)
            top, bottom, window = box("#log li:last-child")
            assert 0 <= top and bottom <= window, "the last line is seen"
            pressed, log = box("#" + identifier), box("#log-card")
            assert 0 <= pressed[0] and pressed[1] <= log[0], "and so is the button"
            click(browser, "clear")
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
