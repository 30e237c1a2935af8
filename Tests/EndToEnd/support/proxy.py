"""A running `martlet proxy`: its configuration, the way to it, and what its admin listener says."""
import json
import re
import socket
import urllib.request

from support.waiting import PATIENCE, eventually


def run_proxy(start, tmp_path, configuration, *arguments):
    """A proxy with an admin listener; `configuration` lacks its listeners when one plain one will do."""
    configuration = {"listeners": ["127.0.0.1:0"], "admin": {"listen": "127.0.0.1:0"}, "drain": {"time": "1s"}, **configuration}
    file = tmp_path / "proxy.json"
    file.write_text(json.dumps(configuration))
    proxy = start("proxy", "--config", str(file), "--log-level", "notice", *arguments)
    proxy.file = file
    eventually(lambda: any("/metrics" in line for line in proxy.output), "the proxy says where its metrics are")
    line = next(line for line in proxy.output if "/metrics" in line)
    proxy.ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", line.split(";")[0].split(" to ")[0])]
    proxy.admin = int(re.search(r":(\d+)/metrics", line).group(1))
    return proxy


def to(server, **route):
    """A configuration with one route to a server."""
    address = server if isinstance(server, str) else server.address
    return {"routes": [{"to": address if "://" in address else f"http://{address}", **route}]}


def url(proxy, path="/"):
    return f"http://127.0.0.1:{proxy.port}{path}"


def connect(proxy):
    return socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)


def admin(proxy, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{proxy.admin}{path}", timeout=PATIENCE) as response:
        return response.read().decode()


def metric(proxy, name, **labels):
    """The sum of a metric's series that have these labels."""
    total = 0
    for line in admin(proxy).splitlines():
        found = re.match(rf"{name}(?:{{(.*)}})? ([0-9.e+]+)$", line)
        if found and all(f'{key}="{value}"' in (found.group(1) or "") for key, value in labels.items()):
            total += float(found.group(2))
    return total
