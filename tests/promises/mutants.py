"""`make mutants`: each breach of a promise, put into a copy of the tree one at a time; the tests must go red for it.

A property test that cannot fail proves nothing. A mutant is an exact replacement or two; it is caught where any of its
tests fails. One that applies nowhere, or whose tests fail without it, is reported as such: mend this list then.
Not part of `make test`; it takes about three quarters of an hour.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.promises import breaches, invoice_breaches
from tests.promises.breaches import Breach

BREACHES = (*breaches.BREACHES, *invoice_breaches.BREACHES)
ROOT = Path(__file__).resolve().parents[2]
AT_ONCE = 2
SECONDS = 900


@dataclass(frozen=True)
class Verdict:
    breach: Breach
    told: str
    caught: bool


@contextmanager
def copied() -> Iterator[Path]:
    """What git tracks, as it stands here, in a folder that PostgreSQL's user may pass."""
    with tempfile.TemporaryDirectory(prefix="tandem-mutant-") as folder:
        Path(folder).chmod(0o755)
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in listed.decode().split("\0"):
            if name and (ROOT / name).is_file():
                (Path(folder) / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, Path(folder) / name)
        yield Path(folder)


def run(folder: Path, tests: Sequence[str]) -> int:
    """pytest's exit code: 0 green, 1 red; the copy's packages come before the installed ones, as tests is a package."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", "not long", *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, check=False, timeout=SECONDS, env=environment(folder)
        )
    except subprocess.TimeoutExpired:
        return 1
    return done.returncode


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "PYTHONPATH": str(folder)}


def put(folder: Path, breach: Breach) -> bool:
    """Into the copy; False where the text of an edit does not stand there just once."""
    for edit in breach.edits:
        path = folder / edit.file
        text = path.read_text()
        if text.count(edit.old) != 1:
            return False
        path.write_text(text.replace(edit.old, edit.new))
    return True


def judge(breach: Breach) -> Verdict:
    with copied() as folder:
        if not put(folder, breach):
            return Verdict(breach, "STALE: what it replaces does not stand once in its file", False)
        code = run(folder, breach.tests)
    if code == 1:
        return Verdict(breach, "caught", True)
    return Verdict(breach, "MISSED" if code == 0 else f"BROKEN: pytest ended with {code}", False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names")
    only = parser.parse_args().only
    chosen = [one for one in BREACHES if not only or any(part in one.name for part in only)]
    tests = sorted({test for one in chosen for test in one.tests})
    with copied() as folder:
        if run(folder, tests) != 0:
            sys.exit("The tests are not green without any mutant.")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        verdicts = []
        for verdict in pool.map(judge, chosen):
            print(f"{verdict.told:8} {verdict.breach.name}", flush=True)
            verdicts.append(verdict)
    caught = sum(verdict.caught for verdict in verdicts)
    print(f"{caught} of {len(verdicts)} caught")
    sys.exit(caught != len(verdicts))


if __name__ == "__main__":
    main()
