"""A connection for several requests, which outlives the listener."""
import http.client

from support.waiting import PATIENCE


def connected(server):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    connection.connect()
    return connection


def ask(connection, path, body=None):
    """Status and text of the answer, to a POST if there is a body."""
    connection.request("POST" if body else "GET", path, body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()
