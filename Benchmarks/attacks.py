#!/usr/bin/env python3
"""An honest client while others attack the service: how long it waits, and what the service takes.

A back end pushes each 100 ms to a WebSocket; the delay is the time from the push to its arrival. Each attack has a fresh
service, and is measured behind a quiet time with the same service's settings. Attackers run at a low priority: they have
machines of their own in real life. What they take from this machine shows beside it: a second service, which nobody attacks,
has an honest client at the same time. An attack is told as missed when the delay is more than twice that of the quiet time,
and of the service beside it. Writes artifacts/attacks.md, the table of docs/security.md.

    .cache/venv/bin/python Benchmarks/attacks.py --seconds 15
    MARTLET=../old/.build/release/martlet .cache/venv/bin/python Benchmarks/attacks.py --only "deep JSON" --only all
"""
import argparse
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "Tests/EndToEnd"))

from support.attacks import ATTACKS
from support.paths import ARTIFACTS
from support.under_attack import observe

ALL = "all"
GOAL = 2
MiB = 1 << 20


def row(name, seconds, interval, folder):
    """A line of the table, and whether the goal is met."""
    names = [attack.name for attack in ATTACKS.values() if attack.command == "serve"] if name == ALL else [name]
    command = ATTACKS[names[0]].command
    quiet = observe([], seconds, interval, folder / "quiet", command)
    outcome = observe(names, seconds, interval, folder / "log", beside=True)
    beside = outcome.beside["p99"]
    health = outcome.saw["health"]
    mishaps = outcome.saw["mishaps"]
    for mishap in mishaps[:3]:
        print(f"  {mishap}", file=sys.stderr)
    print(f"  {outcome.attacks}", file=sys.stderr)
    cells = [
        "all of these but the last, at once" if name == ALL else name,
        *(f"{delay * 1000:.1f} ms" for delay in (quiet.p99, outcome.p99, beside)),
        f"{outcome.p99 / quiet.p99:.1f}", f"{outcome.p99 / beside:.1f}",
        f"{max(health) * 1000:.0f} ms" if health else "–", str(len(mishaps)), f"{outcome.peak / MiB:.0f} MiB",
        f"{outcome.growth / MiB:.0f} MiB", f"{outcome.cpu:.2f}", f"{outcome.log_rate / 1000:.1f} kB/s"]
    return f"| {' | '.join(cells)} |", outcome.p99 <= GOAL * max(quiet.p99, beside) and not mishaps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--interval", type=float, default=0.1, help="seconds between two pushes")
    parser.add_argument("--only", action="append", choices=[*ATTACKS, ALL], help="an attack; may be given several times")
    options = parser.parse_args()
    lines = [
        "| attack | p99 quiet | p99 under attack | p99 beside it | of quiet | of beside | slowest `/healthz` | refused or lost | most memory "
        "| of it because of the attack | CPU | log |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only or [*ATTACKS, ALL]:
            print(name, file=sys.stderr)
            line, is_met = row(name, options.seconds, options.interval, pathlib.Path(folder))
            lines.append(line)
            print(line, flush=True)
            if not is_met:
                missed.append(name)
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "attacks.md").write_text("\n".join(lines) + "\n")
    print("\n" + "\n".join(lines) + f"\n\nThe same in {ARTIFACTS / 'attacks.md'}")
    for name in missed:
        print(f"missed: {name}")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
