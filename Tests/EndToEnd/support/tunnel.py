"""A WebSocket through the proxy: an echo server behind it, a client in front."""
import websockets.sync.client

from support.waiting import PATIENCE


def echo(start, *arguments):
    """An echo server."""
    return start("echo", "--listen", "127.0.0.1:0", "--log-level", "warning", *arguments)


def client(proxy, path="/ws", **options):
    """A client of the proxy: Python's websockets."""
    options = {"compression": None, "open_timeout": PATIENCE, **options}
    return websockets.sync.client.connect(f"ws://127.0.0.1:{proxy.port}{path}", **options)
