"""How the console looks: borders that can be seen, and a theme that stays."""
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from support.browser import text, wait

# The smallest contrast (WCAG 2.2) between the border of a visible field and what is on either side of it, with the field.
CONTRAST = """
    const channel = value => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
    const luminance = colour => {
      const [red, green, blue] = numbers(colour).map(channel);
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (one, other) => {
      const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    };
    const isClear = colour => numbers(colour)[3] === 0;
    const ground = node => {
      while (isClear(getComputedStyle(node).backgroundColor)) node = node.parentElement;
      return getComputedStyle(node).backgroundColor;
    };
    const isField = node => node.checkVisibility() && !["checkbox", "radio", "range"].includes(node.type);
    return [...document.querySelectorAll("input, textarea, select")].filter(isField).map(node => {
      const { borderTopColor: border, borderTopWidth } = getComputedStyle(node);
      const least = Math.min(contrast(border, ground(node)), contrast(border, ground(node.parentElement)));
      return [node.id, parseFloat(borderTopWidth) > 0 ? least : 1];
    });"""


def emulate(browser, scheme):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_borders_of_fields_can_be_seen(browser, serve, scheme):
    server = serve()
    emulate(browser, scheme)
    seen = []
    for part in ("try", "sessions", "demo"):
        browser.get("about:blank")
        browser.get(f"http://{server.address}/#{part}")
        wait(browser, lambda: browser.find_element(By.ID, part).is_displayed(), "the part is there")
        seen += browser.execute_script(CONTRAST)
    assert {"url", "subscribe-transport", "message", "search", "demo-interval"} <= {name for name, _ in seen}
    assert not [one for one in seen if one[1] < 3], scheme


def test_a_theme_can_be_chosen_and_stays(browser, serve):
    server = serve()
    emulate(browser, "light")
    browser.get(f"http://{server.address}/")
    background = lambda: browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    scheme = lambda: browser.execute_script("return getComputedStyle(document.documentElement).colorScheme")
    wait(browser, lambda: text(browser, "service").startswith("running"), "the page is there")
    light = background()
    theme = lambda: browser.find_element(By.ID, "theme")
    choose = lambda name: Select(theme()).select_by_visible_text(name)
    choose("Dark")
    wait(browser, lambda: background() != light and scheme() == "dark", "it is dark")
    dark = background()
    browser.refresh()
    assert background() == dark and theme().get_property("value") == "dark", "it stays"
    emulate(browser, "dark")
    choose("Light")
    wait(browser, lambda: background() == light, "light although the system is dark")
    choose("Auto")
    wait(browser, lambda: background() == dark, "as the system has it")
    emulate(browser, "light")
    wait(browser, lambda: background() == light, "at once")
