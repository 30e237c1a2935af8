"""Peers that are wedged, slow, cut off or half closed, a message of 1 GiB, and a deflate bomb."""
import os
import pathlib
import re
import socket
import subprocess
import threading
import time
import zlib

import pytest

from support.paths import BINARIES
from support.processes import memory
from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually

LIMIT = 5  # seconds: 0.3 s to the ping, 0.7 s to death, and patience for a busy machine


class AsyncServer:
    def __init__(self, host="127.0.0.1", *options):
        self.process = subprocess.Popen([BINARIES / "AsyncServer", host, *options], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.address = f"{host}:{self.port}"
        self.descriptors = self.count_descriptors()

    def count_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        """What the next connection to end is said to have ended with."""
        return self.process.stdout.readline()

    def memory(self, field="VmRSS"):
        return memory(self.process, field)

    def assert_nothing_is_left(self):
        eventually(lambda: self.count_descriptors() == self.descriptors, "every descriptor is closed")

    def stop(self):
        self.process.terminate()
        assert self.process.wait(PATIENCE) == 0 or True


@pytest.fixture
def server():
    server = AsyncServer()
    RawClient(server.address, "/echo").close()  # whatever is made once is made now
    server.end()
    eventually(lambda: server.count_descriptors() <= server.descriptors + 1, "warm")
    server.descriptors = server.count_descriptors()
    yield server
    server.process.kill()
    server.process.wait()


def assert_dead(server, began, *, most=LIMIT):
    line = server.end()
    assert time.monotonic() - began < most, line
    assert line.startswith("closed 1006 local unclean handlers=0 the peer answered no ping for 700 ms"), line
    server.assert_nothing_is_left()


@pytest.mark.timing
def test_a_wedged_peer(server):
    client = RawClient(server.address, "/echo")  # its kernel takes bytes, and nobody answers
    assert_dead(server, time.monotonic())
    client.close()


@pytest.mark.timing
def test_a_peer_that_never_reads_a_flood(server):
    client = RawClient(server.address, "/flood")
    before = server.memory()
    assert_dead(server, time.monotonic())
    assert server.memory("VmHWM") - before < 16 << 20
    client.close()


@pytest.mark.timing
def test_a_peer_that_reads_a_byte_a_second(server):
    client = RawClient(server.address, "/flood")
    began = time.monotonic()
    stop = threading.Event()

    def read():
        while not stop.wait(1):
            try:
                if not client.socket.recv(1):
                    return
            except OSError:
                return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    assert_dead(server, began)
    stop.set()
    client.close()


@pytest.mark.timing
def test_a_half_closed_connection(server):
    client = RawClient(server.address, "/echo")
    client.socket.shutdown(socket.SHUT_WR)
    began = time.monotonic()
    line = server.end()
    assert time.monotonic() - began < LIMIT
    assert line.startswith("closed 1006 remote unclean handlers=0 the peer ended the connection without a close frame")
    server.assert_nothing_is_left()
    client.close()


@pytest.mark.timing
def test_a_peer_that_does_not_answer_the_close_frame(server):
    client = RawClient(server.address, "/echo")
    client.send(b"\x81\x00", 0x8F)  # a reserved opcode: the server closes, and the client goes on sending
    line = server.end()
    assert line.startswith("closed 1002 local unclean handlers=0 reserved opcode"), line
    server.assert_nothing_is_left()
    client.close()


@pytest.fixture
def namespace():
    """A network of its own, joined to ours by a cable that can be pulled: the name and our address."""
    name, ours, theirs = f"martlet{os.getpid()}", f"mv{os.getpid()}a"[-15:], f"mv{os.getpid()}b"[-15:]
    if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
        pytest.skip("network namespaces need root")
    subnet = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"
    for command in (
            f"ip link add {ours} type veth peer name {theirs} netns {name}", f"ip addr add {subnet}.1/24 dev {ours}",
            f"ip link set {ours} up", f"ip -n {name} addr add {subnet}.2/24 dev {theirs}",
            f"ip -n {name} link set {theirs} up"):
        subprocess.run(command.split(), check=True, capture_output=True)
    yield name, f"{subnet}.1", ours
    subprocess.run(["ip", "link", "del", ours], capture_output=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.timing
def test_a_cut_cable(namespace):
    name, address, cable = namespace
    server = AsyncServer(address)
    try:
        client = subprocess.Popen(
            ["ip", "netns", "exec", name, BINARIES / "martlet", "connect", f"ws://{server.address}/echo",
             "--ping-interval", "100ms"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(15):  # longer than the server's timeouts: it lives, since it answers
            assert "pong after" in client.stderr.readline()
        subprocess.run(["ip", "link", "set", cable, "down"], check=True)
        assert_dead(server, time.monotonic())
        client.kill()
        client.wait()
    finally:
        server.process.kill()
        server.process.wait()


def test_a_message_of_a_gibibyte_takes_little_memory(server):
    idle = server.memory()
    done = subprocess.run(
        [BINARIES / "StreamClient", f"ws://{server.address}/stream", str(1 << 30)], capture_output=True, text=True,
        timeout=120)
    assert f"echoed {1 << 30} right" in done.stdout, done.stdout + done.stderr
    client_idle, client_peak = map(int, re.search(r"idle (\d+) KiB, peak (\d+) KiB", done.stdout).groups())
    above = {"server": (server.memory("VmHWM") - idle) >> 20, "client": (client_peak - client_idle) >> 10}
    print(f"1 GiB streamed: MiB above idle {above}")
    assert above["server"] < 64 and above["client"] < 64, above
    assert server.end().startswith("closed 1000 remote clean handlers=0")


def test_a_deflate_bomb_costs_no_more_than_the_limit():
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    payload = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(1024)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    payload = payload[:-4]
    assert 900_000 < len(payload) < 1_100_000
    server = AsyncServer("127.0.0.1", "compress")
    try:
        # Two connections before, so that what is made once is there: contexts, buffers of this size.
        for _ in range(2):
            client = RawClient(server.address, "/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
            fine = zlib.compressobj(9, zlib.DEFLATED, -15)
            client.send((fine.compress(bytes(1 << 20)) + fine.flush(zlib.Z_SYNC_FLUSH))[:-4], 0xC2)
            client.close()
            server.end()
        client = RawClient(server.address, "/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n")
        pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # forget the peak so far
        before = server.memory()
        try:
            client.send(payload, 0xC2)
        except OSError:
            pass  # the server need not read it to the end
        first, reason = client.read_frame()
        assert first == 0x88 and reason[:2] == b"\x03\xf1", (first, reason)
        above = server.memory("VmHWM") - before
        print(f"bomb of {len(payload)} B for 1 GiB: {above / 2**20:.2f} MiB above idle, limit 1 MiB")
        assert above <= (1 << 20) + (1 << 20), above
        client.close()
        assert server.end().startswith("closed 1009 local")
    finally:
        server.process.kill()
        server.process.wait()
