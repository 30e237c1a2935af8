"""Prometheus' own tool, which says nothing of what is as it should be."""
import re
import subprocess

from support.waiting import PATIENCE


def promtool(*arguments, text=None):
    """The exit code, and what it prints."""
    done = subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


def complaints(text):
    """The exit code and the complaints of `promtool check metrics`."""
    return promtool("check", "metrics", text=text)


def names(text):
    """The names of the series in Prometheus' text format."""
    return set(re.findall(r"^(\w+)(?:{.*})? \S+$", text, re.M))


def families(text):
    """The names that have a type and at least one series."""
    return {name for name in re.findall(r"^# TYPE (\w+) ", text, re.M) if re.search(rf"^{name}(_count)?[ {{]", text, re.M)}
