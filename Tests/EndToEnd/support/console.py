"""The console: its requests, its password, and how its parts look."""
import base64
import http.client
import json

from axe_core_python.selenium import Axe
from selenium.webdriver.common.by import By

from support.browser import screenshot, wait

SIZES = [(width, scheme) for width in (360, 800, 1400) for scheme in ("light", "dark")]


def get(server, path, headers={}, method="GET", body=None):
    """Status, headers and body."""
    host, port = server.address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read().decode()
    finally:
        connection.close()


def basic(user, password):
    """The header that says a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def complaints(browser):
    """What the page's script and what it loads had to complain of since the last time."""
    return [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def look_at(browser, name):
    """Keeps pictures of a part in all sizes, and asks axe-core what is wrong with it in both schemes."""
    for width, scheme in SIZES:
        screenshot(browser, name, width, scheme)
        if width != 800:
            results = Axe().run(browser)
            found = [(v["id"], v["impact"], [n["html"][:120] for n in v["nodes"]]) for v in results["violations"]]
            assert not found, f"{name} at {width} px, {scheme}: {found}"
            assert results["passes"], "axe-core looked at something"


def chart(browser, name):
    """What a chart says to those who do not see it."""
    return browser.find_element(By.CSS_SELECTOR, f"#chart-{name} canvas").get_attribute("aria-label") or ""


def figures(server):
    return json.loads(get(server, "/console/figures")[2])


def panel_states(browser):
    """What the four parts of the demo say of themselves."""
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, "#panels .status")]


def open_demo(browser, address):
    browser.get("about:blank")  # a change behind the # alone would load nothing
    browser.get(f"http://{address}/#demo")
    running = ["polling", "waiting", "open", "open"]
    wait(browser, lambda: panel_states(browser) == running, "all four run")
    return running
