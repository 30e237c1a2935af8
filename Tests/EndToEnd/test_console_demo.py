"""The console's demo: one price in four ways, and nothing taken from the service's clients."""
import json
import signal

import pytest
from selenium.webdriver.common.by import By

from support.browser import click, text, wait
from support.console import complaints, get, look_at, open_demo, panel_states
from support.raw_client import RawClient
from support.waiting import eventually


@pytest.mark.timing
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


def test_the_demo_follows_a_change_of_the_configuration(serve, tmp_path):
    file = tmp_path / "martlet.json"
    file.write_text(json.dumps({"origin": ["https://a.example"]}))
    server = serve("--config", str(file))
    ask = lambda: get(server, "/demo/poll?event=candles&token=guess&wait=0", {"Origin": "https://b.example"})[0]
    assert ask() == 403
    file.write_text(json.dumps({"origin": ["https://b.example"]}))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: ask() == 401, "the origin may, and the token is looked at")
