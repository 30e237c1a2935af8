#!/usr/bin/env python3
"""Two builds of Martlet in the same run, one before a change and one after it: compare.py BEFORE AFTER

Both are paths of the program `martlet`. Runs alternate, each with a fresh process on a core of its own, and the figure
that holds is the median of the ratios of runs that were neighbours. Cases are those of the other benchmarks: echo,
handshakes, fan-out and pushes, the proxy's messages and handshakes. A ratio above 1.03 fails. Writes
artifacts/bench-compare.md and artifacts/bench-compare.svg.
"""
import argparse
import pathlib
import statistics
import sys
import tempfile

import echo
import harness
import proxy
import push
from harness import CACHE, run, stop

LIMIT = 1.03
SIDES = ("before", "after")


def choose(binary):
    for module in (echo, proxy, push):
        module.MARTLET = binary


def cases(cores, seconds, backend, directory):
    """A title, the key of the figure, and what measures it, for each case."""
    def echoed(case):
        def measure():
            server = echo.start("martlet", cores[0])
            try:
                return echo.measure(server, case, cores[1], seconds)
            finally:
                stop(server[0])
        return measure

    def handshakes():
        process, port = echo.start("martlet", cores[0])
        try:
            return run([CACHE / "handshake_load", 32, port, "/", seconds, process.pid], cores[1])
        finally:
            stop(process)

    def pushed(is_per_user):
        def measure():
            server = push.Server("martlet", cores[0], directory)
            try:
                return server.load(cores[1], 1000, is_per_user, seconds)
            finally:
                server.stop()
        return measure

    def proxied(name, *load):
        def measure():
            process, port = proxy.start(name, cores[0], backend, directory)
            try:
                return run([part if part != "PORT" else port for part in load] + [seconds, process.pid], cores[1])
            finally:
                stop(process)
        return measure

    for case in echo.CASES:
        yield f"echo: {echo.describe(case)}", "cpu_microseconds", echoed(case)
    yield "echo: handshakes", "cpu_microseconds", handshakes
    yield "push: CPU a delivery, fan-out to 1,000", "cpu_a_delivery", pushed(False)
    yield "push: CPU a push to one user", "cpu_a_push", pushed(True)
    for name in ("martlet", "martlet-aware"):
        title = proxy.TITLES[name].removeprefix("Martlet, ")
        for connections, payload, depth in proxy.CASES:
            yield (f"proxy, {title}: {proxy.describe((connections, payload, depth))}", "cpu_microseconds",
                   proxied(name, CACHE / "echo_load", connections, "PORT", payload, depth))
        yield f"proxy, {title}: handshakes", "cpu_microseconds", proxied(name, CACHE / "handshake_load", 32, "PORT", "/")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=pathlib.Path)
    parser.add_argument("after", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=9, help="runs of each build in each case (9)")
    parser.add_argument("--seconds", type=float, default=0.8, help="length of a run (0.8)")
    parser.add_argument("--only", default="", help="cases whose title contains this")
    options = parser.parse_args()
    binaries = {name: getattr(options, name).resolve(strict=True) for name in SIDES}
    cores = harness.two_cores()
    harness.build("echo_load", "handshake_load", "push_load")
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        choose(binaries["before"])
        backend_process, backend = proxy.start_backend(cores[1])
        try:
            for title, key, measure in cases(cores, options.seconds, backend, directory):
                if options.only not in title:
                    continue

                def measured(name):
                    choose(binaries[name])
                    return measure()

                runs = harness.alternate(title, SIDES, options.rounds, measured)
                rows.append((title, {name: statistics.median(one[key] for one in runs[name]) for name in SIDES},
                             harness.ratio(runs, "after", "before", key)))
        finally:
            stop(backend_process)
    lines = ["| | before, µs | after, µs | ratio |", "|---|---|---|---|"]
    lines += [f"| {title} | {values['before']:.3f} | {values['after']:.3f} | {ratio:.3f} |" for title, values, ratio in rows]
    table = "\n".join(lines)
    print(f"\nServer CPU, {options.rounds} alternating runs of each; medians of times, and of the ratios of neighbours:\n\n{table}\n")
    harness.write_artifacts("bench-compare", table, harness.bars(
        "After, before = 1", [(title, ratio) for title, _, ratio in rows], left=400))
    missed = [f"missed: {title}: {ratio:.3f}, goal {LIMIT}" for title, _, ratio in rows if ratio > LIMIT]
    print("\n".join(missed))
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
