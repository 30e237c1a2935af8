#!/usr/bin/env python3
"""Proxies in front of one WebSocket echo server, in the same run: Martlet (tunnel and protocol-aware), nginx with its
default buffers and with 16 KiB ones, HAProxy.

The proxy has one core; load and echo server share the other. Runs alternate, each with a fresh process. Times are medians,
and ratios are medians of the ratios of runs that were neighbours. What is measured is the
proxy's CPU a message that was echoed (so it passed twice), its CPU a handshake, and its memory an idle tunnel. Writes
artifacts/bench-proxy.md and artifacts/bench-proxy.svg.
"""
import argparse
import json
import pathlib
import socket
import statistics
import sys
import tempfile
import time

import harness
from harness import CACHE, MARTLET, free_port, progress, resident, run, spawn, stop

PROXIES = ("martlet", "martlet-aware", "nginx", "nginx-16k", "haproxy")
TITLES = {"martlet": "Martlet, tunnel", "martlet-aware": "Martlet, aware", "nginx": "nginx",
          "nginx-16k": "nginx, 16 KiB", "haproxy": "HAProxy"}
# connections, payload bytes, depth
CASES = [(50, 20, 1), (50, 20, 16), (50, 1024, 1), (50, 1024, 16), (50, 16384, 1), (50, 16384, 16)]
GOALS = {"martlet": 1.0, "martlet-aware": 1.3}
IDLE_TUNNELS = 3000


def nginx_configuration(port, backend, directory, buffers):
    return f"""
daemon off; master_process off; pid {directory}/nginx.pid; error_log {directory}/error.log warn;
events {{ worker_connections 15000; }}
http {{
  access_log off; keepalive_requests 1000000;
  client_body_temp_path {directory}; proxy_temp_path {directory}; fastcgi_temp_path {directory};
  uwsgi_temp_path {directory}; scgi_temp_path {directory};
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://127.0.0.1:{backend}; proxy_http_version 1.1; proxy_read_timeout 1h; {buffers}
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


def haproxy_configuration(port, backend):
    return f"""
global
  nbthread 1
  maxconn 9000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout tunnel 1h
frontend front
  bind 127.0.0.1:{port} backlog 4096
  option forwardfor
  default_backend echo
backend echo
  server one 127.0.0.1:{backend}
