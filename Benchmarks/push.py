#!/usr/bin/env python3
"""The push service against nchan, nginx's module for the same, in the same run: pushed over HTTP, heard over WebSocket.

Each server has one core and the load the other; runs alternate, each with a fresh process. Times are medians, and ratios
are medians of the ratios of runs that were neighbours. What is measured is the server's CPU a delivery and a push, the
time from a POST to its last delivery, and the memory of an idle session over WebSocket and server-sent events. Writes
artifacts/bench-push.md and artifacts/bench-push.svg.
"""
import argparse
import pathlib
import socket
import statistics
import sys
import tempfile
import time

import harness
from harness import CACHE, MARTLET, free_port, progress, resident, run, spawn, stop

SERVERS = ("martlet", "nchan")
TITLES = {"martlet": "Martlet", "nchan": "nchan"}
TEXT = "x" * 100
IDLE_SESSIONS = 5000
GOALS = {"cpu_a_delivery": 0.8, "p99": 1.0, "cpu_a_push": 1.0}
MEMORY_GOALS = {"websocket": 6, "sse": 10}


def nginx_configuration(port, directory):
    return f"""
load_module modules/ngx_nchan_module.so;
daemon off; worker_processes 1; user root; pid {directory}/nginx.pid; error_log {directory}/error.log warn;
events {{ worker_connections 15000; }}
http {{
  access_log off; keepalive_requests 100000000; nchan_shared_memory_size 256M;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port} backlog=4096; keepalive_timeout 1h;
    location ~ ^/push/(\\w+)$ {{
      nchan_publisher http; nchan_channel_id $1; nchan_message_buffer_length 100; nchan_message_timeout 60s;
    }}
    location ~ ^/hear/(\\w+)$ {{
      nchan_subscriber websocket eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest;
    }}
  }}
}}
"""


class Server:
    """A process of its own; `pid` is the one that does the work."""

    def __init__(self, name, core, directory):
        self.name, self.port = name, free_port()
        place = pathlib.Path(tempfile.mkdtemp(dir=directory))
        if name == "martlet":
            self.process = spawn([MARTLET, "serve", "--listen", f"127.0.0.1:{self.port}", "--log-level", "error"],
                                 core, self.port)
            self.pid = self.process.pid
        else:
            file = place / "nginx.conf"
            file.write_text(nginx_configuration(self.port, place))
            self.process = spawn(["nginx", "-c", file, "-e", place / "error.log"], core, self.port)
            # The master listens before it has a worker.
            children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            while not (worker := children.read_text().split()):
                if self.process.poll() is not None:
                    raise SystemExit(f"nginx ended: {(place / 'error.log').read_text()}")
                time.sleep(0.01)
            self.pid = int(worker[0])

    def stop(self):
        if self.name == "nchan":
            self.process.terminate()
            self.process.wait()
        else:
            stop(self.process)

    def load(self, core, subscribers, is_per_user, seconds):
        if self.name == "martlet":
            paths = ["/ws", '{"token":"u%d","event":"e"}', "/push", '{"userId":"u%d","event":"e","message":"' + TEXT + '"}']
        else:
            paths = ["/hear/u%d", "", "/push/u%d", TEXT]
        return run([CACHE / "push_load", subscribers, self.port, *paths, int(is_per_user), seconds, self.pid], core)

    def request(self, kind, user):
        upgrade = ("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n") if kind == "websocket" else "Accept: text/event-stream\r\n"
        if self.name == "nchan":
            path = f"/hear/{user}"
        else:
            path = "/ws" if kind == "websocket" else f"/sse?token={user}&event=e"
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{upgrade}\r\n".encode()

    def connect(self, kind, user):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.sendall(self.request(kind, user))
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(8192)
        if self.name == "martlet" and kind == "websocket":
            text = f'{{"token":"{user}","event":"e"}}'.encode()
            connection.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        return connection

    def memory(self, kind):
        """Kilobytes an idle session, above what the process takes with 500 of them."""
        connections = [self.connect(kind, f"warm{index}") for index in range(500)]
        time.sleep(1)
        before = resident(self.pid)
        connections += [self.connect(kind, f"user{index}") for index in range(IDLE_SESSIONS)]
        time.sleep(1)
        result = (resident(self.pid) - before) / IDLE_SESSIONS
        for connection in connections:
            connection.close()
        return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each server in each case (7)")
    parser.add_argument("--seconds", type=float, default=2, help="length of a run (2)")
    parser.add_argument("--no-memory", action="store_true", help="leave the idle sessions out")
    options = parser.parse_args()
    cores = harness.two_cores()
    harness.build("push_load")
    rows = []

    def add(title, unit, values, goal, ratio=None):
        rows.append({"title": title, "unit": unit, "values": values, "goal": goal, "is_ratio": ratio is not None,
                     "ratio": ratio or values["martlet"] / values["nchan"]})

    with tempfile.TemporaryDirectory() as directory:
        for title, subscribers, is_per_user in (("fan-out to 1,000", 1000, False), ("one user of 1,000", 1000, True)):
            def measure(name):
                server = Server(name, cores[0], directory)
                try:
                    return server.load(cores[1], subscribers, is_per_user, options.seconds)
                finally:
                    server.stop()

            runs = harness.alternate(title, SERVERS, options.rounds, measure)
            for key, unit in ((("cpu_a_push", "µs"),) if is_per_user else (("cpu_a_delivery", "µs"), ("p99", "µs"))):
                values = {name: statistics.median(one[key] for one in runs[name]) for name in SERVERS}
                name = {"cpu_a_push": "CPU a push", "cpu_a_delivery": "CPU a delivery", "p99": "p99 to the last delivery"}[key]
                add(f"{title}: {name}", unit, values, GOALS[key], harness.ratio(runs, "martlet", "nchan", key))
        if not options.no_memory:
            for kind, goal in MEMORY_GOALS.items():
                values = {}
                for name in SERVERS:
                    progress(f"idle sessions, {kind}: {name}")
                    server = Server(name, cores[0], directory)
                    values[name] = server.memory(kind)
                    server.stop()
                add(f"memory of an idle session, {kind}", "KB", values, goal)
        print(file=sys.stderr)

    lines = ["| | Martlet | nchan | ratio | goal |", "|---|---|---|---|---|"]
    missed = []
    for row in rows:
        goal = f"≤ {row['goal']}" + ("" if row["is_ratio"] else f" {row['unit']}")
        lines.append(f"| {row['title']} | {row['values']['martlet']:.2f} {row['unit']} | {row['values']['nchan']:.2f} {row['unit']} "
                     f"| {row['ratio']:.2f} | {goal} |")
        if (row["ratio"] if row["is_ratio"] else row["values"]["martlet"]) > row["goal"]:
            missed.append(row["title"])
    table = "\n".join(lines)
    print(f"\nOne core each, messages of 100 B; {options.rounds} alternating runs of each; medians of times, and of the ratios of neighbours:\n\n{table}\n")
    bars = [(row["title"], row["ratio"]) for row in rows]
    harness.write_artifacts("bench-push", table, harness.bars("Push service: Martlet, nchan = 1", bars, left=330))
    for title in missed:
        print(f"missed: {title}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
