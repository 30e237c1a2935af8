"""Echo of 0 B to 16 MiB, text and binary, in both directions, over ws and wss, with and without compression, with
foreign implementations. Writes the table of docs/interop.md to the artifacts."""
import asyncio
import os
import re
import ssl
import subprocess

import pytest
import websockets.asyncio.client
import websockets.asyncio.server

from support.nginx import Nginx
from support.paths import ARTIFACTS, BINARIES, GORILLA_ECHO, ROOT
from support.waiting import PATIENCE

ECHO_CLIENT = str(BINARIES / "EchoClient")
NODE = ["/usr/bin/node" if os.path.exists("/usr/bin/node") else "node", str(ROOT / "Tests/EndToEnd/clients/node/echo.js")]
NODE_ENV = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
LENGTHS = [0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20]
LONG = 60  # seconds for the 16 MiB
COMBINATIONS = [(tls, compress) for tls in (False, True) for compress in (False, True)]
NAMES = [f"{'wss' if tls else 'ws'}{', compressed' if compress else ''}" for tls, compress in COMBINATIONS]
results = {}


@pytest.fixture(params=COMBINATIONS, ids=NAMES)
def combination(request):
    return request.param


def note(peer, combination):
    results.setdefault(peer, {})[NAMES[COMBINATIONS.index(combination)]] = "ok"


@pytest.fixture(scope="module", autouse=True)
def table():
    yield
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    lines = ["| peer | " + " | ".join(NAMES) + " |", "| --- |" + " --- |" * len(NAMES)]
    lines += [f"| {peer} | " + " | ".join(row.get(name, "–") for name in NAMES) + " |" for peer, row in results.items()]
    (ARTIFACTS / "interop.md").write_text("\n".join(lines) + "\n")


def echo_server(start, certificates, combination):
    tls, compress = combination
    options = ["--limits-message-size", str(32 << 20), "--log-level", "warning"]
    if tls:
        options += ["--tls-certificate", certificates["cert"], "--tls-key", certificates["key"]]
    if compress:
        options += ["--compress", "--context-takeover"]
    server = start("echo", "--listen", "127.0.0.1:0", *options)
    return f"{'wss' if tls else 'ws'}://localhost:{server.port}/echo"


def run_our_client(url, certificates, compress, expect_compression=True):
    arguments = [ECHO_CLIENT, url] + (["compress"] if compress else []) + [certificates["ca"]]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "echoed 16 messages" in done.stdout, done.stdout
    assert f"compression {'on' if compress and expect_compression else 'off'}" in done.stdout, done.stdout


def serve(command, env=None):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    return process, int(process.stdout.readline().rsplit(":", 1)[1])


def stop(process):
    process.kill()
    process.wait(PATIENCE)


# Our server, their clients


