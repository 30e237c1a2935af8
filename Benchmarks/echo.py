#!/usr/bin/env python3
"""Echo: server CPU a message, Martlet against gorilla/websocket in the same run.

Each server has one core and the load generator the other; runs alternate. Machines are noisy and drift, so the
figure that holds is the median of the ratios of runs that were neighbours. Writes artifacts/bench-echo.md and
artifacts/bench-echo.svg.
"""
import argparse
import statistics
import subprocess
import sys

import harness
from harness import CACHE, MARTLET, ROOT, free_port, run, spawn, stop

# connections, payload bytes, depth, and the ratio to gorilla that must not be exceeded (None: shown only)
CASES = [(50, 20, 1, 1.0), (50, 16384, 1, 0.35), (50, 20, 16, 0.15), (500, 20, 1, None), (50, 1024, 16, None)]


def build():
    harness.build("echo_load")
    subprocess.run([ROOT / "scripts/gorilla.sh", "Benchmarks/gorilla/echo.go", ".cache/bench/gorilla"], check=True)


def start(name, core):
    port = free_port()
    command = {
        "martlet": [MARTLET, "echo", "--listen", f"127.0.0.1:{port}", "--path", "/", "--log-level", "error"],
        "gorilla": [CACHE / "gorilla", f"127.0.0.1:{port}"],
    }[name]
    return spawn(command, core, port), port


def measure(server, case, core, seconds):
    process, port = server
    connections, payload, depth, _ = case
    return run([CACHE / "echo_load", connections, port, payload, depth, seconds, process.pid], core)


def describe(case):
    connections, payload, depth, _ = case
    size = f"{payload // 1024} KiB" if payload >= 1024 else f"{payload} B"
    return f"{connections} connections, {size}, " + ("depth 1" if depth == 1 else f"{depth} pipelined")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each server in each case (5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a run (1.5)")
    options = parser.parse_args()
    cores = harness.two_cores()
    build()
    names = ("martlet", "gorilla")
    servers = {}
    rows = []
    try:
        for name in names:
            servers[name] = start(name, cores[0])
        for case in CASES:
            runs = harness.alternate(describe(case), names, options.rounds, lambda name: measure(
                servers[name], case, cores[1], options.seconds))
            cpu = {name: statistics.median(one["cpu_microseconds"] for one in runs[name]) for name in names}
            busy = min(one["server_busy"] for one in runs["martlet"])
            rows.append({"case": case, "cpu": cpu, "ratio": harness.ratio(runs, "martlet", "gorilla", "cpu_microseconds"), "busy": busy})
    finally:
        for process, _ in servers.values():
            stop(process)

    lines = ["| case | Martlet, µs | gorilla 1.5, µs | ratio | goal | our core busy |", "|---|---|---|---|---|---|"]
    failed = False
    for row in rows:
        goal = row["case"][3]
        failed |= goal is not None and row["ratio"] > goal
        lines.append(
            f"| {describe(row['case'])} | {row['cpu']['martlet']:.3f} | {row['cpu']['gorilla']:.3f} | {row['ratio']:.3f} "
            f"| {'' if goal is None else f'≤ {goal}'} | {row['busy']:.0%} |")
    table = "\n".join(lines)
    print(f"\nServer CPU a message, medians of {options.rounds} alternating runs:\n\n{table}")
    bars = [(describe(row["case"]), row["ratio"]) for row in rows]
    harness.write_artifacts(
        "bench-echo", table, harness.bars("Echo: server CPU a message, gorilla/websocket = 1", bars, left=300))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
