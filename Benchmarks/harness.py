"""What the benchmarks share: processes on a core of their own, load generators, memory."""
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache/bench"
MARTLET = ROOT / ".build/release/martlet"


def build(*names):
    """Compiles load generators."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for name in names:
        subprocess.run(["gcc", "-O2", "-Wall", "-o", CACHE / name, ROOT / f"Benchmarks/load/{name}.c"], check=True)


def two_cores():
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the server, one for the load")
    return cores[:2]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def spawn(command, core, port, environment=None):
    """A server on one core, once it listens; Martlet and Go programs take one thread for their event loop."""
    environment = {**os.environ, "NIO_SINGLETON_GROUP_LOOP_COUNT": "1", "GOMAXPROCS": "1", **(environment or {}),
                   "PATH": os.environ["PATH"] + ":/usr/sbin"}
    process = subprocess.Popen(
        ["taskset", "-c", str(core), *map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment)
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process
        except OSError:
            time.sleep(0.02)
    process.kill()
    sys.exit(f"{command[0]} does not listen")


def stop(process):
    process.kill()
    process.wait()


def run(command, core):
    """A load generator's line of JSON."""
    done = subprocess.run(["taskset", "-c", str(core), *map(str, command)], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


def resident(process_id):
    """Kilobytes."""
    for line in pathlib.Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])


def progress(text):
    print(f"\r{text:<60}", end="", file=sys.stderr, flush=True)


def alternate(title, names, rounds, measure):
    """What `measure(name)` answers for each name, in turns."""
    runs = {name: [] for name in names}
    for number in range(rounds):
        for name in names if number % 2 == 0 else names[::-1]:
            progress(f"{title}: run {number + 1} of {rounds}, {name}")
            runs[name].append(measure(name))
    print(file=sys.stderr)
    return runs


def ratio(runs, name, rival, key):
    """The median of a round's ratios. What is near in time meets the same noise, so that this varies less than the ratio
    of two medians."""
    return statistics.median(one[key] / other[key] for one, other in zip(runs[name], runs[rival]))


def bars(title, rows, left):
    """A picture of ratios, given as text and ratio each: shorter is better, the line is 1."""
    width, bar, step = 900, 26, 62
    height = 70 + step * len(rows)
    scale = (width - left - 90) / max(1.1, *(ratio for _, ratio in rows))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="15">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="28" font-size="18" font-weight="bold">{title}</text>',
    ]
    for index, (text, ratio) in enumerate(rows):
        y = 52 + step * index
        parts.append(f'<text x="16" y="{y + 19}">{text}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{ratio * scale:.1f}" height="{bar}" rx="4" fill="#0b6e99"/>')
        parts.append(f'<text x="{left + ratio * scale + 8:.1f}" y="{y + 19}">{ratio:.3f}</text>')
    line = left + scale
    parts.append(f'<line x1="{line:.1f}" y1="42" x2="{line:.1f}" y2="{height - 14}" stroke="#a8201a" stroke-dasharray="5 4"/></svg>')
    return "\n".join(parts)


def write_artifacts(name, table, picture):
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / f"{name}.md").write_text(table + "\n")
    (artifacts / f"{name}.svg").write_text(picture)
    print(f"The same in artifacts/{name}.md, as a picture in artifacts/{name}.svg")
