"""What an operator does while tunnels are open: logs, drains, reloads."""
import json
import select
import signal
import time

import pytest

from support.proxy import run_proxy, to
from support.raw_client import RawClient
from support.sockets import read_all
from support.tunnel import client, echo
from support.waiting import PATIENCE, eventually


def test_messages_and_closes_are_logged_and_counted(start, tmp_path):
    log = tmp_path / "access.log"
    proxy = run_proxy(start, tmp_path, {**to(echo(start)), "accessLog": {"file": str(log)}})
    with client(proxy) as one:
        for _ in range(3):
            one.send("hello")
            one.recv()
        one.close(4001)
    eventually(lambda: log.exists() and log.read_text().endswith("\n"), "the tunnel is logged")
    entry = json.loads(log.read_text())
    assert entry["status"] == 101 and entry["messagesReceived"] == entry["messagesSent"] == 3
    assert entry["closeCode"] == 4001 and entry["bytesReceived"] == 3 * 11 + 8 and entry["route"] == "/"
    log.rename(tmp_path / "rotated.log")
    proxy.process.send_signal(signal.SIGHUP)
    eventually(log.exists, "the log is opened anew")


@pytest.mark.timing
@pytest.mark.parametrize("compression", [False, True], ids=["tunnel", "compressed"])
def test_a_drain_closes_with_1001_over_its_time(start, tmp_path, compression):
    proxy = run_proxy(start, tmp_path, {
        **to(echo(start), webSocket={"compression": compression}), "drain": {"time": "2s"}})
    clients = [RawClient(proxy.address) for _ in range(200)]
    proxy.process.send_signal(signal.SIGTERM)
    began, times = time.monotonic(), []
    poller = select.poll()
    waiting = {one.socket.fileno(): one for one in clients}
    for number in waiting:
        poller.register(number, select.POLLIN)
    while waiting:
        for number, _ in poller.poll(PATIENCE * 1000):
            one = waiting.pop(number)
            poller.unregister(number)
            first, payload = one.read_frame()
            assert first == 0x88 and payload[:2] == (1001).to_bytes(2, "big")
            times.append(time.monotonic() - began)
            one.send(payload[:2], first=0x88)
            assert read_all(one.socket) == b""
    assert proxy.process.wait(PATIENCE) == 0
    # Spread: no tenth of the time closes more than a third of them.
    counts = [0] * 40
    for moment in times:
        counts[min(int(moment / 0.2), 39)] += 1
    assert max(counts) < 70, counts


def test_a_reload_cuts_no_tunnel(start, tmp_path):
    proxy = run_proxy(start, tmp_path, to(echo(start)))
    with client(proxy) as one:
        configuration = json.loads(proxy.file.read_text())
        configuration["routes"] = [{"to": f"http://{echo(start).address}", "path": "/ws"}]
        proxy.file.write_text(json.dumps(configuration))
        proxy.process.send_signal(signal.SIGHUP)
        eventually(lambda: any("took a new" in line for line in proxy.log), "the reload")
        one.send("still here")
        assert one.recv() == "still here"
