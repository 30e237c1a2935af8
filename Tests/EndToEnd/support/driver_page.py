"""A window of a browser that Selenium drives: Chromium and WebKit have the same."""


class DriverPage:
    """A window of its own. A page of every browser has these functions."""

    def __init__(self, driver):
        self.driver = driver
        driver.switch_to.window(driver.window_handles[0])
        driver.switch_to.new_window("tab")
        self.handle = driver.current_window_handle

    def open(self, url):
        """Goes to a URL, and waits until it is loaded."""
        self.driver.switch_to.window(self.handle)
        self.driver.get(url)

    def run(self, javascript):
        """The value, of JSON, of a script: the body of an asynchronous function."""
        self.driver.switch_to.window(self.handle)
        outcome = self.driver.execute_async_script(
            f"const done = arguments[0]; (async () => {{ {javascript} }})()"
            ".then(value => done({ value }), error => done({ error: String(error) }));")
        assert "error" not in outcome, f"{outcome['error']} in {javascript}"
        return outcome.get("value")

    def back(self):
        """Goes to the page before, and waits until it is there."""
        self.driver.switch_to.window(self.handle)
        self.driver.back()

    def close(self):
        self.driver.switch_to.window(self.handle)
        self.driver.close()
        self.driver.switch_to.window(self.driver.window_handles[0])
