"""Creates .venv with everything that Tandem needs: `python3 scripts/bootstrap.py run|dev`, with Python 3.11 or newer.

It uses only the standard library. pip installs uv into .tools, with checked hashes, and uv installs the locked
requirements. A stamp in .venv records what is installed, so that a second run does nothing.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"
STAMP = VENV / "tandem-stamp.json"
UV_REQUIREMENTS = ROOT / "requirements/uv.txt"


def main(kind: str) -> None:
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever python3 is there runs this
        sys.exit(
            f"Tandem needs Python 3.11 or newer, and python3 is {sys.version.split()[0]}. Set PYTHON=python3.12 or so."
        )
    directory = os.open(ROOT, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)  # a second make at the same time waits
    try:
        if not satisfied(kind):
            install(kind)
    finally:
        os.close(directory)


def satisfied(kind: str) -> bool:
    """Whether .venv has this kind of requirements, or dev, which includes run."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return stamp in ([k, digest(k)] for k in {kind, "dev"}) and (VENV / "bin/tandem").exists()


def digest(kind: str) -> str:
    """A hash of everything that decides what is installed: requirements, pyproject, our packages, Python and this folder."""
    seen = hashlib.sha256(f"{sys.version} {sys.prefix} {ROOT}".encode())
    seen.update((ROOT / f"requirements/{kind}.txt").read_bytes())
    seen.update((ROOT / "pyproject.toml").read_bytes())
    for package in sorted(ROOT.glob("*/__init__.py")):
        seen.update(package.parent.name.encode())
    return seen.hexdigest()


def install(kind: str) -> None:
    uv = find_uv()
    say(f"Installing what requirements/{kind}.txt locks into .venv")
    STAMP.unlink(missing_ok=True)
    if not runs(VENV / "bin/python"):
        run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV)
    python = ("--quiet", "--python", VENV / "bin/python")
    run(uv, "pip", "sync", *python, "--require-hashes", ROOT / f"requirements/{kind}.txt")
    run(uv, "pip", "install", *python, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    STAMP.write_text(json.dumps([kind, digest(kind)]))


def find_uv() -> str | Path:
    """The pinned uv; without pip, a uv on PATH."""
    if runs(TOOLS / "bin/uv"):
        return TOOLS / "bin/uv"
    say("Fetching uv, the installer, into .tools")
    shutil.rmtree(TOOLS, ignore_errors=True)
    locked = (
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "-r",
        UV_REQUIREMENTS,
    )
    if quietly(sys.executable, "-m", "venv", TOOLS) and (TOOLS / "bin/pip").exists():
        run(TOOLS / "bin/python", "-m", "pip", "install", *locked)
        return TOOLS / "bin/uv"
    shutil.rmtree(TOOLS, ignore_errors=True)
    if quietly(sys.executable, "-m", "pip", "--version"):
        run(sys.executable, "-m", "pip", "install", "--target", TOOLS, *locked)
        return TOOLS / "bin/uv"
    found = shutil.which("uv")
    if found:
        say(f"This python3 has neither ensurepip nor pip; taking the uv at {found}")
        return found
    sys.exit(
        "This python3 has neither ensurepip nor pip, and no uv is on PATH. Install one of them"
        " (on Debian and Ubuntu: apt-get install python3-venv), then run make again."
    )


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"This failed, see above: {' '.join(str(part) for part in command)}")


def quietly(*command: str | Path) -> bool:
    return subprocess.run([str(part) for part in command], capture_output=True, check=False).returncode == 0


def runs(program: Path) -> bool:
    return program.exists() and quietly(program, "--version")


def say(text: str) -> None:
    print(f"tandem: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