"""


def aware_configuration(port, backend):
    # By the old names of the keys, which every version knows that may be compared.
    return json.dumps({
        "listeners": [f"127.0.0.1:{port}"],
        "routes": [{"to": f"http://127.0.0.1:{backend}", "webSocket": {
            "maximumMessageSize": "1MiB", "messageRate": 1e9, "pingInterval": "20s"}}]})


def start(name, core, backend, directory):
    """A proxy of its own on a core; answers the process and its port."""
    port = free_port()
    place = pathlib.Path(tempfile.mkdtemp(dir=directory))
    file = place / "configuration"
    if name == "martlet":
        command = [MARTLET, "proxy", "--listen", f"127.0.0.1:{port}", "--to", f"http://127.0.0.1:{backend}",
                   "--log-level", "error"]
    elif name == "martlet-aware":
        file.write_text(aware_configuration(port, backend))
        command = [MARTLET, "proxy", "--config", file, "--log-level", "error"]
    elif name == "haproxy":
        file.write_text(haproxy_configuration(port, backend))
        command = ["haproxy", "-db", "-q", "-f", file]
    else:
        buffers = "proxy_buffer_size 16k; proxy_buffers 8 16k;" if name == "nginx-16k" else ""
        file.write_text(nginx_configuration(port, backend, place, buffers))
        command = ["nginx", "-c", file, "-e", place / "error.log"]
    return spawn(command, core, port), port


def start_backend(core):
    port = free_port()
    return spawn(
        [MARTLET, "echo", "--listen", f"127.0.0.1:{port}", "--path", "/", "--log-level", "error"],
        core, port), port


def open_tunnels(port, count):
    request = (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    tunnels = []
    for _ in range(count):
        tunnel = socket.create_connection(("127.0.0.1", port))
        tunnel.sendall(request)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = tunnel.recv(4096)
            if not piece:
                sys.exit(f"a handshake failed: {answer!r}")
            answer += piece
        if b" 101 " not in answer:
            sys.exit(f"a handshake failed: {answer!r}")
        tunnels.append(tunnel)
    return tunnels


def idle_memory(name, core, backend, directory):
    """Kilobytes a tunnel, of a fresh process, above what it takes with a hundred tunnels."""
    process, port = start(name, core, backend, directory)
    try:
        tunnels = open_tunnels(port, 100)
        time.sleep(1)
        before = resident(process.pid)
        tunnels += open_tunnels(port, IDLE_TUNNELS)
        time.sleep(1)
        return (resident(process.pid) - before) / IDLE_TUNNELS
    finally:
        stop(process)


def describe(case):
    connections, payload, depth = case
    size = f"{payload // 1024} KiB" if payload >= 1024 else f"{payload} B"
    return f"{size}, " + ("depth 1" if depth == 1 else f"{depth} pipelined")


def picture(rows):
    """CPU a message as bars, each case scaled to the better nginx: shorter is better, the line is nginx."""
    colours = {"martlet": "#0b6e99", "martlet-aware": "#5fb3d3", "haproxy": "#b9b9b9"}
    width, left, bar, step = 900, 190, 16, 78
    height = 90 + step * len(rows)
    scale = (width - left - 100) / max(1.3, *(row["ratios"][name] for row in rows for name in colours))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="14">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        '<text x="16" y="28" font-size="18" font-weight="bold">Proxied WebSocket messages: CPU each, the better nginx = 1</text>',
    ]
    for index, (name, colour) in enumerate(colours.items()):
        parts.append(f'<rect x="{left + 190 * index}" y="42" width="14" height="14" fill="{colour}"/>'
                     f'<text x="{left + 20 + 190 * index}" y="54">{TITLES[name]}</text>')
    for index, row in enumerate(rows):
        top = 74 + step * index
        parts.append(f'<text x="16" y="{top + 30}">{describe(row["case"])}</text>')
        for place, (name, colour) in enumerate(colours.items()):
            ratio = row["ratios"][name]
            y = top + place * (bar + 3)
            parts.append(f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="{bar}" rx="3" fill="{colour}"/>'
                         f'<text x="{left + ratio * scale + 6:.1f}" y="{y + 13}">{ratio:.2f}</text>')
    line = left + scale
    parts.append(f'<line x1="{line:.1f}" y1="66" x2="{line:.1f}" y2="{height - 14}" stroke="#a8201a" stroke-dasharray="5 4"/></svg>')
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="runs of each proxy in each case (9)")
    parser.add_argument("--seconds", type=float, default=0.8, help="length of a run (0.8)")
    parser.add_argument("--cases", type=int, nargs="*", help="only these cases, by number")
    parser.add_argument("--messages-only", action="store_true", help="no handshakes, no memory")
    options = parser.parse_args()
    cores = harness.two_cores()
    harness.build("echo_load", "handshake_load")
    processes = []
    rows, handshakes, memory = [], {}, {}
    cases = CASES if options.cases is None else [CASES[index] for index in options.cases]
    with tempfile.TemporaryDirectory() as directory:
        try:
            backend_process, backend = start_backend(cores[1])
            processes.append(backend_process)

            def alternate(title, measure):
                def run_once(name):
                    # A process of its own: where its memory happens to lie makes several percent for all its life.
                    process, port = start(name, cores[0], backend, directory)
                    processes.append(process)
                    try:
                        return measure(port, process.pid)
                    finally:
                        stop(processes.pop())

                return harness.alternate(title, PROXIES, options.rounds, run_once)

            for case in cases:
                connections, payload, depth = case
                runs = alternate(describe(case), lambda port, pid: run(
                    [CACHE / "echo_load", connections, port, payload, depth, options.seconds, pid], cores[1]))
                cpu = {name: statistics.median(one["cpu_microseconds"] for one in runs[name]) for name in PROXIES}
                # The better nginx is the one beside which a proxy looks worse.
                ratios = {name: max(harness.ratio(runs, name, rival, "cpu_microseconds") for rival in ("nginx", "nginx-16k"))
                          for name in PROXIES}
                rows.append({"case": case, "cpu": cpu, "ratios": ratios})
            if not options.messages_only:
                runs = alternate("handshakes", lambda port, pid: run(
                    [CACHE / "handshake_load", 32, port, "/", options.seconds, pid], cores[1]))
                failed = {name: sum(one["failed"] for one in runs[name]) for name in PROXIES}
                if any(failed.values()):
                    print(f"failed handshakes: {failed}", file=sys.stderr)
                handshakes = {name: 1e6 / statistics.median(one["cpu_microseconds"] for one in runs[name]) for name in PROXIES}
                for name in PROXIES:
                    progress(f"idle tunnels: {name}")
                    memory[name] = idle_memory(name, cores[0], backend, directory)
                print(file=sys.stderr)
        finally:
            for process in processes:
                stop(process)
    report(rows, handshakes, memory, options)


def report(rows, handshakes, memory, options):
    lines = ["| µs of CPU a message | " + " | ".join(TITLES[name] for name in PROXIES) + " | tunnel : nginx | aware : nginx |",
             "|---" * (len(PROXIES) + 3) + "|"]
    missed = []
    for row in rows:
        ratios = {name: row["ratios"][name] for name in GOALS}
        lines.append(f"| {describe(row['case'])} | " + " | ".join(f"{row['cpu'][name]:.3f}" for name in PROXIES)
                     + " | " + " | ".join(f"{ratio:.2f}" for ratio in ratios.values()) + " |")
        missed += [f"{describe(row['case'])}: {TITLES[name]} {ratio:.2f}, goal {GOALS[name]}"
                   for name, ratio in ratios.items() if ratio > GOALS[name]]
    if handshakes:
        ratios = [handshakes[name] / handshakes["nginx"] for name in GOALS]
        lines.append("| handshakes a CPU second | " + " | ".join(f"{handshakes[name]:,.0f}" for name in PROXIES)
                     + " | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
        if ratios[0] < 0.7:
            missed.append(f"handshakes: {ratios[0]:.2f} of nginx's, goal 0.7")
        lines.append("| KB an idle tunnel | " + " | ".join(f"{memory[name]:.1f}" for name in PROXIES) + " | | |")
        missed += [f"{TITLES[name]}: {memory[name]:.1f} KB an idle tunnel, goal 8" for name in GOALS if memory[name] > 8]
    table = "\n".join(lines)
    print(f"\nOne core each, 50 connections; {options.rounds} alternating runs of each; medians of times, and of the ratios of neighbours:\n\n{table}\n")
    harness.write_artifacts("bench-proxy", table, picture(rows))
    for one in missed:
        print(f"missed: {one}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
