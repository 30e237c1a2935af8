#!/usr/bin/env python3
"""Compares the verdicts of Autobahn through the proxy with those without it: compare.py DIRECTORY

DIRECTORY holds a folder BACKEND-MODE for the whole run, and BACKEND-MODE-AGAIN for each time that some cases ran again.
Exit status 0: each case got, at least once, a verdict through the proxy that it also got without it. 3: a case did not;
standard output then names them, one "BACKEND MODE CASE..." a line. 1: a report is missing or incomplete.

Why a case may run again: some verdicts are a race between the fuzzer and the echo server. In 3.3 the server echoes a
message and then fails the connection for the frame behind it; gorilla closes its socket with that frame's bytes still
unread, the kernel resets the connection, and whether the fuzzer sees the echo first (OK) or not (NON-STRICT) differs from
run to run, with a proxy and without.
"""
import json
import pathlib
import sys

CASES = 517
directory = pathlib.Path(sys.argv[1])


def report(folder):
    index = folder / "report/index.json"
    if not index.exists():
        sys.exit(f"{folder.name}: there is no report")
    (cases,) = json.loads(index.read_text()).values()
    return {case: (one["behavior"], one["behaviorClose"]) for case, one in cases.items()}


def verdicts(name):
    """{case: the set of verdicts that it got}"""
    whole = report(directory / name)
    if len(whole) != CASES:
        sys.exit(f"{name}: {len(whole)} of {CASES} cases")
    seen = {case: {verdict} for case, verdict in whole.items()}
    for folder in directory.glob(f"{name}-*/"):
        for case, verdict in report(folder).items():
            seen[case].add(verdict)
    return seen


def words(verdicts):
    return " or ".join(sorted(f"{behavior}, close {close}" for behavior, close in verdicts))


different = False
for backend in ("martlet", "gorilla"):
    direct = verdicts(f"{backend}-direct")
    for mode in ("tunnel", "aware"):
        proxied, apart = verdicts(f"{backend}-{mode}"), []
        for case in sorted(direct, key=lambda case: [int(part) for part in case.split(".")]):
            if not direct[case] & proxied[case]:
                apart.append(case)
                print(f"{backend}, {mode}: case {case} is {words(proxied[case])}; without the proxy {words(direct[case])}",
                      file=sys.stderr)
            elif len(direct[case] | proxied[case]) > 1:
                print(f"{backend}, {mode}: case {case} varies: {words(proxied[case])}; without the proxy "
                      f"{words(direct[case])}", file=sys.stderr)
        if apart:
            different = True
            print(backend, mode, *apart)
        else:
            print(f"{backend}, {mode}: {len(proxied)} cases, the same verdicts as without the proxy", file=sys.stderr)
sys.exit(3 if different else 0)