def test_python_client(start, certificates, combination):
    url = echo_server(start, certificates, combination)
    context = ssl.create_default_context(cafile=certificates["ca"]) if combination[0] else None

    async def talk():
        compression = "deflate" if combination[1] else None
        async with websockets.asyncio.client.connect(
                url, ssl=context, compression=compression, max_size=None, proxy=None) as client:
            assert bool(client.protocol.extensions) == combination[1]
            for length in LENGTHS:
                text = ("0123456789abcde\n" * (length // 16 + 1))[:length]
                for message in (text, os.urandom(length)):
                    await client.send(message)
                    assert await client.recv() == message

    asyncio.run(talk())
    note("Python websockets, client", combination)


def test_gorilla_client(start, certificates, combination):
    url = echo_server(start, certificates, combination)
    done = subprocess.run(
        [GORILLA_ECHO, "dial", url, certificates["ca"] if combination[0] else "-", "compress" if combination[1] else "-"],
        capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0 and "echoed 16" in done.stdout and "1000" in done.stdout, done.stdout + done.stderr
    assert ("permessage-deflate" in done.stdout) == combination[1]
    note("gorilla/websocket, client", combination)


def test_node_client(start, certificates, combination):
    url = echo_server(start, certificates, combination)
    done = subprocess.run(
        [*NODE, "dial", url, certificates["ca"] if combination[0] else "-", "compress" if combination[1] else "-"],
        capture_output=True, text=True, timeout=LONG, env=NODE_ENV)
    assert done.returncode == 0 and "echoed 16" in done.stdout and "1000" in done.stdout, done.stdout + done.stderr
    assert ("permessage-deflate" in done.stdout) == combination[1]
    note("node ws, client", combination)


# Our client, their servers


def test_python_server(certificates, combination):
    async def echo(connection):
        async for message in connection:
            await connection.send(message)

    async def main():
        context = None
        if combination[0]:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates["cert"], certificates["key"])
        async with websockets.asyncio.server.serve(
                echo, "127.0.0.1", 0, ssl=context, max_size=None,
                compression="deflate" if combination[1] else None) as server:
            port = server.sockets[0].getsockname()[1]
            url = f"{'wss' if combination[0] else 'ws'}://localhost:{port}/"
            await asyncio.to_thread(run_our_client, url, certificates, combination[1])

    asyncio.run(main())
    note("Python websockets, server", combination)


def test_gorilla_server(certificates, combination):
    files = [certificates["cert"], certificates["key"]] if combination[0] else ["-", "-"]
    process, port = serve([GORILLA_ECHO, "serve", *files, "compress" if combination[1] else "-"])
    try:
        run_our_client(f"{'wss' if combination[0] else 'ws'}://localhost:{port}/", certificates, combination[1])
    finally:
        stop(process)
    note("gorilla/websocket, server", combination)


def test_node_server(certificates, combination):
    files = [certificates["cert"], certificates["key"]] if combination[0] else ["-", "-"]
    process, port = serve([*NODE, "serve", *files, "compress" if combination[1] else "-"], NODE_ENV)
    try:
        run_our_client(f"{'wss' if combination[0] else 'ws'}://localhost:{port}/", certificates, combination[1])
    finally:
        stop(process)
    note("node ws, server", combination)


# nginx in between, as TLS terminator


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "compressed"])
def test_nginx(start, certificates, tmp_path, compress, free_port):
    url = echo_server(start, certificates, (False, compress))
    upstream = re.search(r":(\d+)/", url).group(1)
    nginx = Nginx(tmp_path / "nginx", f"""ssl;
        ssl_certificate {certificates["cert"]}; ssl_certificate_key {certificates["key"]};
        location / {{
            proxy_pass http://127.0.0.1:{upstream}; proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; proxy_set_header Host $http_host;
        }}""", free_port)
    try:
        run_our_client(f"wss://localhost:{free_port}/echo", certificates, compress)
    finally:
        nginx.stop()
    note("nginx as TLS terminator, our client and server", (True, compress))


# A browser


def test_chromium(start, certificates, combination, browser):
    url = echo_server(start, certificates, combination)
    browser.get("http" + url[2:].replace("/echo", "/"))
    browser.set_script_timeout(LONG)
    outcome = browser.execute_async_script("""
        const [url, lengths, done] = arguments;
        const socket = new WebSocket(url);
        socket.binaryType = "arraybuffer";
        const wanted = lengths.flatMap(length => [
            "0123456789abcde\\n".repeat(length / 16 + 1).slice(0, length),
            new Uint8Array(length).map((_, index) => index * 7)]);
        let count = 0;
        const next = () => count < wanted.length ? socket.send(wanted[count]) : socket.close(1000);
        const same = (a, b) => typeof a === "string" ? a === b
            : a.length === b.byteLength && new Uint8Array(b).every((byte, index) => byte === a[index]);
        socket.onopen = next;
        socket.onmessage = event => same(wanted[count], event.data) ? (count++, next()) : done("differs at " + count);
        socket.onclose = event => done(`echoed ${count} ${event.code} [${socket.extensions}]`);
    """, url.replace("localhost", "localhost"), LENGTHS)
    assert outcome.startswith("echoed 16 1000"), outcome
    assert ("permessage-deflate" in outcome) == combination[1]
    note("Chromium", combination)
