"""The charts of the console in a real browser: what is kept, which time is shown, what is drawn, and how cards stand."""
import re

import pytest
from selenium.webdriver.common.by import By

from support.browser import text, wait
from support.console import chart
from support.raw_client import RawClient

NAMES = ["sessions", "pushes", "deliveries", "latency", "slow", "refused", "bytes", "memory", "processor"]

# Makes a chart of its own, with a view of some values, and counts its pixels of the colour of a series.
PROBE = """
    const done = arguments[0];
    import("/console/chart.js").then(({ Chart }) => {
      const figure = document.createElement("figure");
      document.body.append(figure);
      const chart = new Chart(figure, { title: "x", series: { a: "A", b: "B" }, format: String });
      const count = (colour, a, b = []) => {
        const known = a.map((value, index) => value !== undefined || b[index] !== undefined);
        chart.show({ name: "this time", count: 8, step: 1, start: 1e9, values: { a, b }, known });
        const probe = document.createElement("canvas").getContext("2d");
        probe.fillStyle = getComputedStyle(chart.canvas).getPropertyValue(colour).trim();
        probe.fillRect(0, 0, 1, 1);
        const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
        const { data } = chart.canvas.getContext("2d").getImageData(0, 0, chart.canvas.width, chart.canvas.height);
        let found = 0;
        for (let at = 0; at < data.length; at += 4)
          found += data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255;
        return found;
      };
      const none = Array(8), zero = Array(8).fill(0), five = Array(8).fill(5);
      const alone = [...none.slice(0, 4), 5, ...none.slice(0, 3)];
      const results = {
        nothing: count("--one", none), shaded: count("--missing", none), label: chart.canvas.getAttribute("aria-label"),
        dot: count("--one", alone), line: count("--one", five), unshaded: count("--missing", five),
        zeroBesides: count("--two", five, zero), besides: count("--two", five, Array(8).fill(3)),
      };
      figure.remove();
      done(results);
    }, error => done(String(error)));"""


def test_a_chart_shows_what_stands_alone_and_shades_what_is_missing(browser, serve):
    browser.get(f"http://{serve().address}/")
    found = browser.execute_async_script(PROBE)
    assert found["nothing"] == 0 and 0 < found["dot"] < found["line"], found
    assert found["shaded"] > 1000 and found["unshaded"] == 0, found
    assert found["label"].endswith("none in this time"), found


def test_lines_of_zero_do_not_lie_on_each_other(browser, serve):
    browser.get(f"http://{serve().address}/")
    found = browser.execute_async_script(PROBE)
    assert found["zeroBesides"] == 0 and found["besides"] > 0, found


def test_the_history_is_there_after_the_page_was_loaded_again(browser, serve):
    server = serve()
    browser.get(f"http://{server.address}/")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    client = RawClient(server.address)
    client.register("jack", "alerts")
    server.push_until("jack", "alerts", "Hello", 1)
    highest = r"; highest in these 10 minutes: [0-9.]+$"
    wait(browser, lambda: re.search(highest, chart(browser, "pushes")), "the push is in the chart")
    server.push("jack", "alerts", "Hello")
    wait(browser, lambda: re.search(r"accepted 0, failed 0; highest", chart(browser, "pushes")), "it is over")
    browser.refresh()
    wait(browser, lambda: re.search(highest, chart(browser, "pushes")), "and still in the chart of a new page")
    assert "none in" not in chart(browser, "latency")


def test_one_moment_is_looked_at_in_all_charts(browser, serve):
    browser.get(f"http://{serve().address}/")
    wait(browser, lambda: re.search(r"resident \d", chart(browser, "memory")), "something is there")
    assert all(", now: " in chart(browser, name) for name in NAMES)
    browser.execute_script(
        "const canvas = document.querySelector('#chart-pushes canvas'), { left, top, width } = canvas.getBoundingClientRect();"
        "canvas.dispatchEvent(new PointerEvent('pointermove', { clientX: left + width / 2, clientY: top + 50, bubbles: true }))")
    moment = text(browser, "moment-time")
    assert re.fullmatch(r"([A-Z][a-z]{2} )?\d\d:\d\d:\d\d", moment)
    clock = moment.split()[-1]
    assert all(f", at {clock}: " in chart(browser, name) for name in NAMES), [chart(browser, name) for name in NAMES]
    slider = browser.find_element(By.ID, "moment")
    assert slider.get_attribute("aria-valuetext") == moment
    browser.execute_script(
        "const slider = document.getElementById('moment'); slider.value = slider.max; slider.dispatchEvent(new Event('input'))")
    assert text(browser, "moment-time") == "now" and ", now: " in chart(browser, "memory")


@pytest.mark.parametrize("choice, name, clock", [("1h", "this hour", r"\d\d:\d\d"), ("24h", "these 24 hours", r"\d\d:\d\d")])
def test_another_time_can_be_chosen(browser, serve, choice, name, clock):
    browser.get(f"http://{serve().address}/")
    wait(browser, lambda: "in these 10 minutes" in chart(browser, "memory"), "ten minutes at first")
    browser.execute_script("document.querySelector(`input[name=range][value='${arguments[0]}']`).click()", choice)
    wait(browser, lambda: re.search(rf"resident [0-9.]+ MB; highest in {name}: ", chart(browser, "memory")), "the other time")
    browser.execute_script(
        "const slider = document.getElementById('moment'); slider.value = 3; slider.dispatchEvent(new Event('input'))")
    assert re.search(rf"\b{clock}$", text(browser, "moment-time"))


def test_figures_have_the_words_of_operators(browser, serve):
    browser.get(f"http://{serve().address}/")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    shown = browser.find_element(By.ID, "overview").text
    for word in ("p50", "p90", "p99", "Pushes /s", "Deliveries /s", "Memory", "CPU", "Descriptors", "Connections"):
        assert word in shown, word
    for phrase in ("of 100", "a second\n", "half within"):
        assert phrase not in shown, phrase
    assert text(browser, "node") and text(browser, "version") and text(browser, "uptime")


def tops(browser, selector):
    """The distances from the top at which elements begin, each once for a row of them."""
    return browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(one => Math.round(one.getBoundingClientRect().top + scrollY))", selector)


@pytest.mark.parametrize("width, tiles, charts", [(360, 2, 1), (800, 3, None), (1400, 6, 3)])
def test_cards_of_a_row_begin_and_end_together(browser, serve, width, tiles, charts):
    browser.get(f"http://{serve().address}/")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})
    try:
        found = tops(browser, ".tiles > div")
        assert [found.count(top) for top in sorted(set(found))] == [tiles] * (6 // tiles)
        figures, canvases = tops(browser, ".charts figure"), tops(browser, ".charts canvas")
        if charts:
            assert [figures.count(top) for top in sorted(set(figures))] == [charts] * (9 // charts)
        else:  # the first has a row of its own
            assert [figures.count(top) for top in sorted(set(figures))] == [1, 2, 2, 2, 2]
        # Whatever a legend needs, pictures of one row stand side by side.
        assert len(set(canvases)) == len(set(figures))
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
