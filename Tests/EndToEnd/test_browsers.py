"""`martlet.js` in Chromium, Firefox and WebKit, over each transport, and where pages really live: behind a proxy, behind a
password, in several windows, in the back/forward cache."""
import contextlib
import json
import time

import pytest

from support.event_stream import push
from support.nginx import Nginx
from support.ports import free_port
from support.waiting import eventually

every_transport = pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])

# What a page does. Its listeners note all that they are told.
SUBSCRIBE = """
    if (!globalThis.Martlet) await import("/martlet.js");
    window.got = []; window.told = []; window.states = []; window.gaps = [];
    window.martlet = new Martlet({ token: "jack", share: false, delay: 20, ...%s });
    martlet.on("error", error => told.push(error.message));
    martlet.on("gap", events => gaps.push(events));
    martlet.on("state", (state, transport) => states.push(state === "open" ? `open ${transport}` : state));
    martlet.subscribe("alerts", (data, { transport }) => got.push(`${data} ${transport}`));
"""


def subscribe(page, **options):
    page.run(SUBSCRIBE % json.dumps(options))


class Messages:
    """What is pushed: numbers, which never repeat."""

    def __init__(self, server):
        self.server, self.last = server, 0

    def push(self):
        """How many clients take the next number."""
        self.last += 1
        return push(self.server, self.last)

    def reach(self, *pages):
        """Pushes until one client takes it, and the pages have it. A client that is just subscribing may be counted for a
        message and yet begin behind it."""
        def arrives():
            if self.push() != 1:
                return False
            end = time.monotonic() + 2
            while any(self.of(page)[-1:] != [self.last] for page in pages):
                if time.monotonic() > end:
                    return False
                time.sleep(0.01)
            return True

        eventually(arrives, lambda: f"{[page.run('return [got, told, states]') for page in pages]}: {self.last} has come")
        for page in pages:
            self.have_come(page)

    def have_come(self, page):
        """Waits until a page has the last one; then it has no other twice, nor after a later one."""
        eventually(lambda: self.of(page)[-1:] == [self.last], lambda: f"{page.run('return [got, told, states]')} ends with {self.last}")
        assert self.of(page) == sorted(set(self.of(page)))

    @staticmethod
    def of(page):
        return [int(text.split()[0]) for text in page.run("return got")]


def wait_for(page, expression, value):
    """Until an expression of the page has a value."""
    eventually(lambda: page.run(f"return {expression}") == value, lambda: f"{expression} is {page.run(f'return {expression}')}")


class Site:
    """nginx, with pages of its own, and the service below a prefix."""

    def __init__(self, folder, service, more=""):
        pages = folder / "pages"
        pages.mkdir()
        (pages / "index.html").write_text("""<!doctype html><title>Page</title><script src="/live/martlet.js"></script>
            <script>addEventListener("pageshow", event => window.isFromCache = event.persisted)</script>""")
        (pages / "other.html").write_text("<!doctype html><title>Other</title>")
        self.nginx = Nginx(folder / "nginx", f"""; root {pages}; {more}
            location /live/ {{
                proxy_pass http://{service}/; proxy_http_version 1.1; proxy_buffering off;
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
                proxy_set_header Host $http_host;
            }}""", free_port(), "types { text/html html; } map $http_upgrade $connection_upgrade { default upgrade; '' ''; }")
        self.address = self.nginx.address
        self.page, self.other = (f"http://{self.address}/{name}.html" for name in ("index", "other"))
        self.service = f"http://{self.address}/live/"


@pytest.fixture
def site(tmp_path):
    """Makes a site."""
    with contextlib.ExitStack() as stack:
        def make(service, more=""):
            site = Site(tmp_path, service, more)
            stack.callback(site.nginx.stop)
            return site
        yield make


@every_transport
def test_a_page_receives_what_is_pushed_and_what_it_missed(serve, page, transport):
    server = serve("--retry", "300ms")
    page.open(f"http://{server.address}/martlet.js")
    subscribe(page, transports=[transport])
    messages = Messages(server)
    messages.reach(page)
    messages.push()
    messages.have_come(page)
    # A second event, and a message with all that a text may have.
    page.run("""
        window.texts = [];
        window.stop = martlet.subscribe("news", data => texts.push(data));""")
    text = "ä€😀\n\"\\\u2028</script>\r\n\tx"
    eventually(lambda: push(server, text, event="news") == 1, "it has subscribed")
    wait_for(page, "texts.at(-1)", text)
    messages.push()
    messages.have_come(page)
    # The service disconnects it, and pushes go on.
    seen = messages.last
    assert server.post("/drop", {"userId": "jack"})[0] == 200
    for _ in range(5):
        messages.push()
    messages.have_come(page)
    assert [number for number in Messages.of(page) if number > seen] == list(range(seen + 1, seen + 6))
    assert {text.split()[1] for text in page.run("return got")} == {transport}
    page.run("martlet.close()")
    eventually(lambda: server.metric("martlet_sessions") == 0, "it has gone")
    assert page.run("return [told, gaps, martlet.state]") == [[], [], "closed"]


