"""Firefox, by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks itself: no driver is needed."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading

import websockets.sync.client

from support.waiting import PATIENCE, eventually

# Nothing of its own may go to the network, and a user in a URL needs no confirmation.
PREFERENCES = {
    "app.update.auto": False, "app.normandy.enabled": False, "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False, "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False, "extensions.update.enabled": False,
    "network.auth.confirmAuth.enabled": False, "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False, "network.http.phishy-userpass-length": 255,
    "services.settings.server": "data:,#remote-settings-dummy/v1", "toolkit.telemetry.enabled": False,
}


class Firefox:
    """A browser that has pages, as the other browsers have them."""
    name = "firefox"

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="firefox-")
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items())
        with open(f"{self.folder}/user.js", "w") as file:
            file.writelines(lines)
        self.process = subprocess.Popen(
            ["firefox-esr", "--headless", "--remote-debugging-port", "0", "--profile", self.folder, "--no-remote"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": self.folder})
        self.said, self._address, self._ready, self._count, self._socket = [], None, threading.Event(), 0, None
        threading.Thread(target=self._read, daemon=True).start()
        try:
            assert self._ready.wait(PATIENCE) and self._address, f"Firefox does not listen: {self.said}"
            self._socket = websockets.sync.client.connect(
                f"{self._address}/session", compression=None, max_size=None, origin=None, open_timeout=PATIENCE)
            self.call("session.new", capabilities={})
        except BaseException:
            self.quit()
            raise

    def _read(self):
        """Reads all that it says, so that it never blocks."""
        for line in self.process.stderr:
            self.said.append(line)
            if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
                self._address = found[1]
                self._ready.set()
        self._ready.set()

    def call(self, method, **parameters):
        """The result of a command; events are not subscribed to."""
        self._count += 1
        self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(timeout=2 * PATIENCE))
            if answer.get("id") == self._count:
                assert answer["type"] == "success", f"{method}: {answer.get('error')}: {answer.get('message')}"
                return answer["result"]

    def page(self):
        return FirefoxPage(self)

    def quit(self):
        try:
            if self._socket:
                self.call("browser.close")
        finally:
            if self._socket:
                self._socket.close()
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            shutil.rmtree(self.folder, ignore_errors=True)


class FirefoxPage:
    """A tab, with the functions of a page of every browser: see `DriverPage`."""

    def __init__(self, browser):
        self.browser = browser
        self.context = browser.call("browsingContext.create", type="tab")["context"]

    def open(self, url):
        self.browser.call("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def run(self, javascript):
        result = self.browser.call(
            "script.evaluate", awaitPromise=True, target={"context": self.context},
            expression=f"(async () => {{ {javascript} }})().then(value => JSON.stringify({{ value }}))")
        assert result["type"] == "success", f"{result.get('exceptionDetails', {}).get('text')} in {javascript}"
        return json.loads(result["result"]["value"]).get("value")

    def back(self):
        before = self.run("return location.href")
        self.browser.call("browsingContext.traverseHistory", context=self.context, delta=-1)

        def is_there():
            try:
                return self.run(f"return document.readyState === 'complete' && location.href !== {json.dumps(before)}")
            except AssertionError:  # the page went while it was asked
                return False

        eventually(is_there, "the page before is there")

    def close(self):
        self.browser.call("browsingContext.close", context=self.context)
