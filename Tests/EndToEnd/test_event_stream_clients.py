"""Streams read by the clients of others: curl, httpx-sse, sseclient-py."""
import subprocess

import httpx
import httpx_sse
import sseclient

from support.event_stream import push, query
from support.waiting import PATIENCE, eventually


def test_curl(serve):
    server = serve()
    curl = subprocess.Popen(["curl", "-sN", f"http://{server.address}/sse?{query()}"], stdout=subprocess.PIPE, text=True)
    eventually(lambda: push(server, "hello") == 1, "curl is there")
    assert "data: hello\n" in iter(curl.stdout.readline, "")
    curl.kill()
    curl.wait()


def test_httpx_sse(serve):
    server = serve()
    with httpx.Client(timeout=PATIENCE) as client:
        with httpx_sse.connect_sse(client, "GET", f"http://{server.address}/sse?{query()}") as source:
            events = (event for event in source.iter_sse() if event.data)
            eventually(lambda: push(server, "hello") == 1, "it is there")
            event = next(events)
            assert (event.event, event.data) == ("alerts", "hello") and event.id.startswith("alerts~")


def test_sseclient_py(serve):
    server = serve()
    with httpx.Client(timeout=PATIENCE) as client:
        with client.stream("GET", f"http://{server.address}/sse?{query()}") as response:
            eventually(lambda: push(server, "hello") == 1, "it is there")
            event = next(event for event in sseclient.SSEClient(response.iter_bytes()).events() if event.data)
            assert (event.event, event.data) == ("alerts", "hello")
