"""Reloading: files that change, go, or are read again at SIGHUP, without a restart."""
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess

from support.raw_client import RawClient
from support.waiting import PATIENCE, eventually


def test_a_changed_file_counts_without_a_restart(start, tmp_path):
    file, keys = tmp_path / "martlet.yaml", tmp_path / "keys"
    keys.write_text("first\n")
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    client = RawClient(server.address)
    client.register("jack", "a")
    server.push_until("jack", "a", "x", 1)
    message = {"userId": "jack", "event": "a", "message": "x"}
    file.write_text(f"listen: 127.0.0.1:0\napiKeyFile: {keys}\nlimits: {{sessionsPerUser: 1}}\nwsPath: /other\n")
    eventually(lambda: server.post("/push", message)[0] == 401, "keys are asked for")
    assert server.post("/push", message, {"X-API-Key": "first"})[:2] == (200, "message sent to 1 clients")
    # What cannot change is said, and everything else counts.
    eventually(lambda: any("waits for a restart" in line and "wsPath" in line for line in server.log), "it is said")
    for count, code in ((1, None), (2, 1013)):
        other = RawClient(server.address)
        other.register("jill", "a")
        if code:
            assert other.read_close()[0] == code
        else:
            kept = other
            eventually(lambda: server.post("/push", {**message, "userId": "jill"}, {"X-API-Key": "first"})[1].endswith("1 clients"), "jill is there")
    # A file that it names only since then is looked at as well.
    keys.write_text("second\n")
    eventually(lambda: server.post("/push", message, {"X-API-Key": "second"})[0] == 200, "the new key counts")
    # A mistake changes nothing.
    file.write_text("limits: nonsense\n")
    eventually(lambda: any("cannot reload a file" in line and "expected a mapping" in line for line in server.log), "it is said")
    assert server.post("/push", message, {"X-API-Key": "second"})[0] == 200
    assert server.post("/push", message)[0] == 401
    kept.close()


def test_sighup_reads_the_file_again(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    stamp = file.stat()
    file.write_text("limits: {bodySize: 10}\n#" + " " * 0)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("read a file again" in line for line in server.log), "it is said")


def test_sighup_says_that_a_file_has_gone(start, tmp_path):
    file = tmp_path / "martlet.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    server = start("serve", "--config", str(file))
    file.unlink()
    eventually(lambda: any("a file has gone" in line and "martlet.yaml" in line for line in server.log), "it is said")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: any("cannot reload a file; its previous contents stay in use" in line and "martlet.yaml" in line for line in server.log), "it is said")


def test_tls_and_a_certificate_that_changes(start, tmp_path, certificates):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    for source, target in ((certificates["cert"], cert), (certificates["key"], key)):
        target.write_text(open(source).read())
    server = start("serve", "--listen", "127.0.0.1:0", "--tls-certificate", str(cert), "--tls-key", str(key))
    context = ssl.create_default_context(cafile=certificates["ca"])

    def connect():
        return context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), PATIENCE), server_hostname="localhost")

    def serial():
        with connect() as one:
            return one.getpeercert()["serialNumber"]

    client = RawClient.__new__(RawClient)
    client.socket, client.received = connect(), b""
    client.send_handshake()
    assert client.read_head().startswith(b"HTTP/1.1 101 ")
    client.register("jack", "a")

    def push():
        connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=PATIENCE)
        connection.request("POST", "/push", json.dumps({"userId": "jack", "event": "a", "message": "x"}))
        return connection.getresponse().read()

    eventually(lambda: push() == b"message sent to 1 clients", "it is registered")
    before = serial()
    subprocess.run(
        ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", tmp_path / "new", "-out", tmp_path / "request"],
        check=True, capture_output=True)
    (tmp_path / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    subprocess.run(
        ["openssl", "x509", "-req", "-in", tmp_path / "request", "-CA", certificates["ca"], "-CAkey", certificates["cakey"],
         "-CAcreateserial", "-days", "2", "-extfile", tmp_path / "extensions", "-out", cert], check=True, capture_output=True)
    # The key is still the old one: the pair cannot be used, and the old pair stays.
    eventually(lambda: any("kept the old certificate" in line for line in server.log), "it is said")
    assert serial() == before
    key.write_text((tmp_path / "new").read_text())
    eventually(lambda: serial() != before, "the new certificate counts")
    assert push() == b"message sent to 1 clients" and client.read_frame()[1] == b"x"
