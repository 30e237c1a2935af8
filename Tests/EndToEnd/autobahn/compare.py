#!/usr/bin/env python3
"""Compares the verdicts of Autobahn through the proxy with those without it: compare.py DIRECTORY"""
import json
import pathlib
import sys

CASES = 517
directory = pathlib.Path(sys.argv[1])


def verdicts(name):
    report = directory / name / "report/index.json"
    if not report.exists():
        sys.exit(f"{name}: there is no report")
    (cases,) = json.loads(report.read_text()).values()
    if len(cases) != CASES:
        sys.exit(f"{name}: {len(cases)} of {CASES} cases")
    return {case: (one["behavior"], one["behaviorClose"]) for case, one in cases.items()}


different = 0
for backend in ("martlet", "gorilla"):
    direct = verdicts(f"{backend}-direct")
    for mode in ("tunnel", "aware"):
        proxied = verdicts(f"{backend}-{mode}")
        for case in sorted(direct, key=lambda case: [int(part) for part in case.split(".")]):
            if direct[case] != proxied[case]:
                different += 1
                print(f"{backend}, {mode}: case {case} is {proxied[case]}, without the proxy {direct[case]}")
        print(f"{backend}, {mode}: {len(proxied)} cases, the same verdicts as without the proxy"
              if not different else f"{backend}, {mode}: verdicts differ")
sys.exit(1 if different else 0)
