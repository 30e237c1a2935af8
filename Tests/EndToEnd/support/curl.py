"""curl, which must succeed."""
import subprocess

from support.waiting import PATIENCE


def curl(*arguments, timeout=PATIENCE):
    """What it prints."""
    done = subprocess.run(["curl", "-s", "-S", *map(str, arguments)], capture_output=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("latin-1")
