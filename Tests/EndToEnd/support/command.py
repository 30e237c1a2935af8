"""A `martlet` command that runs to its end."""
import subprocess

from support.paths import MARTLET
from support.waiting import PATIENCE


def run(*arguments, text=True, **options):
    """Runs it to its end; it reads nothing, unless there is an `input` or a `stdin`."""
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([MARTLET, *arguments], capture_output=True, text=text, **{"timeout": PATIENCE, **options})
