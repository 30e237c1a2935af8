"""A restart with 5,000 clients of martlet.js, over every transport, and pushes all the time: nothing accepted is lost, and
they come back in turns."""
import http.client
import json
import os
import socket
import subprocess
import threading
import time

import pytest

from support.paths import ARTIFACTS, MARTLET, MARTLET_JS, ROOT
from support.socket_activation import with_listener
from support.waiting import PATIENCE, eventually

CLIENTS = 5000
DRAIN = 4  # seconds
RETRY = 3  # seconds, the longest


class Successive:
    """Services that hand one listening socket to each other, as systemd has them do."""

    def __init__(self, listener):
        self.process = subprocess.Popen(
            with_listener([MARTLET, "serve", "--drain-time", f"{DRAIN}s", "--retry", f"{RETRY}s", "--log-level", "warning"], listener),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, pass_fds=[listener.fileno()])
        for line in self.process.stdout:
            if "listening" in line:
                return
        raise AssertionError("it did not start")


class BackEnd:
    """Pushes to one user after the other on a connection that it keeps, or a new one when that has gone."""

    def __init__(self, port):
        self.port, self.is_over = port, False
        self.accepted, self.unheard, self.refused, self.failed = [], [], 0, 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        connection, number = None, 0
        while not self.is_over:
            user, number = number * 7919 % CLIENTS, number + 1
            body = json.dumps({"userId": f"user{user}", "event": "alerts", "message": str(number)})
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                connection.request("POST", "/push", body)
                answer = connection.getresponse()
                text = answer.read().decode()
            except (OSError, http.client.HTTPException):
                # It has not been accepted, as far as a back end can tell.
                self.failed, connection = self.failed + 1, None
                continue
            if answer.status == 503:
                self.refused += 1
            elif text == "message sent to 1 clients":
                self.accepted.append((user, str(number)))
            else:
                assert answer.status == 200 and text == "message sent to 0 clients", text
                self.unheard.append((user, str(number)))


def draw(times, path):
    """How many came back in each quarter of a second, from the signal on."""
    bars = [0] * (4 * (DRAIN + RETRY + 2))
    for at in times:
        bars[min(int(at * 4), len(bars) - 1)] += 1
    width, height, top = 720, 240, max(bars)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height + 60}" font-family="sans-serif" font-size="12">',
             f'<rect width="100%" height="100%" fill="#fff"/><text x="10" y="16">{CLIENTS} clients of martlet.js come back after SIGTERM '
             f'(drain.time {DRAIN} s, retry {RETRY} s)</text>']
    for index, count in enumerate(bars):
        bar = count / top * (height - 40)
        x = 40 + index * (width - 60) / len(bars)
        parts.append(f'<rect x="{x:.1f}" y="{height - bar:.1f}" width="{(width - 60) / len(bars) - 2:.1f}" height="{bar:.1f}" fill="#2563eb"/>')
        if index % 4 == 0:
            parts.append(f'<text x="{x:.1f}" y="{height + 18}">{index // 4} s</text>')
    parts.append(f'<text x="4" y="44">{top}</text><text x="40" y="{height + 42}">clients in each quarter of a second</text></svg>')
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(parts))


@pytest.mark.timing
def test_a_restart_with_five_thousand_clients(tmp_path):
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listener:
        port = listener.getsockname()[1]
        first = Successive(listener)
        pages = subprocess.Popen(
            ["node", ROOT / "Tests/EndToEnd/clients/martlet-js/many.js", MARTLET_JS,
             f"http://127.0.0.1:{port}/", str(CLIENTS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})
        second = back_end = None
        try:
            assert pages.stdout.readline() == "open\n"
            back_end = BackEnd(port)
            eventually(lambda: len(back_end.accepted) > 500, "pushes arrive")
            begun = time.time()
            first.process.terminate()
            second = Successive(listener)

            def report():
                pages.stdin.write("\n")
                pages.stdin.flush()
                return json.loads(pages.stdout.readline())

            assert first.process.wait(PATIENCE) == 0
            eventually(lambda: report()["open"] == CLIENTS, "all are back", 40)
            heard = len(back_end.accepted)
            eventually(lambda: len(back_end.accepted) > heard + 500, "pushes arrive at the next service")
            back_end.is_over = True
            back_end.thread.join(PATIENCE)

            def missing(seen):
                """What was accepted for a client, with its transport, and has not come."""
                got = [set(messages) for messages in seen["got"]]
                return [(user, seen["transports"][user % 40], message) for user, message in back_end.accepted
                        if message not in got[user]]

            # What the back end was told is true of every push; the last ones may still be on their way.
            eventually(lambda: not missing(report()), lambda: f"every accepted push arrives: {missing(report())[:10]}")
            seen = report()
            times = sorted(at / 1000 - begun for at in seen["opened"])
            draw(times, ARTIFACTS / "restart.svg")
            print(f"{len(back_end.accepted)} pushes heard, {len(back_end.unheard)} kept for later, "
                  f"{back_end.refused} refused, {back_end.failed} failed; "
                  f"back after {times[0]:.2f} to {times[-1]:.2f} s, the median {times[len(times) // 2]:.2f} s")
            got = [set(messages) for messages in seen["got"]]
            # What was kept for a client that was away has come, or the client knows that something is missing.
            lost = [one for one in back_end.unheard if one[1] not in got[one[0]] and one[0] not in seen["gaps"]]
            assert lost == [], lost[:10]
            assert sum(map(len, seen["got"])) == sum(map(len, got)), "nothing comes twice"
            # Everybody was told a time of its own to come back at; how the machine kept it is in the picture. But polls, a twentieth
            # of all, that were answered with a push meanwhile went to the next service without a word.
            assert len(times) >= 0.9 * CLIENTS and times[-1] - times[0] > RETRY / 2
            # A few whose connection broke in the middle go by a time of their own, mostly below a second.
            told = sorted(int(time) for time in seen["told"] if 1000 * RETRY / 3 <= time <= 1000 * RETRY)
            assert len(told) >= 0.9 * CLIENTS
            assert max(sum(low <= time < low + 100 for time in told) for low in range(told[0], told[-1], 50)) < len(told) / 10
        finally:
            if back_end:
                back_end.is_over = True
            for process in (pages, first.process, second and second.process):
                if process:
                    process.kill()
                    process.wait()
