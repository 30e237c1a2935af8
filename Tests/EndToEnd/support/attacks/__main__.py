"""Runs an attack until standard input ends, and then writes what it did: `python -m support.attacks NAME ADDRESS …`."""
import argparse
import collections
import json
import os
import resource
import sys
import threading

from support.attacks import ATTACKS
from support.attacks.target import Target

parser = argparse.ArgumentParser()
parser.add_argument("name", choices=ATTACKS)
parser.add_argument("address")
parser.add_argument("--key", default="")
parser.add_argument("--source", default="127.0.0.1")
options = parser.parse_args()

# Those who attack have machines of their own. Here they take what the service and its clients leave of the processors.
os.nice(10)
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
attack = ATTACKS[options.name]
counts = collections.Counter()
target = Target(options.address, options.key, options.source)


def persist():
    """An attack goes on although its connections are ended."""
    while True:
        try:
            attack.run(target, counts)
        except (OSError, EOFError):
            counts["connection ended"] += 1


for _ in range(attack.threads):
    threading.Thread(target=persist, daemon=True).start()
sys.stdin.read()
print(json.dumps(counts), flush=True)
os._exit(0)  # threads hold connections, and need not be asked
