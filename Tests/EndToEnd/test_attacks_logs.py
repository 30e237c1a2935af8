"""Text of strangers in the log: cut, escaped, and unable to pass for something else."""
import json
import re
import unicodedata

import pytest

from support.attacks.keys import BIDI, CONTROL, hostile_origin
from support.raw_client import RawClient
from support.waiting import eventually


def line_with(server, text):
    """The first line of the log with a text."""
    eventually(lambda: any(text in line for line in server.log), lambda: f"{text} is logged: {server.log}")
    return next(line for line in server.log if text in line)


def is_plain(line):
    """Whether a terminal shows a line as it stands."""
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in line.rstrip("\n"))


def fields(line):
    """Names and values of a line of text, read as it is meant to be read: what has blanks, quotes or = stands in quotes."""
    found = re.findall(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|[^\s"=]*)(?=\s)', line)
    return {name: json.loads(value) if value.startswith('"') else value for name, value in found}


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_refused_origin_is_cut_and_escaped(serve, log_format):
    server = serve("--log-format", log_format)
    client = RawClient(server.address, handshake=False)
    client.send_handshake(headers=f"Origin: {hostile_origin()}\r\n")
    assert client.read_head().startswith(b"HTTP/1.1 403 ")
    line = line_with(server, "refused a request")
    assert "http://" in line and len(line) < 1000 and is_plain(line), line[:2000]


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("where", ["user", "event"])
def test_names_of_strangers_are_cut_and_escaped(serve, log_format, where):
    server = serve("--log-format", log_format, "--log-level", "debug")
    client = RawClient(server.address)
    # An event has no more than 255 bytes.
    hostile = CONTROL + BIDI + "\n\x1b[31m\u2028" + ("x" * 200 if where == "event" else "x" * 5000)
    client.register(*((hostile, "e") if where == "user" else ("jack", hostile)))
    line = line_with(server, "registered")
    assert len(line) < 1000 and is_plain(line), line[:2000]


@pytest.mark.parametrize("text", [
    "jack forged=1", 'jack" forged="1', "jack\\\" forged=1", "forged=1", "a=b", 'say "hello"', "back\\slash", " ", "-", "\u00e9t\u00e9"])
def test_a_text_in_the_log_forges_no_field(serve, text):
    server = serve("--log-level", "debug")
    client = RawClient(server.address)
    client.register(text, "e")
    said = fields(line_with(server, "registered"))
    assert said["user"] == text and "forged" not in said, said
    eventually(lambda: server.push(text, "e", "x") == 1, "it is that user")
