"""What strangers do to a service, each for as long as it is let: `AttackProcess` starts one in a process of its own.

An attack is a function that takes a `Target` and a `Counter`, does its worst for ever, and counts what it did. Several
threads may run it at once.
"""
import dataclasses
from typing import Callable

from support.attacks import back_end, connections, json_bodies, keys, messages, names

MiB = 1 << 20
OF_HISTORY = 64 * MiB  # what all channels together may keep
UNDER_WAY = "under way"  # what the process of an attack says as soon as there is a proof of it


@dataclasses.dataclass(frozen=True)
class Attack:
    """An attack, and the service that it is made on."""
    name: str
    run: Callable
    proof: str  # what it counts when it has reached the service, and the service did what the attack is about
    threads: int = 1
    command: str = "serve"
    arguments: tuple = ()
    descriptors: int | None = None
    asks_back_end: bool = False  # whether tokens are checked by a back end
    growth: int = 48 * MiB  # the most bytes that the service may take because of it


ATTACKS = {attack.name: attack for attack in (
    Attack("deep JSON", json_bodies.deep, "400", threads=2),
    Attack("long JSON as deep as it may be", json_bodies.at_the_limit, "200", threads=2, growth=OF_HISTORY + 64 * MiB),
    Attack("answers that nobody reads", connections.unread_answers, "connections"),
    Attack("idle connections", connections.idle, "200", descriptors=256),
    Attack("refused clients that come back", connections.refused, "403", threads=60, descriptors=256),
    Attack("tokens that make the back end fail", back_end.failing_tokens, "503", asks_back_end=True),
    Attack("500 clients at once", back_end.crowd, "clients", asks_back_end=True),
    Attack("100 events a poll", back_end.many_events, "200", threads=4, asks_back_end=True),
    Attack("names of 8 KiB", names.long_names, "200", growth=OF_HISTORY + 48 * MiB),
    Attack("idempotency keys", names.idempotency_keys, "200", growth=OF_HISTORY + 48 * MiB),
    Attack("wrong API keys", keys.wrong_keys, "401"),
    Attack("origins that control a terminal", keys.terminal_codes, "403"),
    Attack("unfinished register messages", messages.unfinished_registers, "messages begun"),
    Attack("unfinished compressed messages", messages.unfinished_compressed, "messages begun", command="echo", arguments=("--compress",),
           growth=96 * MiB),
)}
