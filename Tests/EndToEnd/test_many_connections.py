"""Ten thousand connections come, register, get one push each, and go."""
import asyncio
import json
import resource

import pytest

from support.raw_client import RawClient
from support.waiting import eventually

COUNT = 10_000
HANDSHAKE = ("GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").encode()


async def connect(server, number):
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(HANDSHAKE + RawClient.frame(0x81, json.dumps({"token": f"user{number}", "event": "alerts"}).encode()))
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def in_turns(count, at_once, work):
    gate = asyncio.Semaphore(at_once)

    async def one(number):
        async with gate:
            return await work(number)

    return await asyncio.gather(*(one(number) for number in range(count)))


async def push(server, connection, number):
    """One push on a keep-alive HTTP connection."""
    reader, writer = connection
    body = json.dumps({"userId": f"user{number}", "event": "alerts", "message": f"message {number}"}).encode()
    writer.write(b"POST /push HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await reader.readexactly(length)


async def round_of(server, count):
    clients = await in_turns(count, 200, lambda number: connect(server, number))
    await asyncio.to_thread(eventually, lambda: server.metric("martlet_channels") == count, "all are registered", 60)
    full = server.rss()
    connection = await asyncio.open_connection("127.0.0.1", server.port)
    for number in range(count):
        assert await push(server, connection, number) == b"message sent to 1 clients"
    for number, (reader, writer) in enumerate(clients):
        message = f"message {number}".encode()
        assert await reader.readexactly(2 + len(message)) == bytes([0x81, len(message)]) + message
    for number, (reader, writer) in enumerate(clients):
        if number % 2:
            writer.write(RawClient.frame(0x88, b"\x03\xe8"))  # half of them properly, half of them not
        writer.close()
    connection[1].close()
    await asyncio.to_thread(eventually, lambda: server.metric("martlet_sessions") == 0, "all have gone", 60)
    assert server.metric("martlet_channels") == 0
    return full


def test_ten_thousand_come_and_go(serve):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < COUNT + 500:
        pytest.fail(f"this machine allows {hard} descriptors a process; the test needs {COUNT + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, COUNT + 500), hard))
    server = serve("--log-level", "warning")
    # Whatever a server makes once and keeps has been made: code is paged in, tables have grown.
    asyncio.run(round_of(server, 1000))
    before = server.rss()
    full = asyncio.run(round_of(server, COUNT))
    eventually(lambda: server.rss() <= before * 1.1, f"RSS is back at {before}", 30)
    after = server.rss()
    print(f"RSS {before / 1e6:.1f} MB before, {full / 1e6:.1f} MB with {COUNT} connections "
          f"({(full - before) / COUNT / 1024:.1f} KiB each), {after / 1e6:.1f} MB after")
