#!/usr/bin/env python3
"""Names every documentation comment that begins without a subject: scripts/prose.py [FILE …]

The first sentence says what the thing is ("The heartbeat wheel of the current event loop.") or, of a function, what it
does ("Sends what is queued."). A first word such as "Of", "What" or "Asked" means that the subject is missing.
"""
import pathlib
import re
import subprocess
import sys

PREPOSITIONS = """about above after along among as at because before behind below beneath beside besides between beyond by
down during except for from in inside into like near of off on onto out outside over past per since than through till to
toward towards under underneath unless until up upon via with within without""".split()
CONJUNCTIONS = "although and but if nor or so though while yet also only not then".split()
QUESTIONS = "how what when where wherever which whichever who whoever whom whose why".split()
PARTICIPLES = """asked called done found given kept known made meant needed read seen sent set shown taken told tried
used""".split()
FRAGMENTS = "default default: see seconds seconds. bytes. rfc nil true false ```swift ``` - default.".split()
WITHOUT_SUBJECT = {*PREPOSITIONS, *CONJUNCTIONS, *QUESTIONS, *PARTICIPLES, *FRAGMENTS}
# These are verbs or nouns as well.
FINE = re.compile(r"^(Sets? of|Reads? |Sets )")


def complaints(path):
    """Yields line number and text of each comment that begins without a subject."""
    inside = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if not text.startswith("///") or text.startswith("////"):
            inside = False
            continue
        begins, inside = not inside, True
        text = text[3:].strip()
        if not begins or not text:
            continue
        if text.startswith("- "):
            continue  # nothing but parameters, errors or a result
        word = text.split()[0].strip("`*\"'(,").lower()
        if word in WITHOUT_SUBJECT and not FINE.match(text):
            yield number, text


def main():
    files = sys.argv[1:] or subprocess.run(
        ["git", "ls-files", "*.swift"], check=True, capture_output=True, text=True).stdout.split()
    found = [f"{file}:{number}: {text}" for file in files for number, text in complaints(pathlib.Path(file))]
    for line in found:
        print(line)
    if found:
        sys.exit(f"{len(found)} comments begin without a subject")


if __name__ == "__main__":
    main()
