#!/usr/bin/env python3
"""Draws the arrows between modules and between the folders of each module, from what is declared and what is used.

arrows.py [--quiet]

Fails on an arrow between modules that does not point down the list of ARCHITECTURE.md, and on a circle between the folders of
a module.
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP = "(top)"  # files that lie in no folder
DECLARATION = re.compile(r"\b(?:class|struct|enum|protocol|actor|typealias|macro)\s+([A-Z]\w*)")
WORD = re.compile(r"\b[A-Z]\w*\b")


def without_text(source: str) -> str:
    """The source without comments and string literals; what is interpolated into a string stays."""
    out, index, depth = [], 0, []
    while index < len(source):
        if depth and source[index] == "(":
            depth[-1][1] += 1
        elif depth and source[index] == ")":
            depth[-1][1] -= 1
            if depth[-1][1] == 0:
                quote = depth.pop()[0]
                index = skip_string(source, index + 1, quote, out, depth)
                continue
        if source.startswith("//", index):
            end = source.find("\n", index)
            index = len(source) if end < 0 else end
        elif source.startswith("/*", index):
            end = source.find("*/", index)
            index = len(source) if end < 0 else end + 2
        elif source[index] == '"':
            quote = '"""' if source.startswith('"""', index) else '"'
            index = skip_string(source, index + len(quote), quote, out, depth)
        else:
            out.append(source[index])
            index += 1
    return "".join(out)


def skip_string(source, index, quote, out, depth):
    """From inside a string to behind it, or to the beginning of an interpolation."""
    while index < len(source):
        if source.startswith("\\(", index):
            depth.append([quote, 1])
            out.append(" ")
            return index + 2
        if source[index] == "\\":
            index += 2
        elif source.startswith(quote, index):
            out.append(" ")
            return index + len(quote)
        else:
            index += 1
    return index


def top_level(text: str) -> str:
    """What stands outside of all braces."""
    out, depth = [], 0
    for character in text:
        if character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
        elif depth == 0:
            out.append(character)
    return "".join(out)


def layers() -> list[str]:
    """The modules from the lowest up, as ARCHITECTURE.md lists them from the highest down."""
    block = re.search(r"```\nSources/\n(.*?)```", (ROOT / "ARCHITECTURE.md").read_text(), re.S)[1]
    names = re.findall(r"^  (\w+)/", block, re.M)
    return [name for name in reversed(names) if (ROOT / "Sources" / name).is_dir()]


def reachable(edges, start):
    seen, todo = set(), [start]
    while todo:
        for following in edges[todo.pop()] - seen:
            seen.add(following)
            todo.append(following)
    return seen


def folder(file: pathlib.Path, module: pathlib.Path) -> str:
    parts = file.relative_to(module).parts
    return parts[0] if len(parts) > 1 else TOP


def folders_of(module: pathlib.Path):
    """Arrows between the folders of a module, each with an example: (file, name)."""
    texts = {file: without_text(file.read_text()) for file in sorted(module.rglob("*.swift"))}
    home, nested = collections.defaultdict(set), collections.defaultdict(set)
    for file, text in texts.items():
        for name in DECLARATION.findall(top_level(text)):
            home[name].add(folder(file, module))
        # A type inside another may have the name of one elsewhere: in its own folder that name is taken for it.
        nested[folder(file, module)].update(DECLARATION.findall(text))
    edges, examples = collections.defaultdict(set), collections.defaultdict(list)
    for file, text in texts.items():
        here = folder(file, module)
        for name in sorted(set(WORD.findall(text))):
            if len(home.get(name, ())) == 1 and name not in nested[here]:
                (there,) = home[name]
                edges[here].add(there)
                examples[here, there].append(f"{file.relative_to(module)}: {name}")
    return sorted({folder(file, module) for file in texts}), edges, examples


def main() -> int:
    quiet = "--quiet" in sys.argv
    faults = []
    order = layers()
    modules = sorted(path.name for path in (ROOT / "Sources").iterdir() if path.is_dir())
    for name in modules:
        if name not in order:
            faults.append(f"{name} is not in the list of layers of ARCHITECTURE.md")
    if not quiet:
        print("Modules, from the lowest up")
    for name in order:
        used = set()
        for file in (ROOT / "Sources" / name).rglob("*.swift"):
            used |= set(re.findall(r"^\s*(?:@\w+ )*(?:public |package |internal )?import (\w+)", file.read_text(), re.M))
        used = [other for other in order if other in used]
        if not quiet:
            print(f"  {name} -> {', '.join(used) or '-'}")
        for other in used:
            if order.index(other) >= order.index(name):
                faults.append(f"{name} imports {other}, which does not stand below it")
    for name in order:
        module = ROOT / "Sources" / name
        rooms, edges, examples = folders_of(module)
        knot = {room for room in rooms if room in reachable(edges, room)}
        if not quiet and len(rooms) > 1:
            print(f"{name}")
            for room in rooms:
                print(f"  {room} -> {', '.join(sorted(edges[room])) or '-'}")
        if knot:
            lines = [
                f"    {a} -> {b}: {'; '.join(examples[a, b][:4])}"
                for a in sorted(knot) for b in sorted(edges[a] & knot) if a in reachable(edges, b)
            ]
            faults.append(f"{name}: a circle between {', '.join(sorted(knot))}\n" + "\n".join(lines))
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        print("Arrows: all point down")
    return 1 if faults else 0


sys.exit(main())
