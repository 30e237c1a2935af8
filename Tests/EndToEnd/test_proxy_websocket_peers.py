"""WebSockets through the proxy between programs of others, and the chain of the tutorials."""
import ssl
import subprocess

import pytest
import websockets.sync.client

from support.command import run
from support.nginx import Nginx
from support.paths import GORILLA_ECHO
from support.ports import free_port
from support.proxy import metric, run_proxy, to
from support.tunnel import client, echo
from support.waiting import eventually


@pytest.mark.timing
def test_the_chain(start, tmp_path, browser):
    """An echo server with a heartbeat, the proxy in front, and through it a browser and `martlet connect`."""
    server = echo(start, "--path", "/wshandler", "--heartbeat", "300ms")
    proxy = start("proxy", "--listen", "127.0.0.1:0", "--to", f"http://{server.address}")
    done = run("connect", f"ws://{proxy.address}/wshandler", "--one-message", input="hello\n")
    assert done.returncode == 0 and ("hello" in done.stdout or "heart beat" in done.stdout), done.stdout + done.stderr
    browser.get(f"http://{proxy.address}/")  # the echo server's own page
    messages = browser.execute_async_script("""
        const done = arguments[0], got = [];
        const socket = new WebSocket(`ws://${location.host}/wshandler`);
        socket.onopen = () => socket.send("from the browser");
        socket.onmessage = event => {
            got.push(event.data);
            if (got.includes("from the browser") && got.filter(text => text === "heart beat").length >= 2) done(got);
        };
        socket.onerror = () => done("error");""")
    assert "from the browser" in messages and messages.count("heart beat") >= 2


def test_foreign_clients_and_servers(start, tmp_path):
    """gorilla and Python's websockets on either side, with compression end to end."""
    gorilla = subprocess.Popen([GORILLA_ECHO, "serve", "-", "-", "compress"], stdout=subprocess.PIPE, text=True)
    try:
        address = gorilla.stdout.readline().strip()
        proxy = run_proxy(start, tmp_path, to(address))
        for compression in (None, "deflate"):
            with client(proxy, compression=compression, max_size=None) as socket:
                for message in ("", "x", "ä" * 1000, b"\0" * 100_000, "y" * (4 << 20)):
                    socket.send(message)
                    assert socket.recv() == message
                assert (socket.protocol.extensions != []) == (compression is not None)
        done = subprocess.run([GORILLA_ECHO, "dial", f"ws://127.0.0.1:{proxy.port}/", "-", "compress"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
    finally:
        gorilla.kill()
        gorilla.wait()


@pytest.mark.parametrize("mode", ["tunnel", "aware", "compressed"])
def test_tls_on_both_sides(start, tmp_path, certificates, mode):
    server = echo(start, "--tls-certificate", certificates["cert"], "--tls-key", certificates["key"])
    policy = {"tunnel": {}, "aware": {"messageSize": "8MiB"}, "compressed": {"compression": True, "messageSize": "8MiB"}}[mode]
    proxy = run_proxy(start, tmp_path, {
        "listeners": [{"listen": "127.0.0.1:0", "tls": {"certificate": certificates["cert"], "key": certificates["key"]}}],
        "routes": [{"to": "app", "webSocket": policy}],
        "upstreams": {"app": {"endpoints": [f"https://localhost:{server.port}"], "tls": {"authorities": certificates["ca"]}}}})
    context = ssl.create_default_context(cafile=certificates["ca"])
    with websockets.sync.client.connect(f"wss://localhost:{proxy.port}/ws", ssl=context, max_size=None) as one:
        for message in ("hello", b"\1" * 1_000_000, "y" * 500_000):
            one.send(message)
            assert one.recv() == message
        assert (one.protocol.extensions != []) == (mode == "compressed")
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1000") == 1, "the close is counted")
    assert metric(proxy, "proxy_connections") == 0


def test_nginx_in_front_as_tls_terminator(start, tmp_path, certificates):
    proxy = run_proxy(start, tmp_path, to(echo(start)))
    nginx = Nginx(tmp_path / "nginx", f"""ssl;
        ssl_certificate {certificates["cert"]}; ssl_certificate_key {certificates["key"]};
        location / {{
            proxy_pass http://127.0.0.1:{proxy.port}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;
        }}""", free_port())
    context = ssl.create_default_context(cafile=certificates["ca"])
    with websockets.sync.client.connect(f"wss://localhost:{nginx.address.split(':')[1]}/ws", ssl=context) as one:
        one.send("through both")
        assert one.recv() == "through both"
    nginx.stop()
