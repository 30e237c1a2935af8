"""`martlet.js` as it is built and packed: what is committed is what the source makes; the npm package is whole; a React hook."""
import gzip
import json
import os
import re
import shutil
import subprocess
import tarfile

import pytest

from support.event_stream import push
from support.martlet_js import NODE
from support.paths import PACKAGE, ROOT
from support.waiting import PATIENCE, eventually

HOOK = ROOT / "Examples/React/useMartlet.ts"
MODULES = "/usr/share/nodejs"  # the packages of Debian
VERSION = json.loads((PACKAGE / "package.json").read_text())["version"]


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_committed_is_what_the_source_makes():
    run(ROOT / "scripts/script.sh", "check")


@pytest.mark.parametrize("name", ["martlet.js", "martlet.mjs", "martlet.cjs"])
def test_the_script_is_small(name):
    size = len(gzip.compress((PACKAGE / name).read_bytes(), 9))
    assert size <= 6 * 1024, size


@pytest.fixture
def project(tmp_path):
    """A folder with the package in node_modules, unpacked from what npm packs."""
    folder = tmp_path / "node_modules/@martlet"
    folder.mkdir(parents=True)
    if shutil.which("npm"):
        # Nothing is fetched, and nothing is written to the home of the user.
        env = {**os.environ, "npm_config_cache": str(tmp_path / "cache"), "npm_config_update_notifier": "false", "npm_config_offline": "true"}
        [packed] = json.loads(run("npm", "pack", "--json", "--pack-destination", tmp_path, PACKAGE, env=env))
        assert packed["name"] == "@martlet/client" and packed["version"] == VERSION
        with tarfile.open(next(tmp_path.glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
        (folder / "package").rename(folder / "client")
    else:
        # What npm packs without being told to, and what it is told to pack.
        (folder / "client").mkdir()
        for name in ("LICENSE", "README.md", "package.json", *json.loads((PACKAGE / "package.json").read_text())["files"]):
            shutil.copy(PACKAGE / name, folder / "client")
    return tmp_path


def test_the_npm_package_is_whole(project):
    folder = project / "node_modules/@martlet/client"
    assert {path.name for path in folder.iterdir()} == {path.name for path in PACKAGE.iterdir()} == {
        "LICENSE", "README.md", "package.json", "martlet.js", "martlet.mjs", "martlet.cjs", "martlet.d.ts", "martlet.d.mts"}
    described = json.loads((folder / "package.json").read_text())
    for path in re.findall(r'"(\./[^"]+)"', json.dumps(described)):
        assert (folder / path).is_file(), path


@pytest.mark.parametrize("name, text", [
    ("page.mjs", 'import { Martlet } from "@martlet/client";'), ("page.cjs", 'const { Martlet } = require("@martlet/client");')])
def test_node_imports_the_package(project, serve, name, text):
    server = serve()
    file = project / name
    file.write_text(text + f"""
        const martlet = new Martlet({{ url: "http://{server.address}", token: "jack", json: true }});
        martlet.subscribe("alerts", data => {{ console.log(data.text, typeof globalThis.Martlet); martlet.close(); }});""")
    with subprocess.Popen([*NODE, file], stdout=subprocess.PIPE, text=True) as process:
        try:
            eventually(lambda: push(server, '{"text":"It rains"}') == 1, "it is subscribed")
            assert process.communicate(timeout=PATIENCE) == ("It rains undefined\n", None)
        finally:
            process.kill()


def check_types(folder, files, module, resolution, **options):
    (folder / "tsconfig.json").write_text(json.dumps({"files": files, "compilerOptions": {
        "noEmit": True, "strict": True, "target": "es2022", "lib": ["es2022", "dom"], "types": [], "module": module,
        "moduleResolution": resolution, **options}}))
    run("tsc", "--project", folder)


PAGE = """
    {imports}
    const martlet: Martlet = new Martlet({{ url: new URL("https://example.com"), token: async () => "jack", transports: ["sse"] }});
    const stop: () => void = martlet.subscribe("alerts", (data, {{ id, transport }}) => {{
        const text: string = data, where: string | undefined = id, how: Transport = transport;
        console.log(text, where, how);
    }});
    martlet.subscribe<{{ price: number }}>("prices", ({{ price }}, message) => {{ console.log(price.toFixed(2), message.data.price); }});
    martlet.on("state", (state, transport, wait) => {{ if (state === "waiting") console.log(wait! / 1000, transport); }})
        .on("gap", events => {{ console.log(events.length); }}).off("error", console.error);
    martlet.on("error", error => {{ if (error.final) stop(); }});
    // @ts-expect-error data is text
    martlet.subscribe("alerts", data => data.price);
    // @ts-expect-error there is no such event
    martlet.on("open", () => {{}});
    // @ts-expect-error there is no such transport
    new Martlet({{ transports: ["pigeon"] }});
"""


@pytest.mark.parametrize("module, resolution", [("node16", "node16"), ("es2022", "node")])
def test_the_declarations_are_right(project, module, resolution):
    names = ["module.mts", "common.cts", "page.ts"]
    for name in names:
        (project / name).write_text(PAGE.format(imports='import { Martlet, type Transport } from "@martlet/client";'))
    check_types(project, names, module, resolution)


def test_the_react_hook_of_the_documents(project, serve, browser):
    documented = re.search(r"```ts\n(import .*?useMartlet.*?)```", (ROOT / "docs/event-streams.md").read_text(), re.S)[1]
    assert documented == HOOK.read_text()
    (project / "useMartlet.ts").write_text(documented)
    (project / "page.tsx").write_text("""
        import { createElement, useState } from "react";
        import { createRoot } from "react-dom/client";
        import { Martlet } from "@martlet/client";
        import { useMartlet } from "./useMartlet";

        const martlet = new Martlet({ token: "jack", json: true, share: false });

        function Prices({ event }: { event: string }) {
            const [prices, add] = useState<string[]>([]);
            const state = useMartlet<{ price: number }>(martlet, event, ({ price }) => add(old => [...old, `${event} ${price}`]));
            return createElement("p", {}, `${event} ${state} ${prices.join()}`);
        }

        (globalThis as any).show = (event?: string) => root.render(event ? createElement(Prices, { event }) : null);
        const root = createRoot(document.body);
    """)
    for name in ("react", "react-dom", "scheduler", "loose-envify", "js-tokens", "@types"):
        (project / "node_modules" / name).symlink_to(f"{MODULES}/{name}")
    check_types(project, ["page.tsx"], "es2022", "node", skipLibCheck=True)
    run("esbuild", "--bundle", "--preserve-symlinks", "--outfile=page.js", '--define:process.env.NODE_ENV="production"', "page.tsx", cwd=project)
    server = serve()
    browser.get(f"http://{server.address}/healthz")
    browser.execute_script((project / "page.js").read_text() + "show('prices');")

    def text():
        return browser.execute_script("return document.body.textContent")

    eventually(lambda: text() == "prices open ", lambda: text())
    for number in range(3):
        push(server, json.dumps({"price": number}), event="prices")
    eventually(lambda: text() == "prices open prices 0,prices 1,prices 2", lambda: text())
    browser.execute_script("show('others')")
    eventually(lambda: push(server, '{"price":7}', event="others") == 1 and push(server, "{}", event="prices") == 0, "it changes over")
    eventually(lambda: text().startswith("others open prices 0,prices 1,prices 2,others 7"), lambda: text())
    browser.execute_script("show()")
    eventually(lambda: server.metric("martlet_sessions") == 0, "nothing is subscribed to")
