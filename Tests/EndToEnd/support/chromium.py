"""Chromium, by its own driver, in no window."""
import shutil

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from support.driver_page import DriverPage


def start():
    """The driver."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                 "--ignore-certificate-errors"):
        options.add_argument(flag)
    return webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))


class Chromium:
    """A driver as a browser that has pages, as the other browsers have them."""
    name = "chromium"

    def __init__(self, driver):
        self.driver = driver

    def page(self):
        return DriverPage(self.driver)
