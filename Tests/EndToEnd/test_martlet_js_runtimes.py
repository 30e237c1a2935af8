"""`martlet.js` outside of pages: Node, Deno, workers."""
import os
import subprocess

import pytest

from support.event_stream import push
from support.martlet_js import DENO, NODE
from support.paths import PACKAGE
from support.waiting import PATIENCE, eventually


def takes_messages(server, client, transport):
    client.opens(transport)
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    client.until(lambda: client.of("message")[-1:] == [["1"]], "the message comes")


@pytest.mark.parametrize("transports", [["sse"], ["poll"], ["websocket", "sse", "poll"]], ids="-".join)
def test_node_20_goes_by_what_it_has(serve, runtime, transports):
    """It has no WebSocket, and no navigator or location: the client says nothing of it."""
    server = serve()
    client = runtime(NODE, {"url": f"http://{server.address}", "token": "jack", "transports": transports})
    has_websocket = subprocess.run([*NODE, "-p", "typeof WebSocket"], capture_output=True, text=True).stdout.strip() == "function"
    first = next(name for name in transports if name != "websocket" or has_websocket)
    takes_messages(server, client, first)
    assert client.end() == 0 and client.complaints == [] and client.of("error") == client.of("gap") == []
    assert client.of("state")[-1][0] == "closed"


@pytest.mark.parametrize("transport", ["sse", "poll"])
def test_node_resumes_after_a_restart_of_the_network(serve, runtime, transport):
    server = serve()
    client = runtime(NODE, {"url": f"http://{server.address}", "token": "jack", "transports": [transport], "delay": 1})
    takes_messages(server, client, transport)
    assert server.post("/drop", {"userId": "jack"})[0] == 200
    push(server, 2)
    client.until(lambda: client.of("message")[-1:] == [["2"]], "what it missed comes")
    assert client.of("gap") == []


def test_a_client_without_any_transport_says_so():
    told = subprocess.run(
        [*NODE, "--input-type=module", "-e", f"""
            delete globalThis.WebSocket;
            const {{ Martlet }} = await import("{(PACKAGE / 'martlet.mjs').as_uri()}");
            new Martlet({{ url: "http://127.0.0.1", transports: ["websocket"] }});"""], capture_output=True, text=True)
    assert told.returncode == 1 and "there is no WebSocket here" in told.stderr


def test_a_client_ends_without_keeping_its_program(serve, runtime):
    """Also while it waits, or is open by the second of its transports."""
    server = serve()
    waits = runtime(NODE, {"url": "http://127.0.0.1:9", "delay": 60000})
    waits.until(lambda: waits.of("state")[-1:] and waits.of("state")[-1][0] == "waiting", "it waits")
    falls_back = runtime(NODE, {
        "url": f"http://{server.address}", "token": "jack", "transports": ["sse", "poll"], "paths": {"sse": "nowhere"}, "delay": 1})
    falls_back.opens("poll")
    assert waits.end() == falls_back.end() == 0


@pytest.fixture
def deno(tmp_path):
    return {**os.environ, "DENO_DIR": str(tmp_path / "deno"), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}


@pytest.mark.parametrize("transport", ["websocket", "sse", "poll"])
def test_deno_imports_it_from_the_service(serve, runtime, deno, transport):
    server = serve()
    client = runtime(
        DENO, {"url": f"http://{server.address}", "token": "jack", "transports": [transport]},
        module=f"http://{server.address}/martlet.mjs", env=deno)
    takes_messages(server, client, transport)
    assert client.end() == 0 and client.of("error") == []


def test_deno_finds_the_declarations(serve, deno, tmp_path):
    server = serve()
    file = tmp_path / "page.ts"
    file.write_text(f"""
        import {{ Martlet, type State }} from "http://{server.address}/martlet.mjs";
        const martlet = new Martlet({{ token: "jack", json: true }});
        const state: State = martlet.state;
        martlet.subscribe<{{ price: number }}>("prices", ({{ price }}) => console.log(price.toFixed(2), state));
        // @ts-expect-error there is no such option
        new Martlet({{ tokn: "jack" }});
        // @ts-expect-error data is text without a type
        martlet.subscribe("alerts", data => data.price);
    """)
    checked = subprocess.run([DENO[0], "check", "--allow-import", file], capture_output=True, text=True, env=deno, timeout=PATIENCE)
    assert checked.returncode == 0, checked.stderr


WORKERS = {
    "classic worker": ("new Worker(URL.createObjectURL(new Blob([classic, work])))", "self"),
    "module worker": ("new Worker(URL.createObjectURL(new Blob([module, work], { type: 'text/javascript' })), { type: 'module' })", "self"),
    "shared worker": ("new SharedWorker(URL.createObjectURL(new Blob([shared, classic, work])))", "port"),
}


@pytest.mark.parametrize("kind", WORKERS)
def test_workers(serve, browser, kind):
    server = serve()
    browser.get(f"http://{server.address}/martlet.js")
    make, to = WORKERS[kind]
    assert browser.execute_async_script(f"""
        const [origin, done] = arguments;
        const classic = `importScripts("${{origin}}/martlet.js");`, module = `import {{ Martlet }} from "${{origin}}/martlet.mjs";`;
        const shared = "const ports = []; const port = {{ postMessage: one => ports.forEach(each => each.postMessage(one)) }};"
            + "onconnect = ({{ ports: [one] }}) => ports.push(one);";
        const work = `
            const martlet = new Martlet({{ token: "jack" }});
            martlet.on("state", state => state == "open" && {to}.postMessage("open " + martlet.url));
            martlet.subscribe("alerts", data => {to}.postMessage(data));`;
        window.got = [];
        window.worker = {make};
        const take = ({{ data }}) => data.startsWith("open ") ? done(data) : got.push(data);
        if (worker.port) worker.port.onmessage = take; else worker.onmessage = take;
        worker.onerror = event => done(event.message ?? "error");""", f"http://{server.address}") == f"open http://{server.address}/"
    eventually(lambda: push(server, 1) == 1, "it is subscribed")
    eventually(lambda: browser.execute_script("return got.at(-1)") == "1", "the message comes")
