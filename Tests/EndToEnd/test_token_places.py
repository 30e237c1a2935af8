"""Where a token may stand, and what else `Authorization` may say: a password of a site in front is none of our business."""
import urllib.request

import httpx
import pytest

from support.browser import wait
from support.event_stream import push
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

TRANSPORTS = ["sse", "poll", "websocket"]
OTHERS = ["Basic dXNlcjpwYXNzd29yZA==", "Basic", "basic x", 'Digest username="jack", realm="a, b", uri="/"', "Negotiate YII=", "NTLM TlRMTVNTUAAB",
          "Token secret", "Bearerer secret", "AWS4-HMAC-SHA256 Credential=a/b, Signature=c", "secret"]
MALFORMED = ["Bearer", "Bearer a b", "bearer", "Bearer a,b", "BEARER a b"]


@pytest.fixture
def server(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\nother jill\n")
    return serve("--token-file", str(tokens))


def comes_in(server, transport, query="", headers={}):
    """Whether a client is let in: 200 or 101 and no close; otherwise the status, or the close code with its reason."""
    path = "event=alerts" + (f"&{query}" if query else "")
    if transport == "websocket":
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        client = RawClient(server.address, f"/ws?{path}", f"Sec-WebSocket-Protocol: martlet\r\n{fields}")
        first, payload = client.read_frame()
        client.close()
        return True if first == 0x81 else int.from_bytes(payload[:2], "big")
    url = f"http://{server.address}/{transport}?{path}&wait=0" if transport == "poll" else f"http://{server.address}/sse?{path}"
    with httpx.stream("GET", url, headers=headers, timeout=PATIENCE) as answer:
        return True if answer.status_code == 200 else answer.status_code


def test_where_a_token_may_stand(server):
    for headers, in_query in (({"Authorization": "Bearer secret"}, "other"), ({}, "secret"),
                              ({"Cookie": "a=b; martlet_token=secret"}, None), ({"Cookie": "martlet_token=other"}, "secret")):
        url = f"http://{server.address}/sse?event=alerts" + (f"&token={in_query}" if in_query else "")
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=PATIENCE):
            eventually(lambda: push(server, 1) == 1, "it is jack's")
        eventually(lambda: server.metric("martlet_sessions") == 0, "it has ended")


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_another_scheme_is_somebody_elses_business(server, transport):
    cookie = {"Cookie": "martlet_token=secret"}
    for other in OTHERS:
        header = {"Authorization": other}
        assert comes_in(server, transport, "token=secret", header) is True, other
        assert comes_in(server, transport, "", {**cookie, **header}) is True, other
        assert comes_in(server, transport, "token=other", {**cookie, **header}) is True, other
        # Without a token, or with a wrong one, nobody comes in: as if the header were not there.
        for query in ("", "token=wrong"):
            assert comes_in(server, transport, query, header) == (1008 if transport == "websocket" else 401), other


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_malformed_bearer_is_an_error(server, transport):
    for wrong in MALFORMED:
        assert comes_in(server, transport, "token=secret", {"Authorization": wrong}) in (400, 401, 1008), wrong


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_token_of_ones_own_takes_precedence(server, transport):
    assert comes_in(server, transport, "token=wrong", {"Authorization": "bearer secret"}) is True
    assert comes_in(server, transport, "token=secret", {"Authorization": "Bearer wrong"}) == (1008 if transport == "websocket" else 401)


def test_whoever_has_no_token_is_the_anonymous_user(serve, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens), "--anonymous-user", "guest")
    for transport in TRANSPORTS:
        for other in OTHERS[:4]:
            assert comes_in(server, transport, "", {"Authorization": other}) is True


def test_so_it_is_with_api_keys(serve):
    server = serve(env={"MARTLET_API_KEY": "a secret of the back end's"})
    calls = (("/push", {"userId": "jack", "event": "e", "message": "x"}), ("/drop", {"userId": "jack"}), ("/api/info", {}))
    for path, body, other in ((*call, other) for call in calls for other in OTHERS[:6]):
        assert server.post(path, body, {"X-API-Key": "a secret of the back end's", "Authorization": other})[0] == 200
        assert server.post(path, body, {"Authorization": other})[0] == 401


def test_a_page_behind_a_password(serve, tmp_path, browser):
    """Browsers add the password to every request of its host."""
    passwords, tokens = tmp_path / "passwords", tmp_path / "tokens"
    passwords.write_text("t0p-secret jack\n")
    tokens.write_text("secret jack\n")
    server = serve("--console-password-file", str(passwords), "--token-file", str(tokens))
    browser.get(f"http://jack:t0p-secret@{server.address}/")
    browser.execute_script("""
        window.opened = []; window.martlets = [];
        import("/martlet.js").then(() => {
            for (const transport of ["websocket", "sse", "poll"]) {
                const martlet = new Martlet({ token: "secret", transports: [transport], share: false });
                martlet.on("state", state => { if (state === "open") opened.push(transport); });
                martlet.on("error", error => opened.push(`${transport}: ${error.message}`));
                martlet.subscribe("alerts", () => {});
                martlets.push(martlet);
            }
            window.source = new EventSource("/sse?event=alerts&token=secret");
            source.onopen = () => opened.push("EventSource");
            source.onerror = () => opened.push("EventSource: error");
        });""")
    wait(browser, lambda: len(browser.execute_script("return opened")) >= 4, "all four have an answer")
    assert sorted(browser.execute_script("return opened")) == ["EventSource", "poll", "sse", "websocket"]
    browser.execute_script("martlets.forEach(martlet => martlet.close()); source.close()")
