"""An attack in a process of its own, so that it takes nothing from whoever measures."""
import json
import subprocess
import sys

from support.paths import ROOT
from support.waiting import PATIENCE


class AttackProcess:
    """An attack that runs until it is stopped."""

    def __init__(self, name, address, key="", source="127.0.0.1"):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "support.attacks", name, address, "--key", key, "--source", source],
            cwd=ROOT / "Tests/EndToEnd", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def stop(self):
        """What it did, and what came of it, with the number of times."""
        try:
            return json.loads(self.process.communicate(timeout=PATIENCE)[0])
        finally:
            self.process.kill()
            self.process.wait()