@every_transport
def test_a_prefix_that_a_proxy_takes_away(serve, page, site, transport):
    server = serve()
    site = site(server.address)
    page.open(site.page)
    subscribe(page, url=site.service, transports=[transport])
    Messages(server).reach(page)
    assert page.run("return told") == []


@every_transport
def test_a_password_in_front(serve, any_browser, page, site, tmp_path, transport):
    """A browser adds it to each request of the page by itself. WebKit does not for a WebSocket: the page goes on to the next
    transport."""
    server = serve("--anonymous-user", "jack")
    passwords = tmp_path / "passwords"
    passwords.write_text("operator:{PLAIN}secret\n")
    site = site(server.address, f"auth_basic staging; auth_basic_user_file {passwords};")
    page.open(site.page.replace("//", "//operator:secret@"))
    page.open(site.page)
    transports = [transport, "sse"] if (any_browser.name, transport) == ("webkit", "websocket") else [transport]
    subscribe(page, url=site.service, token="", transports=transports)
    Messages(server).reach(page)
    assert page.run("return told") == []


@every_transport
def test_a_page_in_the_back_forward_cache_is_no_client(serve, any_browser, page, site, transport):
    server = serve()
    site = site(server.address)
    page.open(site.page)
    # The paths, so that this test is not about the prefix.
    paths = {"websocket": "/live/ws", "sse": "/live/sse", "poll": "/live/poll"}
    subscribe(page, url=site.service, paths=paths, transports=[transport])
    messages = Messages(server)
    messages.reach(page)
    seen = messages.last
    page.open(site.other)
    eventually(lambda: server.metric("martlet_sessions") == 0, "nobody looks at it")
    assert messages.push() == messages.push() == 0
    page.back()
    wait_for(page, "typeof isFromCache", "boolean")
    if not page.run("return isFromCache"):
        # Firefox keeps no page with a connection, whatever it does when it is left: it is another page now.
        assert any_browser.name == "firefox" and page.run("return globalThis.martlet === undefined")
        return
    messages.reach(page)
    # It resumes where it was.
    assert [number for number in Messages.of(page) if number >= seen] == list(range(seen, messages.last + 1))
    assert page.run("return [told, gaps]") == [[], []]


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_a_page_of_another_origin_is_told_that_it_may_not_connect(serve, page, transport):
    """Browsers tell it nothing of a WebSocket that was refused."""
    server, other = serve(), serve()
    page.open(f"http://{other.address}/martlet.js")
    subscribe(page, url=f"http://{server.address}", transports=[transport])
    wait_for(page, "martlet.state", "closed")
    (message,) = page.run("return told")
    assert message.startswith("403 ") and "origin" in message
    assert server.metric("martlet_sessions") == 0


@every_transport
def test_a_page_that_is_online_again_connects_at_once(serve, page, transport):
    """Its next attempt would come half a minute later, and no test waits so long."""
    port = free_port()
    other = serve()
    page.open(f"http://{other.address}/martlet.js")
    page.run("Math.random = () => 0.99")
    subscribe(page, url=f"http://127.0.0.1:{port}", transports=[transport], delay=100_000)
    wait_for(page, "martlet.state", "waiting")
    server = serve("--listen", f"127.0.0.1:{port}", "--origin", f"http://{other.address}")
    page.run("dispatchEvent(new Event('offline')); dispatchEvent(new Event('online'))")
    Messages(server).reach(page)


@every_transport
def test_a_network_that_goes_and_comes(serve, chromium, transport):
    """Chromium alone can be told that there is none."""
    from support.chromium import Chromium
    page = Chromium(chromium).page()
    try:
        server = serve()
        page.open(f"http://{server.address}/martlet.js")
        page.run("Math.random = () => 0.99")
        subscribe(page, transports=[transport], delay=100_000)
        messages = Messages(server)
        messages.reach(page)
        seen = messages.last
        network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        chromium.execute_cdp_cmd("Network.enable", {})
        chromium.execute_cdp_cmd("Network.emulateNetworkConditions", {**network, "offline": True})
        wait_for(page, "navigator.onLine", False)
        server.post("/drop", {"userId": "jack"})
        wait_for(page, "martlet.state", "waiting")
        messages.push()
        chromium.execute_cdp_cmd("Network.emulateNetworkConditions", {**network, "offline": False})
        messages.have_come(page)
        assert Messages.of(page)[-2:] == [seen, seen + 1]
    finally:
        page.close()


def test_two_windows_share_a_connection_and_one_takes_over(serve, pages):
    server = serve()
    first, second = pages(), pages()
    for one in (first, second):
        one.open(f"http://{server.address}/martlet.js")
        subscribe(one, share="jack")
    messages = Messages(server)
    messages.reach(first, second)
    assert server.metric("martlet_sessions") == 1
    seen = messages.last
    first.run("martlet.close()")
    messages.reach(second)
    assert second.run("return [told, gaps]") == [[], []] and Messages.of(first)[-1] == seen
    assert [number for number in Messages.of(second) if number >= seen] == list(range(seen, messages.last + 1))
