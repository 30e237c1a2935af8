"""docs/security.md names tests that exist."""
import re

from support.paths import ROOT

DOCUMENT = ROOT / "docs/security.md"
SWIFT = [file for file in (ROOT / "Tests").glob("*Tests/**/*.swift")]


def rows():
    """The lines of the tables, without their heads and without the table of figures."""
    text = re.sub(r"<!-- attacks -->.*<!-- end of attacks -->", "", DOCUMENT.read_text(), flags=re.S)
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if not line.startswith("| ---") and not line.endswith("| shown by |")]


def is_there(python, function):
    file = ROOT / "Tests/EndToEnd" / python
    return file.exists() and (not function or re.search(rf"^def {function}\(", file.read_text(), re.M))


def test_every_test_that_the_document_names_exists():
    assert len(rows()) > 70
    text = DOCUMENT.read_text()
    python = re.findall(r"`(test_\w+\.py)(?:::(\w+))?`", text)
    swift = re.findall(r'`(\w+\.swift)` "([^"]+)"', text)
    assert len(python) > 70 and len(swift) > 20
    missing = [f"{file}::{function}" for file, function in python if not is_there(file, function)]
    missing += [f'{name} "{title}"' for name, title in swift
                if not any(f'"{title}"' in file.read_text() for file in SWIFT if file.name == name)]
    assert not missing


def test_every_line_of_the_document_names_a_test():
    assert not [line for line in rows() if not re.search(r"`(test_\w+\.py|\w+Tests\.swift)", line.split("|")[-2])]


def test_every_attack_is_in_the_document():
    """Each test of an attack belongs to a line."""
    text = DOCUMENT.read_text()
    functions = [function for file in (ROOT / "Tests/EndToEnd").glob("test_attacks_*.py")
                 for function in re.findall(r"^def (test_\w+)\(", file.read_text(), re.M)]
    assert not [function for function in functions if function not in text]
