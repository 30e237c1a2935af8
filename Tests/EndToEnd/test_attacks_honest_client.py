"""An honest client waits no longer because others attack the service, and the service takes no more than its limits.

`Benchmarks/attacks.py` takes more time for the same, and prints the figures of docs/security.md.
"""
import pytest

from support.attacks import ATTACKS
from support.under_attack import observe

SECONDS, INTERVAL = 2, 0.02
# The p99 of deliveries on a quiet machine is about a millisecond. Below these times it says more of the machine, whose
# processors the attacks share, than of the service.
FLOOR, FLOOR_OF_ALL = 0.02, 0.1
HEALTH = 0.5  # seconds in which a health check is answered
LOG = 50_000  # bytes of log a second


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """The p99 of each command when nothing happens."""
    folder = tmp_path_factory.mktemp("quiet")
    return {command: observe([], SECONDS, INTERVAL, folder / "log", command).p99 for command in ("serve", "echo")}


def assert_unharmed(outcome, quiet, floor, growth):
    print(f"p99 {outcome.p99 * 1000:.1f} ms, quiet {quiet * 1000:.1f} ms; {outcome.cpu:.2f} CPU; "
          f"{(outcome.peak - outcome.resident) >> 20} MiB more; {outcome.log_rate:.0f} B of log a second; {outcome.attacks}")
    for name, did in outcome.attacks.items():
        assert did, f"{name} took place"
    assert not outcome.saw["mishaps"], outcome.saw["mishaps"][:10]
    assert outcome.p99 <= max(2 * quiet, floor)
    assert max(outcome.saw["health"], default=0) <= max(HEALTH, floor)
    assert outcome.peak - outcome.resident <= growth
    assert outcome.log_rate < LOG


@pytest.mark.timing
@pytest.mark.parametrize("name", ATTACKS)
def test_an_honest_client_waits_no_longer(quiet, tmp_path, name):
    attack = ATTACKS[name]
    outcome = observe([name], SECONDS, INTERVAL, tmp_path / "log")
    assert_unharmed(outcome, quiet[attack.command], FLOOR, attack.growth)


@pytest.mark.timing
def test_an_honest_client_survives_all_attacks_at_once(quiet, tmp_path):
    attacks = [attack for attack in ATTACKS.values() if attack.command == "serve"]
    outcome = observe([attack.name for attack in attacks], SECONDS, INTERVAL, tmp_path / "log")
    assert_unharmed(outcome, quiet["serve"], FLOOR_OF_ALL, 384 << 20)
