"""An upstream that dies under a thousand tunnels of the proxy."""
import select
import time

import pytest

from support.processes import descriptors
from support.proxy import metric, run_proxy
from support.raw_client import RawClient
from support.tunnel import echo
from support.waiting import PATIENCE, eventually

SECOND = 1.0


@pytest.mark.timing
def test_killing_an_upstream_under_a_thousand_tunnels(start, tmp_path):
    doomed, other = echo(start), echo(start)
    # A fresh connection goes to the server that is left, whatever the balance says.
    proxy = run_proxy(start, tmp_path, {"routes": [{"to": "app"}], "upstreams": {"app": {
        "endpoints": [f"http://{doomed.address}", {"url": f"http://{other.address}"}], "balance": "roundRobin"}}})
    RawClient(proxy.address).close()
    RawClient(proxy.address).close()
    eventually(lambda: metric(proxy, "proxy_websockets") == 0, "the first tunnels have ended")
    before = descriptors(proxy.process)
    clients = [RawClient(proxy.address) for _ in range(2000)]
    dead = metric(proxy, "proxy_endpoint_active", endpoint=f"http://{doomed.address}")
    assert dead == 1000
    began = time.monotonic()
    doomed.process.kill()
    closed, open_ones = 0, []
    poller = select.epoll()
    by_number = {one.socket.fileno(): one for one in clients}
    for number in by_number:
        poller.register(number, select.EPOLLIN | select.EPOLLRDHUP)
    seen = set()
    while len(seen) < 1000 and time.monotonic() - began < PATIENCE:
        seen |= {number for number, _ in poller.poll(0.1)}
    duration = time.monotonic() - began
    assert len(seen) == 1000 and duration < SECOND, (len(seen), duration)
    print(f"1,000 clients saw the end within {duration:.3f} s")
    survivors = [one for number, one in by_number.items() if number not in seen]
    survivors[0].send("still here")
    assert survivors[0].read_frame() == (0x81, b"still here")
    for _ in range(10):
        fresh = RawClient(proxy.address)
        fresh.send("elsewhere")
        assert fresh.read_frame() == (0x81, b"elsewhere")
        fresh.close()
    for one in clients:
        one.close()
    eventually(lambda: descriptors(proxy.process) <= before, "no descriptor is left")
    assert metric(proxy, "proxy_connections") == 0 and metric(proxy, "proxy_endpoint_active") == 0
