"""`martlet connect` through forward proxies: HTTP, HTTPS, SOCKS5."""
import base64
import functools
import os
import socket
import struct
import threading

import pytest

from support.command import run

connect = functools.partial(run, "connect")


class Proxy(threading.Thread):
    """A forward proxy: HTTP CONNECT, with or without TLS, or SOCKS5. Notes what it was asked."""

    def __init__(self, kind, certificates=None):
        super().__init__(daemon=True)
        self.kind, self.certificates, self.asked = kind, certificates, []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        if self.kind == "https":
            import ssl
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificates["cert"], self.certificates["key"])
            client = context.wrap_socket(client, server_side=True)
        if self.kind == "socks5":
            version, count = client.recv(2)
            client.recv(count)
            client.sendall(b"\x05\x00")
            _, _, _, address_kind = client.recv(4)
            host = socket.inet_ntoa(client.recv(4)) if address_kind == 1 else client.recv(client.recv(1)[0]).decode()
            port = struct.unpack("!H", client.recv(2))[0]
            self.asked.append(f"{host}:{port}")
            upstream = socket.create_connection((host, port))
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        else:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            self.asked.append(head.decode())
            if b"proxy-authorization: Basic " + base64.b64encode(b"u:p") not in head.replace(b"Proxy-A", b"proxy-a"):
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return client.close()
            host, port = head.split()[1].decode().rsplit(":", 1)
            try:
                upstream = socket.create_connection((host, int(port)))
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return client.close()
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")

        def pump(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
            except OSError:
                pass
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        threading.Thread(target=pump, args=(client, upstream), daemon=True).start()
        pump(upstream, client)


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("tls", [False, True], ids=["ws", "wss"])
def test_proxies(start, certificates, kind, tls):
    options = ["--tls-certificate", certificates["cert"], "--tls-key", certificates["key"]] if tls else []
    server = start("echo", "--listen", "127.0.0.1:0", *options)
    proxy = Proxy(kind, certificates)
    url = f"{'wss' if tls else 'ws'}://localhost:{server.port}/ws"
    login = "" if kind == "socks5" else "u:p@"
    done = connect(
        url, "--ca", certificates["ca"], "--proxy", f"{kind}://{login}localhost:{proxy.port}", input="through\n")
    assert done.returncode == 0 and done.stdout == "through\n", done.stderr
    assert len(proxy.asked) == 1 and f"localhost:{server.port}" in proxy.asked[0]
    if kind != "socks5":
        assert proxy.asked[0].startswith("CONNECT ")
        done = connect(url, "--ca", certificates["ca"], "--proxy", f"{kind}://localhost:{proxy.port}")
        assert done.returncode == 69 and "proxy" in done.stderr
    proxy.listener.close()


def test_proxy_from_the_environment(start):
    server = start("echo", "--listen", "127.0.0.1:0")
    proxy = Proxy("http")
    environment = {**os.environ, "http_proxy": f"http://u:p@127.0.0.1:{proxy.port}"}
    # Loopback is reached directly, whatever the environment says.
    done = connect(f"ws://{server.address}/ws", input="x\n", env=environment)
    assert done.returncode == 0 and not proxy.asked
    done = connect("ws://nosuch.invalid/", env=environment)
    assert done.returncode == 69 and "proxy" in done.stderr and proxy.asked[0].startswith("CONNECT nosuch.invalid:80")
