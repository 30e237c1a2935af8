"""systemd: what it hears of the service, and the sockets that it hands over."""
import http.client
import os
import signal
import socket
import subprocess

import pytest

from support.kept_connection import ask
from support.paths import MARTLET
from support.socket_activation import with_listener
from support.waiting import PATIENCE


class Manager:
    """Starts `martlet serve` as systemd does."""

    def __init__(self, tmp_path, *arguments, listener=None):
        self.path = str(tmp_path / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(PATIENCE)
        environment = {**os.environ, "NOTIFY_SOCKET": self.path, "WATCHDOG_USEC": "200000"}
        command = [MARTLET, "serve", *arguments]
        options = {}
        if listener:
            command = with_listener(command, listener)
            options = {"pass_fds": [listener.fileno()]}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def hears(self, text):
        while True:
            said = self.socket.recv(100).decode()
            if said == text:
                return
            assert said == "WATCHDOG=1", said


@pytest.mark.timing
def test_systemd_hears_how_it_is(tmp_path):
    manager = Manager(tmp_path, "--listen", "127.0.0.1:0")
    manager.hears("READY=1")
    for _ in range(2):
        manager.hears("WATCHDOG=1")
    manager.process.terminate()
    manager.hears("STOPPING=1")
    assert manager.process.wait(PATIENCE) == 0


def test_sockets_of_systemd_outlive_the_process(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        for number in range(2):
            folder = tmp_path / str(number)
            folder.mkdir()
            # Who connects while nobody runs waits in the kernel.
            early = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            early.connect()
            early.putrequest("GET", "/readyz")
            early.endheaders()
            manager = Manager(folder, listener=listener)
            manager.hears("READY=1")
            assert early.getresponse().status == 200
            manager.process.terminate()
            assert manager.process.wait(PATIENCE) == 0, manager.process.stderr.read()


def test_a_socket_that_everybody_reaches_needs_tokens_and_keys(tmp_path):
    with socket.create_server(("0.0.0.0", 0)) as listener:
        # Whatever it was told of the address: the socket counts.
        manager = Manager(tmp_path, "--listen", f"127.0.0.1:{listener.getsockname()[1]}", listener=listener)
        assert manager.process.wait(PATIENCE) == 78
        assert "can be reached from other machines" in manager.process.stderr.read()


def test_a_reload_does_not_open_what_everybody_reaches(tmp_path):
    keys, file = tmp_path / "keys", tmp_path / "martlet.yaml"
    keys.write_text("secret jack\n")
    file.write_text(f"apiKeyFile: {keys}\ntokenFile: {keys}\n")
    with socket.create_server(("0.0.0.0", 0)) as listener:
        manager = Manager(tmp_path, "--config", str(file), listener=listener)
        manager.hears("READY=1")
        file.write_text("{}\n")
        manager.process.send_signal(signal.SIGHUP)
        while "cannot reload a file; its previous contents stay in use" not in (line := manager.process.stderr.readline()):
            assert line
        assert "can be reached from other machines" in line
        connection = http.client.HTTPConnection("127.0.0.1", listener.getsockname()[1], timeout=PATIENCE)
        assert ask(connection, "/push", "{}")[0] == 401
        manager.process.kill()
        manager.process.wait()
