"""The pages in a real browser: headless Chromium."""
import http.server
import subprocess
import threading

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from support.browser import click, screenshot, text, wait
from support.paths import ROOT


def open_and_register(browser, server):
    browser.get(f"http://{server.address}/#try")
    click(browser, "connect")
    wait(browser, lambda: text(browser, "state") == "OPEN", "the page says that it is connected")
    click(browser, "register")


def test_register_push_cut_and_second_tab(browser, serve):
    server = serve()
    open_and_register(browser, server)
    first = browser.current_window_handle
    # The curl line that the page shows, run outside of the browser.
    curl = text(browser, "curl")
    assert curl.startswith("curl http://")

    def pushed(count):
        return subprocess.run(curl, shell=True, capture_output=True, text=True).stdout == f"message sent to {count} clients"

    wait(browser, lambda: pushed(1), "the page is registered")
    wait(browser, lambda: "Hello, Jack" in text(browser, "log"), "the message appears")

    browser.switch_to.new_window("tab")
    open_and_register(browser, server)
    second = browser.current_window_handle
    wait(browser, lambda: pushed(2), "both tabs are registered")
    for handle in (first, second):
        browser.switch_to.window(handle)
        wait(browser, lambda: "Hello, Jack" in text(browser, "log"), "the message appears in every tab")

    # The page's own push form does the same.
    field = browser.find_element(By.ID, "push-message")
    field.clear()
    field.send_keys("It's <b>bold</b>")
    click(browser, "push")
    wait(browser, lambda: text(browser, "push-answer") == "Sent to 2 sessions.", "the answer appears")
    wait(browser, lambda: "It's <b>bold</b>" in text(browser, "log"), "markup is shown, not obeyed")
    assert "'\\''" in text(browser, "curl"), "the curl line is quoted for a shell"

    for width in (360, 800, 1400):
        for scheme in ("light", "dark"):
            screenshot(browser, "try", width, scheme)

    server.process.kill()  # the socket is cut: no close frame
    wait(browser, lambda: text(browser, "state") == "CLOSED", "the page says that it is cut")
    assert "code 1006" in text(browser, "log") and "not clean" in text(browser, "log")
    browser.close()
    browser.switch_to.window(first)


def test_the_echo_page_with_the_keyboard_alone(browser, start):
    server = start("echo", "--listen", "127.0.0.1:0")
    browser.get(f"http://{server.address}/")
    reached = []

    def press(key):
        browser.switch_to.active_element.send_keys(key)
        reached.append(browser.switch_to.active_element.get_attribute("id"))

    press(Keys.TAB)
    while reached[-1] != "connect":
        press(Keys.TAB)
        assert len(reached) < 20, reached
    press(Keys.ENTER)
    wait(browser, lambda: text(browser, "state") == "OPEN", "connected")
    while reached[-1] != "message":
        press(Keys.TAB)
        assert len(reached) < 40, reached
    browser.switch_to.active_element.send_keys("by keyboard", Keys.CONTROL, Keys.ENTER)
    wait(browser, lambda: text(browser, "log").count("by keyboard") == 2, "sent and echoed")
    assert "1 OPEN" in text(browser, "ready-state") and text(browser, "buffered") == "0"
    screenshot(browser, "echo", 1400, "light")
    browser.find_element(By.ID, "disconnect").send_keys(Keys.ENTER)
    wait(browser, lambda: "code 1000" in text(browser, "log"), "closed properly")


def test_the_echo_page_of_the_examples(browser, start):
    """CONNECTED, SENT, RESPONSE, DISCONNECTED, from a page of another origin."""
    handler = lambda *arguments: http.server.SimpleHTTPRequestHandler(*arguments, directory=str(ROOT / "Examples/EchoPage"))
    pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    try:
        origin = f"http://127.0.0.1:{pages.server_port}"
        server = start("echo", "--listen", "127.0.0.1:0", "--origin", origin)
        browser.get(f"{origin}/?url=ws://{server.address}/echo")
        wait(browser, lambda: "DISCONNECTED" in text(browser, "output"), "the page is through")
        assert text(browser, "output").split("\n") == [
            "CONNECTED", "SENT: WebSocket rocks", "RESPONSE: WebSocket rocks", "DISCONNECTED"]
        # A page of a host that is not allowed gets an error and nothing else.
        other = start("echo", "--listen", "127.0.0.1:0")
        browser.get(f"{origin}/?url=ws://{other.address}/echo")
        wait(browser, lambda: "DISCONNECTED" in text(browser, "output"), "the page is through")
        assert text(browser, "output").split("\n") == ["ERROR", "DISCONNECTED"]
    finally:
        pages.shutdown()
