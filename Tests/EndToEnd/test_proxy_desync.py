"""Requests and answers that two servers could read in different ways: the proxy refuses them, or forwards what has only
one meaning. The table of docs/proxy-desync.md is made from CASES: python3 Tests/EndToEnd/test_proxy_desync.py"""
import pathlib
import re
import socket
import threading

from support.paths import ROOT
from support.waiting import PATIENCE

if __name__ != "__main__":
    import pytest

UPGRADE = ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SWITCH = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
DOCUMENT = "docs/proxy-desync.md"


class Case:
    """A request, what the upstream answers it, and what must come of it.

    statuses: of the answers to the client, in order. requests: the paths that the upstream sees, in order.
    closed: whether the client's connection ends behind them.
    """

    def __init__(self, title, request, statuses, requests=(), answer=OK, closed=True, forbidden="/smuggled", why=""):
        self.title, self.request, self.statuses, self.requests = title, request, statuses, list(requests)
        self.answer, self.closed, self.forbidden, self.why = answer, closed, forbidden, why


def post(headers, body):
    return f"POST /a HTTP/1.1\r\nHost: a\r\n{headers}\r\n{body}"


CASES = [
    # Framing of requests
    Case("Transfer-Encoding and Content-Length together", post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("Content-Length and Transfer-Encoding, in the other order", post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("two Content-Lengths that differ", post("Content-Length: 0\r\nContent-Length: 44\r\n", SMUGGLED), [400]),
    Case("two Content-Lengths that agree", post("Content-Length: 2\r\nContent-Length: 2\r\n", "ab"), [400]),
    Case("a list in Content-Length", post("Content-Length: 0, 44\r\n", SMUGGLED), [400]),
    Case("Content-Length +2", post("Content-Length: +2\r\n", "ab"), [400]),
    Case("Content-Length 0x2", post("Content-Length: 0x2\r\n", "ab"), [400]),
    Case("Content-Length -1", post("Content-Length: -1\r\n", "ab"), [400]),
    Case("Content-Length beyond 64 bits", post("Content-Length: 99999999999999999999\r\n", "ab"), [400]),
    Case("an empty Content-Length", post("Content-Length: \r\n", SMUGGLED), [400]),
    Case("Transfer-Encoding: xchunked", post("Transfer-Encoding: xchunked\r\n", f"0\r\n\r\n{SMUGGLED}"), [501]),
    Case("Transfer-Encoding: chunked, identity", post("Transfer-Encoding: chunked, identity\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("Transfer-Encoding: gzip, chunked", post("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"), [501]),
    Case("two Transfer-Encodings", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("Transfer-Encoding in HTTP/1.0", "POST /a HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, [400]),
    Case("Transfer-Encoding with a control character", post("Transfer-Encoding: \x0bchunked\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("a chunk size with a sign", post("Transfer-Encoding: chunked\r\n", "+2\r\nab\r\n0\r\n\r\n"), [400]),
    Case("a chunk size beyond 64 bits", post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nab\r\n0\r\n\r\n"), [400]),
    Case("a chunk that is longer than its size", post("Transfer-Encoding: chunked\r\n", "1\r\nabc\r\n0\r\n\r\n"), [400]),
    Case("a chunk that ends with a bare LF", post("Transfer-Encoding: chunked\r\n", "2\nab\n0\n\n"), [400]),
    Case("a proper chunked body, a request behind it", post("Transfer-Encoding: chunked\r\n", "2\r\nab\r\n0\r\n\r\n") + "GET /b HTTP/1.1\r\nHost: a\r\n\r\n", [200, 200], ["/a", "/b"], closed=False, why="both are answered, in order"),
    # Headers
    Case("a header continued on the next line (obs-fold)", "GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n 2\r\n\r\n", [400]),
    Case("a Transfer-Encoding continued on the next line", post("Transfer-Encoding:\r\n chunked\r\n", f"0\r\n\r\n{SMUGGLED}"), [400]),
    Case("a space before the colon", post("Content-Length : 44\r\n", SMUGGLED), [400]),
    Case("a space before the first header's name", "GET /a HTTP/1.1\r\n Host: a\r\n\r\n", [400]),
    Case("a header without a colon", "GET /a HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n", [400]),
    Case("a header with an empty name", "GET /a HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", [400]),
    Case("a bare LF between headers", "GET /a HTTP/1.1\r\nHost: a\nX-A: 1\r\n\r\n", [400]),
    Case("bare LFs only", "GET /a HTTP/1.1\nHost: a\n\n", [400]),
    Case("a bare CR in a header", "GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\rX-B: 2\r\n\r\n", [400]),
    Case("a NUL in a header", "GET /a HTTP/1.1\r\nHost: a\r\nX-A: 1\0\r\n\r\n", [400]),
    Case("no Host", "GET /a HTTP/1.1\r\n\r\n", [400]),
    Case("two Hosts", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [400]),
    Case("a Host with a path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", [400]),
    Case("a Host with a user", "GET /a HTTP/1.1\r\nHost: u@a\r\n\r\n", [400]),
    Case("Connection names X-Forwarded-For", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: X-Forwarded-For, close\r\n\r\n", [200], ["/a"], why="the upstream sees the header all the same"),
    # Request lines
    Case("HTTP/2.0 in a request line", "GET /a HTTP/2.0\r\nHost: a\r\n\r\n", [400]),
    Case("HTTP/0.9", "GET /a\r\n\r\n", [400]),
    Case("two spaces in the request line", "GET  /a HTTP/1.1\r\nHost: a\r\n\r\n", [200], ["/a"], closed=False, why="the upstream sees one"),
    Case("a dot segment", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    Case("an encoded dot segment", "GET /a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    Case("an encoded NUL", "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n", [400]),
    Case("an absolute target with another host", "GET http://b/a HTTP/1.1\r\nHost: a\r\n\r\n", [200], ["/a"], closed=False, why="RFC 9112, section 3.2.2: Host is replaced by the target's"),
    Case("CONNECT", f"CONNECT b:80 HTTP/1.1\r\nHost: b:80\r\n\r\n{SMUGGLED}", [405]),
    Case("TRACE", "TRACE /a HTTP/1.1\r\nHost: a\r\n\r\n", [405]),
    # Upgrades
    Case("an upgrade, and an upstream that agrees", UPGRADE + "\r\n", [101], ["/ws"], SWITCH, closed=False),
    Case("bytes behind an upgrade request", UPGRADE + "\r\n" + SMUGGLED, [400]),
    Case("an upgrade with a sized body", UPGRADE + f"Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}", [400]),
    Case("an upgrade with a chunked body", UPGRADE + f"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}", [400]),
    Case("Sec-WebSocket-Version 12", UPGRADE.replace("13", "12") + "\r\n", [426], closed=False, why="with Sec-WebSocket-Version: 13; the upstream does not see it"),
    Case("a malformed Sec-WebSocket-Key", UPGRADE.replace("dGhlIHNhbXBsZSBub25jZQ==", "short") + "\r\n", [400], closed=False),
    Case("POST with an upgrade", UPGRADE.replace("GET", "POST") + "\r\n", [405], closed=False),
    Case("an upgrade in HTTP/1.0", UPGRADE.replace("HTTP/1.1", "HTTP/1.0") + "\r\n", [400]),
    Case("Upgrade without Connection: Upgrade", UPGRADE.replace("Connection: Upgrade\r\n", "") + "\r\n", [200], ["/ws"], closed=False, why="plain HTTP: Upgrade is not passed on"),
    Case("Upgrade: h2c", "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n" + SMUGGLED, [200], ["/a"], why="plain HTTP, and the connection ends behind it"),
    # Upstreams' answers to an upgrade
    Case("an upgrade, and an upstream that answers 200", UPGRADE + "\r\n", [200], ["/ws"], closed=False, why="passed on as plain HTTP"),
    Case("a request behind a refused upgrade", [UPGRADE + "\r\n", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"], [200, 200], ["/ws", "/b"], closed=False, why="a request of its own, checked as any other"),
    Case("a 101 without Sec-WebSocket-Accept", UPGRADE + "\r\n", [502], ["/ws"], "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", closed=False),
    Case("a 101 with a wrong Sec-WebSocket-Accept", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("s3pP", "AAAA"), closed=False),
    Case("a 101 without Upgrade", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("Upgrade: websocket\r\n", ""), closed=False),
    Case("a 101 without Connection", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("Connection: Upgrade\r\n", ""), closed=False),
    Case("a 101 for another protocol", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("websocket", "h2c"), closed=False),
    Case("a 101 with a subprotocol that was not offered", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("\r\n\r\n", "\r\nSec-WebSocket-Protocol: x\r\n\r\n"), closed=False),
    Case("a 101 with an extension that was not offered", UPGRADE + "\r\n", [502], ["/ws"], SWITCH.replace("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"), closed=False),
    Case("a 101 that nobody asked for", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", [502], ["/a"], SWITCH),
    # Upstreams' framing
    Case("an answer with Transfer-Encoding and Content-Length", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", [502], ["/a"], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", closed=False),
    Case("an answer with two Content-Lengths", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", [502], ["/a"], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab", closed=False),
    Case("an answer with obs-fold", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", [502], ["/a"], "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n", closed=False),
    Case("no HTTP at all", "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", [502], ["/a"], "SSH-2.0-x\r\n", closed=False),
    Case("two answers to one request", ["GET /a HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b HTTP/1.1\r\nHost: a\r\n\r\n"], [200, 200], ["/a", "/b"], OK + OK.replace("ok", "no"), closed=False, forbidden="no", why="the second is thrown away with its connection"),
]


class Upstream:
    """Answers every request with the same bytes, and notes what it was asked."""

    def __init__(self, answer):
        self.answer, self.heads = answer.encode("latin-1"), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in data:
                    try:
                        part = connection.recv(65536)
                    except OSError:
                        return
                    if not part:
                        return
                    data += part
                head, data = data.split(b"\r\n\r\n", 1)
                self.heads.append(head.decode("latin-1"))
                chunked = re.search(rb"transfer-encoding: chunked", head, re.I)
                while chunked and b"0\r\n\r\n" not in data:
                    part = connection.recv(65536)
                    if not part:
                        return
                    data += part
                if chunked:
                    data = data.split(b"0\r\n\r\n", 1)[1]
                connection.sendall(self.answer)

    @property
    def paths(self):
        return [head.split(" ")[1] for head in self.heads]


def read_answers(client, count):
    """So many heads with their bodies; fewer when the connection ends."""
    data, answers = b"", []
    while len(answers) < count:
        found = re.match(rb"HTTP/1\.1 (\d+)[^\r]*\r\n(.*?)\r\n\r\n", data, re.S)
        if found:
            length = re.search(rb"content-length: (\d+)", found.group(2), re.I)
            chunked = re.search(rb"transfer-encoding: chunked", found.group(2), re.I)
            end = found.end() + (int(length.group(1)) if length and found.group(1) != b"101" else 0)
            if chunked:
                end = data.find(b"0\r\n\r\n", found.end()) + 5 if b"0\r\n\r\n" in data[found.end():] else 1 << 60
            if len(data) >= end:
                answers.append((int(found.group(1)), data[:end].decode("latin-1")))
                data = data[end:]
                continue
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            break
        if not part:
            break
        data += part
    return answers, data


def is_closed(client):
    """Whether the proxy has ended the connection: it does so right behind its last answer."""
    client.settimeout(PATIENCE)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


if __name__ != "__main__":
    @pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
    def test_desync(start, case):
        upstream = Upstream(case.answer)
        proxy = start("proxy", "--listen", "127.0.0.1:0", "--to", upstream.url, "--log-level", "critical")
        requests = case.request if isinstance(case.request, list) else [case.request]
        with socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as client:
            answers, rest = [], b""
            for index, request in enumerate(requests):
                client.sendall(request.encode("latin-1"))
                count = 1 if len(requests) > 1 else len(case.statuses)
                got, rest = read_answers(client, count)
                answers += got
            assert [status for status, _ in answers] == case.statuses, answers
            assert rest == b""
            assert upstream.paths == case.requests
            assert not any(case.forbidden in body for _, body in answers)
            if case.closed:
                assert is_closed(client)
            elif case.statuses != [101]:
                # The connection is of use still: the next request on it is understood.
                client.sendall(b"GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                got, _ = read_answers(client, 1)
                assert len(got) == 1
            if "X-Forwarded-For" in str(case.request):
                assert "X-Forwarded-For: 127.0.0.1" in upstream.heads[0]
        upstream.listener.close()

    def test_document():
        """docs/proxy-desync.md is this table."""
        assert (ROOT / DOCUMENT).read_text() == table(), f"run python3 {pathlib.Path(__file__).relative_to(ROOT)}"


def table():
    lines = [
        "# What two servers could read in different ways", "",
        "Requests that a proxy and a server behind it understand differently let one client's bytes pass for another's",
        "request (smuggling), or turn a connection into a tunnel that only one of the two knows of. `martlet proxy` refuses",
        "them, or passes on what has only one meaning. Each line is a test (`Tests/EndToEnd/test_proxy_desync.py`, which",
        "makes this table): the status is what the client gets, *reaches the upstream* what comes out on the other side,",
        "*lives on* whether the client's connection takes further requests.", "",
        "| what comes | status | reaches the upstream | lives on | |", "| --- | --- | --- | --- | --- |",
    ]
    for case in CASES:
        lines.append(f"| {case.title} | {', '.join(map(str, case.statuses))} | {', '.join(case.requests) or '–'} "
                     f"| {'no' if case.closed else 'yes'} | {case.why} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (ROOT / DOCUMENT).write_text(table())
