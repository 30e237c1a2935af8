"""Polls: what is answered, and whether a token is good enough."""
import httpx

from support.event_stream import query
from support.waiting import PATIENCE


def poll(server, **values):
    """Status and the answer's JSON; of a refusal, its text."""
    answer = httpx.get(f"http://{server.address}/poll?{query(**values)}", timeout=PATIENCE)
    if answer.is_error:
        return answer.status_code, answer.text
    return answer.status_code, answer.json() if answer.content else None


def data(answer):
    """The messages of an answer."""
    return [item["data"] for item in answer["publications"]]


def status(client, token):
    """The status that a poll with this token is answered with."""
    return client.get("/poll", params={"token": token, "event": "e", "after": "", "wait": 0}).status_code
