"""A running `martlet` command, on a port that the kernel chose, and what is asked of it over HTTP."""
import json
import os
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

from support.paths import MARTLET
from support.processes import cpu, memory
from support.waiting import PATIENCE, eventually


class Server:
    """A running `martlet` command; its output is read so that it never blocks."""

    def __init__(self, *arguments, env=None, descriptors=None, log_file=None):
        """`descriptors` is the limit of open files that the process cannot raise. Its log goes to the file, if there is one."""
        limited = ["prlimit", f"--nofile={descriptors}:{descriptors}"] if descriptors else []
        with open(log_file or os.devnull, "w") as file:
            self.process = subprocess.Popen(
                [*limited, MARTLET, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=file if log_file else subprocess.PIPE, text=True, encoding="utf-8", errors="backslashreplace",
                env={**os.environ, **(env or {})})
        self.output, self.log = [], []
        self._ready = threading.Event()
        for stream, lines in ((self.process.stdout, self.output), (self.process.stderr, self.log)):
            if stream:
                threading.Thread(target=self._read, args=(stream, lines), daemon=True).start()
        if not self._ready.wait(PATIENCE) or not hasattr(self, "port"):
            self.stop()
            raise AssertionError(f"the server did not listen: {self.output} {self.log}")

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line)
            # With a log in JSON the address is in there, and no greeting tells it.
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            if found and not hasattr(self, "port") and (stream is self.process.stdout or line.startswith("{") and "listening" in line):
                self.port = int(found.group(1))
                self._ready.set()
        if stream is self.process.stdout:
            self._ready.set()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def post(self, path, body, headers=None, method="POST"):
        """Status, body and headers of a request."""
        if not isinstance(body, (bytes, type(None))):
            body = json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.address}{path}", data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                return response.status, response.read().decode(), response.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers

    def push(self, user, event, message):
        status, body, _ = self.post("/push", {"userId": user, "event": event, "message": message})
        assert status == 200, body
        return int(re.fullmatch(r"message sent to (\d+) clients", body).group(1))

    def push_until(self, user, event, message, count):
        """A register message is not answered: pushes until as many clients as expected get it."""
        eventually(lambda: self.push(user, event, message) == count, f"{count} clients of {user}/{event}")

    def metric(self, name):
        """The sum of a metric's series."""
        text = self.post("/metrics", None, method="GET")[1]
        return sum(map(int, re.findall(rf"^{name}(?:{{.*}})? (\d+)$", text, re.M)))

    def rss(self):
        return memory(self.process)

    def cpu(self):
        """Seconds that the process has computed so far."""
        return cpu(self.process)

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
