"""What the benchmarks share: processes on a core of their own, load generators, memory."""
import json
import os
import pathlib
import socket
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


def write_artifacts(name, table, picture):
    artifacts = ROOT / "artifacts"
    artifacts.mkdir(exist_ok=True)
    (artifacts / f"{name}.md").write_text(table + "\n")
    (artifacts / f"{name}.svg").write_text(picture)
    print(f"The same in artifacts/{name}.md, as a picture in artifacts/{name}.svg")
