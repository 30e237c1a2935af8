"""Clients that others wrote: Python's websockets and gorilla/websocket."""
import asyncio
import json
import subprocess

import pytest
import websockets

from support.paths import ROOT
from support.waiting import PATIENCE

GORILLA = ROOT / ".cache/gorilla-client"


def test_python_websockets(serve):
    server = serve()

    async def talk():
        async with websockets.connect(f"ws://{server.address}/ws") as client:
            await client.send(json.dumps({"token": "jack", "event": "alerts"}))
            await client.send(json.dumps({"token": "jack", "event": "prices"}).encode())
            await asyncio.to_thread(server.push_until, "jack", "prices", "12.50", 1)
            await asyncio.to_thread(server.push, "jack", "alerts", "grüße 😀" * 1000)
            assert await client.recv() == "12.50"
            assert await client.recv() == "grüße 😀" * 1000
            await (await client.ping())
            await asyncio.to_thread(server.post, "/drop", {"userId": "jack", "event": ""})
            with pytest.raises(websockets.ConnectionClosedOK):
                await client.recv()
            assert client.close_code == 1000

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


def test_python_websockets_against_echo(start):
    server = start("echo", "--listen", "127.0.0.1:0")

    async def talk():
        async with websockets.connect(f"ws://{server.address}/echo", max_size=None) as client:
            for message in ("", "x", "é" * 30_000, b"", b"\x00" * 200, bytes(range(256)) * 3000):
                await client.send(message)
                assert await client.recv() == message
            await client.send(["frag", "men", "ted"])
            assert await client.recv() == "fragmented"

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


def test_gorilla(serve):
    """gorilla registers two events, gets a message of each, answers a drop: see clients/gorilla/main.go."""
    server = serve()
    client = subprocess.Popen(
        [GORILLA, f"ws://{server.address}/ws", "jack", "alerts", "prices"], stdout=subprocess.PIPE, text=True)
    try:
        for event in ("alerts", "prices"):
            server.push_until("jack", event, f"a message of {event}", 1)
        assert [client.stdout.readline() for _ in range(2)] == [
            "text a message of alerts\n", "text a message of prices\n"]
        assert server.post("/drop", {"userId": "jack", "event": ""})[1] == '{"dropped":1}'
        assert client.stdout.readline() == "closed 1000 dropped by the server\n"
        assert client.wait(PATIENCE) == 0
    finally:
        client.kill()
        client.wait()
