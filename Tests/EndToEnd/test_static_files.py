"""How files of the binary are answered: martlet.js for pages, and the console."""
import base64
import gzip
import hashlib
import json
import re

import httpx
import pytest

from support.paths import PACKAGE, ROOT

VERSION = json.loads((PACKAGE / "package.json").read_text())["version"]
SCRIPTS = {"martlet.js": "text/javascript", "martlet.mjs": "text/javascript", "martlet.d.ts": "application/typescript"}


def get(server, path, coding="gzip", method="GET", **headers):
    """The answer, and its body as it is on the wire."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if coding is None:
        request = httpx.Request(method, f"http://{server.address}{path}", headers=headers)
    else:
        request = httpx.Request(method, f"http://{server.address}{path}", headers={"Accept-Encoding": coding, **headers})
    with httpx.Client() as client:
        answer = client.send(request, stream=True)
        body = b"".join(answer.iter_raw())
    return answer, body


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_small_on_the_wire_and_fetched_once(serve, name):
    server = serve()
    file = (PACKAGE / name).read_bytes()
    for path, cache in ((f"/{name}", "public, no-cache"), (f"/martlet/{VERSION}/{name}", "public, max-age=31536000, immutable")):
        answer, body = get(server, path)
        assert answer.status_code == 200 and len(body) <= 6 * 1024 and gzip.decompress(body) == file
        fields = answer.headers
        assert fields["Content-Encoding"] == "gzip" and int(fields["Content-Length"]) == len(body)
        assert fields["Content-Type"] == f"{SCRIPTS[name]}; charset=utf-8" and fields["Vary"] == "Accept-Encoding"
        assert fields["Cache-Control"] == cache and fields["Access-Control-Allow-Origin"] == "*"
        assert re.fullmatch(r'"[^"]+"', fields["ETag"]), "a strong tag"
        again, nothing = get(server, path, If_None_Match=f'"other", W/{fields["ETag"]}')
        assert again.status_code == 304 and nothing == b"" and again.headers["ETag"] == fields["ETag"]
        assert again.headers["Cache-Control"] == cache and again.headers["Vary"] == "Accept-Encoding"
        plain, body = get(server, path, coding="identity")
        assert body == file and "Content-Encoding" not in plain.headers and plain.headers["ETag"] != fields["ETag"]
        other, _ = get(server, path, coding="identity", If_None_Match=fields["ETag"])
        assert other.status_code == 200, "the tag names the compressed bytes"
        head, nothing = get(server, path, method="HEAD")
        assert head.status_code == 200 and nothing == b"" and head.headers["ETag"] == fields["ETag"]
    assert get(server, f"/martlet/0.0.0/{name}")[0].status_code == 404


@pytest.mark.parametrize("coding, is_compressed", [
    ("gzip, deflate, br", True), ("br;q=1, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("br", False), ("*, gzip;q=0", False)])
def test_gzip_is_for_those_who_take_it(serve, coding, is_compressed):
    answer, _ = get(serve(), "/martlet.js", coding)
    assert (answer.headers.get("Content-Encoding") == "gzip") is is_compressed


@pytest.mark.parametrize("document", [ROOT / "docs/event-streams.md", PACKAGE / "README.md"], ids=lambda path: path.name)
def test_the_documented_script_element_loads(serve, browser, document):
    """Its hash is that of the script: the browser checks it."""
    server = serve()
    element = re.search(r'<script src="https://push.example.com(/martlet/[^"]+)"\s+integrity="(sha384-[^"]+)"', document.read_text())
    path, integrity = element.groups()
    digest = hashlib.sha384(get(server, path, "identity")[1]).digest()
    assert integrity == "sha384-" + base64.b64encode(digest).decode()
    browser.get(f"http://{server.address}/healthz")
    load = """
        const [src, integrity, done] = arguments, script = document.createElement("script");
        Object.assign(script, { src, integrity, crossOrigin: "anonymous", onload: () => done(typeof Martlet), onerror: () => done("error") });
        document.head.append(script);"""
    other = serve()
    assert browser.execute_async_script(load, f"http://{other.address}{path}", integrity) == "function"
    assert browser.execute_async_script(load, f"http://{other.address}{path}?", "sha384-" + "A" * 64) == "error"


def test_files_of_the_console_are_compressed_and_have_tags(serve, start):
    for server in (serve(), start("echo", "--listen", "127.0.0.1:0")):
        for path in ("/", "/console/console.css", "/console/try.js"):
            answer, body = get(server, path)
            assert answer.headers["Content-Encoding"] == "gzip" and answer.headers["Cache-Control"] == "private, no-cache", path
            plain, whole = get(server, path, None)
            assert gzip.decompress(body) == whole and len(body) < len(whole) / 2
            assert get(server, path, If_None_Match=answer.headers["ETag"])[0].status_code == 304
            assert plain.headers["Content-Security-Policy"] == answer.headers["Content-Security-Policy"]


def test_no_endpoint_takes_the_paths_of_the_script(start):
    for path in ("/martlet.mjs", "/martlet.d.ts", "/martlet/ws"):
        with pytest.raises(AssertionError, match="another endpoint has this path|below /martlet/"):
            start("serve", "--listen", "127.0.0.1:0", "--ws-path", path)
