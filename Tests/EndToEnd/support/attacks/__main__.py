"""Runs an attack until standard input ends, and then writes what it did: `python -m support.attacks NAME ADDRESS …`.

Before that it says when the attack is under way.
"""
import argparse
import collections
import json
import os
import resource
import sys
import threading
import time
import traceback

from support.attacks import ATTACKS, UNDER_WAY
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
            time.sleep(0.01)  # a connection that is refused takes no time
        except Exception:
            traceback.print_exc()
            os._exit(1)  # an attack that breaks off proves nothing


def tell():
    """Says that the attack is under way, once that is so."""
    while not counts[attack.proof]:
        time.sleep(0.005)
    print(UNDER_WAY, flush=True)


for _ in range(attack.threads):
    threading.Thread(target=persist, daemon=True).start()
threading.Thread(target=tell, daemon=True).start()
sys.stdin.read()
print(json.dumps(counts), flush=True)
os._exit(0)  # threads hold connections, and need not be asked
