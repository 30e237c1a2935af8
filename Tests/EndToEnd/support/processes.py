"""What the kernel says of a process: memory and descriptors."""
import os
import pathlib
import re


def memory(process, field="VmRSS"):
    """Bytes, of a field of its status."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) * 1024


def descriptors(process):
    """Open sockets. Timers and the like of the runtime come when they are first needed, and stay."""
    count = 0
    for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += os.readlink(link).startswith("socket:")
        except FileNotFoundError:
            pass
    return count
