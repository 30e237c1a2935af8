"""Whom streams and polls refuse: tokens, origins, host names, wrong requests."""
import pytest

from support.event_stream import Stream, query
from support.request import request


@pytest.mark.parametrize("path", ["/sse", "/poll"])
def test_refusals(serve, tmp_path, path):
    tokens = tmp_path / "tokens"
    tokens.write_text("secret jack\n")
    server = serve("--token-file", str(tokens), "--origin", "https://good.example")
    assert request(server, f"{path}?event=a")[0] == 401
    assert request(server, f"{path}?event=a")[1]["WWW-Authenticate"] == "Bearer"
    assert request(server, f"{path}?event=a&token=wrong")[0] == 401
    for wrong in ("", "?token=secret", "?token=secret&event=", f"?token=secret&event={'a' * 256}", "?event=%zz",
                  "?event=a&wait=61", "?event=a&wait=x", "?event=a&encoding=xml",
                  "?token=secret&" + "&".join(f"event={n}" for n in range(129))):
        assert request(server, path + wrong)[0] == 400, wrong
    assert request(server, f"{path}?event=a&token=")[0] == 401
    # A page that may not connect can read why: browsers ask first whether it may send a token.
    evil = {"Origin": "https://evil.example"}
    for method, expected in (("OPTIONS", 204), ("GET", 403)):
        status, headers = request(server, f"{path}?event=a&token=secret", evil, method)
        assert (status, headers["Access-Control-Allow-Origin"]) == (expected, "https://evil.example")
    assert request(server, f"{path}?event=a", {"Authorization": "Bearer"})[0] == 400
    assert request(server, f"{path}?token=secret&event=a%0Ab")[0] == 400
    long = "&".join(f"event={number}{'n' * 100}" for number in range(60))  # whose id would not fit into a request
    assert request(server, f"{path}?token=secret&{long}")[0] == 400
    cookie = {"Cookie": "martlet_token=secret", "Origin": "https://good.example"}
    assert request(server, f"{path}?event=a", cookie)[0] == 401  # cookies are for pages of the same host
    for method in ("POST", "PUT", "DELETE"):
        status, headers = request(server, path, method=method)
        assert status == 405 and headers["Allow"] == "GET, OPTIONS"
    status, headers = request(server, path, {"Origin": "https://good.example"}, "OPTIONS")
    assert status == 204 and "Authorization" in headers["Access-Control-Allow-Headers"]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"
    assert not any("secret" in line for line in server.log + server.output)
    assert server.metric("martlet_registrations_refused_total") >= 15


@pytest.mark.parametrize("path", ["/sse", "/poll"])
def test_a_page_of_another_origin_can_read_when_to_come_back(serve, path):
    server = serve("--limits-connections-per-address", "1", "--origin", "https://good.example")
    stream = Stream(server)
    stream.next()
    status, headers = request(server, f"{path}?event=a&token=jack", {"Origin": "https://good.example"})
    assert status == 429 and headers["Retry-After"]
    assert headers["Access-Control-Allow-Origin"] == "https://good.example"


def test_a_host_name_that_was_made_to_point_here(serve):
    """DNS rebinding: a browser says no Origin with a GET of the same host."""
    server = serve()
    for path in ("/sse", "/poll"):
        assert request(server, f"{path}?{query()}&after=alerts~1.1", {"Host": "evil.example"})[0] == 403
        assert request(server, f"{path}?{query()}&after=alerts~1.1", {"Host": "localhost:1"})[0] == 200
