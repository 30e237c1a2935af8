"""WebKit (that of GTK), by its own driver, on a screen that nobody sees."""
import glob
import os
import select
import shutil
import subprocess
import time

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from support.driver_page import DriverPage
from support.ports import free_port
from support.waiting import PATIENCE


class Screen:
    """An X server without a screen, on a display that it chose itself."""

    def __init__(self):
        reader, writer = os.pipe()
        try:
            self.process = subprocess.Popen(
                ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1280x1024x24", "-nolisten", "tcp"],
                pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os.close(writer)
            self.display = f":{self._read_line(reader)}"
        finally:
            os.close(reader)

    def _read_line(self, descriptor):
        text, end = b"", time.monotonic() + PATIENCE
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([descriptor], [], [], max(end - time.monotonic(), 0))
            part = os.read(descriptor, 64) if ready else b""
            if not part:
                self.stop()
                raise AssertionError("Xvfb has not said its display")
            text += part
        return text.decode().strip()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


class WebKit:
    """A browser that has pages, as the other browsers have them."""
    name = "webkit"

    def __init__(self):
        # Its folder has the name of the machine and of WebKit's version.
        browser = next(iter(sorted(glob.glob("/usr/lib/*/webkit2gtk-*/MiniBrowser"), reverse=True)), None)
        assert browser, "webkit2gtk-driver has no MiniBrowser"
        self.screen = Screen()
        try:
            self.driver = self._start(browser)
        except BaseException:
            self.screen.stop()
            raise

    def _start(self, browser):
        options = Options()
        options.binary_location = browser
        options.add_argument("--automation")
        env = {**os.environ, "DISPLAY": self.screen.display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"}
        # The driver cannot be told to take any port, and another process may take a free one first.
        for attempt in range(3):
            service = Service(shutil.which("WebKitWebDriver"), port=free_port(), env=env)
            try:
                return webdriver.WebKitGTK(options=options, service=service)
            except WebDriverException:
                service.stop()
                if attempt == 2:
                    raise

    def page(self):
        return DriverPage(self.driver)

    def quit(self):
        try:
            self.driver.quit()
        finally:
            self.screen.stop()
