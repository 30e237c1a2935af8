"""Where things are: the project, what it builds, and what the tests leave behind."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARIES = ROOT / ".build/release"
MARTLET = os.environ.get("MARTLET", str(BINARIES / "martlet"))
PACKAGE = ROOT / "Sources/MartletServer/Script/Package"  # martlet.js, as npm packs it
MARTLET_JS = PACKAGE / "martlet.js"
GORILLA_ECHO = ROOT / ".cache/gorilla-echo"  # echo server and client with gorilla/websocket
ARTIFACTS = pathlib.Path(os.environ.get("ARTIFACTS", ROOT / "artifacts"))
