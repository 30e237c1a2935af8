"""Requests whose answers may have no end."""
import urllib.error
import urllib.request

from support.waiting import PATIENCE


def request(server, path, headers=None, method="GET"):
    """Status and headers; the body is not read."""
    asked = urllib.request.Request(f"http://{server.address}{path}", headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=PATIENCE) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers
