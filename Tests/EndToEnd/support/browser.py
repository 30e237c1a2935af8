"""What a user does and sees in a page, and pictures of it."""
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from support.paths import ARTIFACTS
from support.waiting import PATIENCE


def wait(browser, condition, what):
    # An element that goes while it is looked at is one that is not right yet.
    patient = WebDriverWait(browser, PATIENCE, 0.05, ignored_exceptions=[StaleElementReferenceException])
    patient.until(lambda _: condition(), what)


def text(browser, identifier):
    return browser.find_element(By.ID, identifier).text


def click(browser, identifier):
    """Clicks an element once it can be clicked: a page's modules may still be showing the part that it is in."""
    element = browser.find_element(By.ID, identifier)
    wait(browser, lambda: element.is_displayed() and element.is_enabled(), f"{identifier} can be clicked")
    # The driver takes what lies below something that stays in sight, such as a log at the bottom, for seen.
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    element.click()


def screenshot(browser, name, width, scheme):
    """Keeps a picture of the whole page, which must not be wider than this."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    def resize(height):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})

    resize(900)
    resize(browser.execute_script("return Math.max(900, document.documentElement.scrollHeight)"))
    assert browser.execute_script("return document.documentElement.scrollWidth <= innerWidth"), f"{width} px must not scroll sideways"
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(ARTIFACTS / f"{name}-{width}-{scheme}.png"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
