"""What the process takes of its machine: event loops, descriptors, a log that nobody reads, a shared port."""
import os
import pathlib
import subprocess

import httpx
import pytest

from support.command import run
from support.paths import MARTLET
from support.waiting import PATIENCE


def test_a_log_that_nobody_reads_holds_nothing_up(free_port):
    process = subprocess.Popen(
        [MARTLET, "serve", "--listen", f"127.0.0.1:{free_port}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "listening" in process.stdout.readline()
        with httpx.Client(timeout=PATIENCE) as client:
            # A pipe holds 64 KiB, and each line is longer than 100 bytes.
            for _ in range(2000):
                assert client.post(f"http://127.0.0.1:{free_port}/push", content="x").status_code == 400
            assert client.get(f"http://127.0.0.1:{free_port}/healthz").status_code == 200
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("asked, loops", [(None, 1), ("3", 3)])
def test_one_event_loop_for_each_processor_that_it_may_use(serve, asked, loops):
    mine = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(mine)})  # which the service inherits
        server = serve(env={"NIO_SINGLETON_GROUP_LOOP_COUNT": asked} if asked else None)
    finally:
        os.sched_setaffinity(0, mine)
    threads = [file.read_text() for file in pathlib.Path(f"/proc/{server.process.pid}/task").glob("*/comm")]
    assert sum(name.startswith("NIO-SGLTN") for name in threads) == loops, threads


def test_more_clients_than_descriptors_is_said(free_port):
    process = subprocess.Popen(
        ["bash", "-c", 'ulimit -n 256; exec "$@"', "bash", MARTLET, "serve", "--listen", f"127.0.0.1:{free_port}",
         "--limits-connections", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline()
        assert "asked=100000" in line and "allowed=180" in line, line
    finally:
        process.kill()
        process.wait()


def test_two_processes_share_a_port_when_both_want_to(start, tmp_path):
    one = start("serve", "--listen", "127.0.0.1:0", "--reuse-port")
    two = start("serve", "--listen", one.address, "--reuse-port")
    assert one.port == two.port
    taken = run("serve", "--listen", one.address)
    assert taken.returncode == 69
    assert one.stop() == 0
    assert two.push("jack", "a", "x") == 0
