"""What the proxy does to messages when it is told to: limits, pings, idle tunnels, compression."""
import pytest
import websockets.exceptions

from support.proxy import metric, run_proxy, to
from support.raw_client import RawClient
from support.tunnel import client, echo
from support.waiting import eventually


@pytest.mark.parametrize("compression", [False, True], ids=["tunnel", "compressed"])
def test_limits_on_messages(start, tmp_path, compression):
    proxy = run_proxy(start, tmp_path, to(
        echo(start), webSocket={"messageSize": 1000, "messageRate": "5/s", "messageBurst": 3, "compression": compression}))
    with client(proxy) as one:
        one.send("x" * 1000)
        assert one.recv() == "x" * 1000
        one.send(["y" * 600, "y" * 600])
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            one.recv()
        assert closed.value.rcvd.code == 1009
    with client(proxy) as one:
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            for number in range(100):
                one.send(str(number))
            while True:
                one.recv()
        assert closed.value.rcvd.code == 1008
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1009") == 1, "1009 is counted")
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="1008") == 1, "1008 is counted")


def test_a_message_in_parts_beyond_the_rate(start, tmp_path):
    """The first part is refused; the others come all the same."""
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"messageRate": "1/s", "messageBurst": 1, "compression": True}))
    one = RawClient(proxy.address)
    frames = [RawClient.frame(0x81, b"one"), RawClient.frame(0x01, b"two")] + [RawClient.frame(0x00, b"...")] * 50
    one.socket.sendall(b"".join(frames) + RawClient.frame(0x80, b"!"))
    first, payload = one.read_frame()
    if first == 0x81:
        first, payload = one.read_frame()
    assert first == 0x88 and payload[:2] == (1008).to_bytes(2, "big")
    with client(proxy) as alive:
        alive.send("alive")
        assert alive.recv() == "alive"


@pytest.mark.timing
def test_dead_clients_are_found(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"pingInterval": "1s", "pingTimeout": "1s"}))
    silent = RawClient(proxy.address)
    assert silent.read_frame()[0] == 0x89
    with client(proxy) as alive:
        with pytest.raises((ConnectionResetError, EOFError)):
            silent.read_frame()
        alive.send("alive")
        assert alive.recv() == "alive"
    eventually(lambda: metric(proxy, "proxy_websocket_ends_total", reason="the client did not answer a ping in time") == 1, "it is counted")


@pytest.mark.timing
def test_idle_tunnels_are_closed(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start), webSocket={"idleTimeout": "1s"}))
    one = RawClient(proxy.address)
    first, payload = one.read_frame()
    assert first == 0x88 and payload[:2] == (1001).to_bytes(2, "big")


def test_compression_towards_the_client_only(start, tmp_path):
    server = echo(start, "--limits-message-size", str(4 << 20))
    proxy = run_proxy(start, tmp_path, to(server, webSocket={"compression": True, "messageSize": "4MiB"}))
    with client(proxy, compression="deflate", max_size=None) as one:
        assert one.protocol.extensions != []
        for message in ("x" * 100_000, b"\0" * (2 << 20), "", "short"):
            one.send(message)
            assert one.recv() == message
        one.close(4000, "bye")
    with client(proxy) as one:
        one.send("without")
        assert one.recv() == "without"
    eventually(lambda: metric(proxy, "proxy_websocket_closes_total", code="4000") == 1, "the close code is counted")
    assert metric(proxy, "proxy_websocket_messages_total", **{"from": "client"}) == 5
