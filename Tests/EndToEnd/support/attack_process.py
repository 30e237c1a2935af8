"""An attack in a process of its own, so that it takes nothing from whoever measures."""
import json
import select
import subprocess
import sys

from support.attacks import UNDER_WAY
from support.paths import ROOT
from support.waiting import PATIENCE


class AttackProcess:
    """An attack that runs until it is stopped."""

    def __init__(self, name, address, key="", source="127.0.0.1"):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.attacks", name, address, "--key", key, "--source", source],
            cwd=ROOT / "Tests/EndToEnd", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begun(self):
        """Waits until the service has taken its first part."""
        readable, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if readable else "nothing in time"
        assert line == f"{UNDER_WAY}\n", f"{self.name} is not under way: {line!r}"

    def stop(self):
        """What it did, and what came of it, with the number of times."""
        try:
            said = self.process.communicate(timeout=PATIENCE)[0]
            assert self.process.returncode == 0, f"{self.name} broke off"
            return json.loads(said.splitlines()[-1])
        finally:
            self.kill()

    def kill(self):
        """Ends it, whatever it does."""
        self.process.kill()
        self.process.wait()
