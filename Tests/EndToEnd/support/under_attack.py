"""A service, an honest client of it, and those who attack it at the same time: what became of each."""
import contextlib
import dataclasses
import time

from support.attack_process import AttackProcess
from support.attacks import ATTACKS
from support.attacks.back_end import fragile_back_end
from support.honest_client import HonestProcess
from support.processes import forget_peak, memory
from support.server import Server

KEY = "a key of more than 16 bytes"


@dataclasses.dataclass
class Outcome:
    """What an honest client saw while others attacked, and what that took."""
    saw: dict
    beside: dict | None  # what a client of another service saw, which nobody attacked
    attacks: dict  # what each attack did, and how often
    resident: int  # bytes before
    peak: int  # bytes, the most while it lasted
    cpu: float  # of one processor
    log_rate: float  # bytes of log a second

    @property
    def p99(self):
        return self.saw["p99"]

    @property
    def growth(self):
        return self.peak - self.resident


@contextlib.contextmanager
def running(command, arguments, **options):
    server = Server(command, "--listen", "127.0.0.1:0", *arguments,
                    env={"MARTLET_API_KEY": KEY} if command == "serve" else None, **options)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


def observe(names, seconds, interval, log_file, command="serve", beside=False):
    """An honest client's time while these attacks run; without any, a quiet time.

    With `beside` there is a second service with an honest client, which nobody attacks: what that client waits for is the
    machine.
    """
    attacks = [ATTACKS[name] for name in names]
    command = attacks[0].command if attacks else command
    arguments = [argument for attack in attacks for argument in attack.arguments]
    limits = [attack.descriptors for attack in attacks if attack.descriptors]
    # Many attacks at once need some hundred connections to be attacks at all.
    descriptors = (limits[0] if len(attacks) == 1 else 1024) if limits else None
    with contextlib.ExitStack() as stack:
        if any(attack.asks_back_end for attack in attacks):
            back_end = fragile_back_end()
            stack.callback(back_end.server_close)
            stack.callback(back_end.shutdown)
            arguments += ["--auth-url", back_end.url]
        server = stack.enter_context(running(command, arguments, descriptors=descriptors, log_file=log_file))
        honest = HonestProcess(command, server.address, seconds, interval, KEY)
        stack.callback(honest.kill)
        other = None
        if beside:
            twin = stack.enter_context(running(command, ["--log-level", "warning"]))
            other = HonestProcess(command, twin.address, seconds, interval, KEY)
            stack.callback(other.kill)
        forget_peak(server.process)
        resident = server.rss()
        attackers = {}
        for name in names:
            attackers[name] = AttackProcess(name, server.address, KEY)
            stack.callback(attackers[name].kill)
        for attack in attackers.values():
            attack.begun()
        cpu, begin, logged = server.cpu(), time.monotonic(), log_file.stat().st_size
        honest.begin()
        if other:
            other.begin()
        saw, beside = honest.result(), other.result() if other else None
        did = {name: attack.stop() for name, attack in attackers.items()}
        took = time.monotonic() - begin
        assert server.process.poll() is None, "the service has ended"
        return Outcome(saw, beside, did, resident, memory(server.process, "VmHWM"), (server.cpu() - cpu) / took,
                       (log_file.stat().st_size - logged) / took)
