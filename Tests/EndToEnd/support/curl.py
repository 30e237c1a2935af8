"""curl, which must succeed."""
import subprocess

from support.waiting import PATIENCE


def curl(*arguments, timeout=PATIENCE, input=None):
    """What it prints; what it reads is a text."""
    done = subprocess.run(["curl", "-s", "-S", *map(str, arguments)], capture_output=True, timeout=timeout,
                          input=input.encode() if input else None)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("latin-1")
