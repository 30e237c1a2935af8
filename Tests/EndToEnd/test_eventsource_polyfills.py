"""Clients that speak as polyfills of EventSource do, and Node's own fetch."""
import json
import queue
import subprocess
import threading

import pytest

from support.event_stream import push, query
from support.paths import ROOT
from support.waiting import PATIENCE, eventually

POLYFILL = ROOT / "Tests/EndToEnd/clients/eventsource/polyfill.js"


class Polyfill:
    """The program, which says each event and each change of its state on a line."""

    def __init__(self, url):
        self.process = subprocess.Popen(["node", POLYFILL, url, "alerts"], stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=lambda: [self.lines.put(json.loads(line)) for line in self.process.stdout], daemon=True).start()

    def next(self, kind):
        """The next line of a kind, and those before it."""
        before = []
        while True:
            try:
                said = self.lines.get(timeout=PATIENCE)
            except queue.Empty:
                raise AssertionError(f"no {kind}, but {before}") from None
            if said["kind"] == kind:
                return said, before
            before.append(said)

    def stop(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def polyfill():
    started = []

    def polyfill(url):
        started.append(Polyfill(url))
        return started[-1]

    yield polyfill
    for one in started:
        one.stop()


def test_a_polyfill_gets_everything_once_and_in_order(serve, polyfill, cut_off):
    server = serve("--retry", "300ms")
    cutter = cut_off(server.port)
    client = polyfill(f"http://{cutter.address}/sse?{query()}")
    client.next("open")
    got = []

    def take(count):
        while len(got) < count:
            said, before = client.next("message")
            assert not any(one["kind"] in ("gap", "failed") for one in before), before
            got.append(said["data"])

    for start in range(0, 100, 20):
        for number in range(start, start + 10):
            push(server, number)
        take(start + 10)
        cutter.cut()
        for number in range(start + 10, start + 20):
            push(server, number)
        take(start + 20)
    assert got == [str(number) for number in range(100)]


def test_a_polyfill_is_told_to_come_back_later(serve, polyfill):
    """It gives up after any status but 200, as browsers do."""
    server = serve("--limits-connections-per-address", "1", "--retry", "300ms")
    held = polyfill(f"http://{server.address}/sse?{query()}")
    held.next("open")
    client = polyfill(f"http://{server.address}/sse?{query()}")
    for _ in range(3):
        assert not any(one["kind"] == "failed" for one in client.next("error")[1])
    held.stop()
    eventually(lambda: push(server, "at last") == 1, "it is there")
    said, before = client.next("message")
    assert said["data"] == "at last" and not any(one["kind"] == "failed" for one in before)


def test_a_polyfill_gives_up_when_it_is_refused_for_good(serve, polyfill, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens))
    said, _ = polyfill(f"http://{server.address}/sse?{query(token='wrong')}").next("failed")
    assert said["status"] == 401


FETCH = """
    const [address, key] = process.argv.slice(1), url = `http://${address}`;
    const post = async (path, body, headers = {}) => {
        const answer = await fetch(url + path, { method: "POST", body, headers: { "X-API-Key": key, ...headers }, duplex: "half" });
        return `${answer.status} ${await answer.text()}`;
    };
    const push = message => JSON.stringify({ userId: "jack", event: "alerts", message });
    (async () => {
        const said = [];
        const stream = await fetch(`${url}/sse?token=jack&event=alerts`, { headers: { Accept: "text/event-stream" } });
        said.push(`${stream.status} ${stream.headers.get("content-type")}`);
        const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        const until = async what => { while (!text.includes(what)) text += (await reader.read()).value; };
        await until("id: ");
        said.push(await post("/push", push("text")), await post("/push", push("typed"), { "Content-Type": "application/json" }));
        await until("data: typed");
        const chunks = new ReadableStream({ start(controller) { controller.enqueue(new TextEncoder().encode(push("in chunks"))); controller.close(); } });
        said.push(await post("/push", chunks));
        const gzip = new Blob([push("compressed")]).stream().pipeThrough(new CompressionStream("gzip"));
        said.push(await post("/push", await new Response(gzip).arrayBuffer(), { "Content-Encoding": "gzip" }));
        await until("data: compressed");
        await reader.cancel();
        said.push(await post("/push", push("x"), { "X-API-Key": "wrong" }), await post("/drop", push("x")));
        const polls = await (await fetch(`${url}/poll?token=jack&event=alerts`)).json();
        said.push(polls.publications.length);
        const answers = await Promise.all(Array.from({ length: 50 }, (_, number) => post("/api/publish", JSON.stringify({ channel: "news#jill", data: number }))));
        said.push(answers.filter(answer => answer.startsWith("200 ")).length);
        console.log(JSON.stringify(said));
        process.exit(0);
    })().catch(error => { console.error(error); process.exit(1); });"""


def test_the_fetch_of_node(serve):
    server = serve(env={"MARTLET_API_KEY": "a secret of the back end's"})
    run = subprocess.run(["node", "-e", FETCH, server.address, "a secret of the back end's"], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said[:5] == ["200 text/event-stream; charset=utf-8", *["200 message sent to 1 clients"] * 4]
    assert said[5].startswith("401 ") and said[6].startswith('200 {"dropped":') and said[7:] == [0, 50]
