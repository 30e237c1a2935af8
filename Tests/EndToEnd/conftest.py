"""Fixtures that several files of tests use: servers that are stopped at the end, certificates, browsers."""
import subprocess
import threading

import pytest
from websockets.sync.server import serve as serve_websockets

pytest.register_assert_rewrite("support")  # before any of it is imported

from support import ports
from support.cutter import Cutter
from support.http_connection import HTTPConnection
from support.http_server import HTTPServer
from support.martlet_js import Double, Runtime
from support.operator_service import Service
from support.server import Server


@pytest.fixture
def start():
    """Starts `martlet` commands and stops them at the end, whatever happened."""
    servers = []

    def start(*arguments, **options):
        servers.append(Server(*arguments, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.process.kill()
        server.process.wait()


@pytest.fixture
def serve(start):
    """Starts `martlet serve` with further options."""
    def serve(*arguments, **options):
        has_address = any(one == "--listen" and not other.startswith("unix:") for one, other in zip(arguments, arguments[1:]))
        return start("serve", *([] if has_address else ["--listen", "127.0.0.1:0"]), *arguments, **options)
    return serve


@pytest.fixture
def tls(certificates):
    """The options of a server that serves TLS."""
    return ["--tls-certificate", certificates["cert"], "--tls-key", certificates["key"]]


@pytest.fixture
def serve_behind(serve, start, tls):
    """Starts a service as a client sees it: over "HTTP", over "TLS", or behind a "proxy"; and connects to it."""
    def serve_behind(front, *arguments, **options):
        server = serve(*arguments, *(tls if front == "TLS" else []), **options)
        if front == "proxy":
            server = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://{server.address}", "--log-level", "warning")
        server.connect = lambda: HTTPConnection(server, is_tls=front == "TLS")
        return server
    return serve_behind


@pytest.fixture
def backend():
    """A server for HTTP, to stand behind the proxy."""
    server = HTTPServer()
    yield server
    server.stop()


@pytest.fixture
def cut_off():
    """Puts cutters in front of servers, and ends them."""
    cutters = []

    def make(port):
        cutters.append(Cutter(port))
        return cutters[-1]

    yield make
    for one in cutters:
        one.close()


@pytest.fixture
def service():
    """Starts services of the operator's, which answer as they are told."""
    services = []

    def make(answer):
        services.append(Service(answer))
        return services[-1]

    yield make
    for one in services:
        one.shutdown()
        one.server_close()


@pytest.fixture
def runtime():
    """Starts clients of martlet.js outside of a browser, and stops them at the end."""
    runtimes = []

    def make(*arguments, **options):
        runtimes.append(Runtime(*arguments, **options))
        return runtimes[-1]

    yield make
    for one in runtimes:
        one.stop()


@pytest.fixture
def double():
    """Starts servers that stand where a client looks for the push service."""
    doubles = []

    def make(answer):
        doubles.append(Double(answer))
        return doubles[-1]

    yield make
    for one in doubles:
        one.stop()


@pytest.fixture
def websocket_double():
    """Starts servers for WebSockets that stand where a client looks for the push service: `answer(connection)`."""
    servers = []

    def make(answer):
        servers.append(serve_websockets(answer, "127.0.0.1", 0, subprotocols=["martlet"]))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].socket.getsockname()[1]}/"

    yield make
    for server in servers:
        server.shutdown()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """Paths of a certificate authority and of a certificate of it for localhost and 127.0.0.1, with its key."""
    folder = tmp_path_factory.mktemp("certificates")
    paths = {name: str(folder / f"{name}.pem") for name in ("ca", "cakey", "cert", "key", "request")}
    extensions = folder / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    for command in (
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=Test -keyout {paths['cakey']} -out {paths['ca']}",
            f"req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout {paths['key']} -out {paths['request']}",
            f"x509 -req -in {paths['request']} -CA {paths['ca']} -CAkey {paths['cakey']} -CAcreateserial -days 2 "
            f"-extfile {extensions} -out {paths['cert']}"):
        subprocess.run(["openssl", *command.split()], check=True, capture_output=True)
    return paths


@pytest.fixture
def free_port():
    """A port for a server that cannot be told to take any."""
    return ports.free_port()


@pytest.fixture
def browser(chromium):
    """A browser with one empty page, whatever the test before has left."""
    chromium.get_log("browser")
    patience = chromium.timeouts.script
    yield chromium
    chromium.set_script_timeout(patience)
    for handle in chromium.window_handles[1:]:
        chromium.switch_to.window(handle)
        chromium.close()
    chromium.switch_to.window(chromium.window_handles[0])
    chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    chromium.get("about:blank")


@pytest.fixture(scope="session")
def chromium():
    from support import chromium
    driver = chromium.start()
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def firefox():
    from support.firefox import Firefox
    browser = Firefox()
    yield browser
    browser.quit()


@pytest.fixture(scope="session")
def webkit():
    from support.webkit import WebKit
    browser = WebKit()
    yield browser
    browser.quit()


@pytest.fixture(params=["chromium", "firefox", "webkit"])
def any_browser(request):
    """Each browser in turn, started when the first test needs it; `page()` opens a window."""
    found = request.getfixturevalue(request.param)
    if request.param == "chromium":
        from support.chromium import Chromium
        return Chromium(found)
    return found


@pytest.fixture
def pages(any_browser):
    """Opens windows of a browser, which are closed at the end."""
    opened = []

    def page():
        opened.append(any_browser.page())
        return opened[-1]

    yield page
    for one in opened:
        one.close()


@pytest.fixture
def page(pages):
    """A window of a browser."""
    return pages()
