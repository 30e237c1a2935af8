"""The console's demo: one price in four ways, and nothing taken from the service's clients."""
import json
import signal

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from support.browser import click, text, wait
from support.console import complaints, get, look_at, open_demo, panel_states
from support.raw_client import RawClient
from support.waiting import eventually


@pytest.mark.timing
def test_the_demo_shows_one_price_in_four_ways(browser, serve):
    server = serve()
    complaints(browser)
    browser.get(f"http://{server.address}/#demo")
    wait(browser, lambda: len(browser.find_elements(By.CSS_SELECTOR, "#panels tr")) == 4, "four ways")

    def figures():
        return browser.execute_script(
            "return [...document.querySelectorAll('#panels tr')].map(row => ({way: row.querySelector('th').textContent,"
            " ...Object.fromEntries([...row.querySelectorAll('td')].map(cell => [cell.dataset.label, cell.textContent]))}))")

    count = lambda figure, name: int(figure[name].replace(",", "").replace("–", "0"))
    wait(browser, lambda: all(count(f, "Changes seen") >= 12 for f in figures()), "each way shows changes")
    polling, long_polling, stream, socket = figures()
    assert [f["way"] for f in (polling, long_polling, stream, socket)] == [
        "Polling", "Long polling", "Server-sent events", "WebSocket"]
    assert count(stream, "Requests") == count(socket, "Requests") == 1
    # It asks again for every change.
    assert count(long_polling, "Requests") >= 10 > count(polling, "Requests") >= 2
    # A bar each for requests, bytes a change and delay; the longest of a column fills it, and says who is the worst.
    bars = browser.execute_script(
        "return [...document.querySelectorAll('#panels tr')]"
        ".map(row => [...row.querySelectorAll('.bar i')].map(bar => parseFloat(bar.style.width)))")
    requests, sizes, delays = zip(*bars)
    assert max(requests) == requests[1] == 100 and max(sizes) == sizes[1] == 100 and max(delays) == delays[0] == 100, bars
    label = lambda: browser.find_element(By.ID, "demo-candles").get_attribute("aria-label")
    assert label().startswith("Candles of the price by WebSocket, now at ")
    Select(browser.find_element(By.ID, "demo-way")).select_by_visible_text("Polling")
    wait(browser, lambda: label().startswith("Candles of the price by Polling, now at "), "drawn from another way")
    # Of the service itself nothing is shown, and nothing counted.
    assert server.metric("martlet_sessions") == 0 and server.metric("martlet_pushes_total") == 0
    look_at(browser, "demo")
    assert not complaints(browser)
    click(browser, "demo-pause")
    wait(browser, lambda: panel_states(browser) == ["paused"] * 4, "it can be paused")
    click(browser, "demo-pause")
    wait(browser, lambda: not {"paused", "connecting"} & set(panel_states(browser)), "and goes on")
    browser.get(f"http://{server.address}/#try")
    wait(browser, lambda: text(browser, "state") == "CLOSED", "the other part is there")
    look_at(browser, "try-empty")


def test_axes_have_round_numbers_and_clock_times(browser, serve):
    """Of the demo's chart and of all others."""
    browser.get(f"http://{serve().address}/")
    found = browser.execute_async_script("""
        const done = arguments[0];
        import("/console/axis.js").then(({ ticks, times, clock }) => done({
          price: ticks(104.37, { low: 97.9, count: 5 }), close: ticks(100.31, { low: 100.02, least: 0.1, count: 5 }),
          rate: ticks(11), small: ticks(0.034), whole: ticks(3, { least: 1 }), zero: ticks(0, { least: 1 }),
          minutes: times(1764316807, 1764317407, 6).found.map(time => time % 60),
          hours: times(1764316807 - 86400, 1764316807, 6).found.map(time => clock(time)),
        }), error => done(String(error)));""")
    assert found["price"] == [96, 98, 100, 102, 104, 106]
    assert found["close"] == [100, 100.1, 100.2, 100.3, 100.4]
    assert found["rate"] == [0, 5, 10, 15] and found["small"] == [0, 0.01, 0.02, 0.03, 0.04]
    assert found["whole"] == [0, 1, 2, 3] and found["zero"] == [0, 1]
    assert len(found["minutes"]) >= 3 and set(found["minutes"]) == {0}
    assert len(found["hours"]) >= 4 and all(hour.endswith(":00") and int(hour[:2]) % 6 == 0 for hour in found["hours"]), found


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
