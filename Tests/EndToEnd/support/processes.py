"""What the kernel says of a process: memory, processor time and descriptors."""
import os
import pathlib
import re


def memory(process, field="VmRSS"):
    """Bytes, of a field of its status."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status).group(1)) * 1024


def forget_peak(process):
    """Makes VmHWM the most memory from now on."""
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")


def cpu(process):
    """Seconds that all threads of a process have computed so far."""
    # Counted in nanoseconds, where /proc/PID/stat counts in hundredths of a second. A thread that ends takes its time with
    # it; those of the services live as long as the process.
    seconds = 0
    for file in pathlib.Path(f"/proc/{process.pid}/task").glob("*/schedstat"):
        try:
            seconds += int(file.read_text().split()[0]) / 1e9
        except (FileNotFoundError, ProcessLookupError):
            pass
    return seconds


def descriptors(process):
    """Open sockets. Timers and the like of the runtime come when they are first needed, and stay."""
    count = 0
    for link in pathlib.Path(f"/proc/{process.pid}/fd").iterdir():
        try:
            count += os.readlink(link).startswith("socket:")
        except FileNotFoundError:
            pass
    return count
