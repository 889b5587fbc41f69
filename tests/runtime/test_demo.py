"""`tandem demo`, run as a person runs it, and its figures against an independent count."""

import json
import os
import socket
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from runtime.demo.contacts import PRACTICE
from runtime.demo.parts import SEED
from xero.simulator.practice import practice_overlap
from xero.simulator.world import World

SECONDS = ("seconds", "toXeroSeconds", "toPracticeSeconds", "invoiceSeconds", "paidSeconds")


def key(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())


def counted(world: World) -> dict[str, int]:
    """The rule said plainly: full match, conflict, new, or left out by the filter."""
    [organisation] = world.organisations.values()
    contacts = list(organisation.contacts)
    ours = [
        (key(one["name"]), key(one["billing_email"])) for one in practice_overlap(contacts, SEED, PRACTICE)
    ]
    taken = [one for one in contacts if one.status == "ACTIVE" and (one.is_customer or one.is_supplier)]
    theirs = [(key(one.name), key(one.email)) for one in taken]
    in_practice, in_xero = Counter(ours), Counter(theirs)
    names, emails = {name for name, _ in ours}, {email for _, email in ours if email}
    found: Counter[str] = Counter(skipped=len(contacts) - len(taken))
    for pair in theirs:
        full = bool(pair[1]) and in_practice[pair] == in_xero[pair] == 1
        fits = pair[0] in names or pair[1] in emails
        found["fullMatches" if full else "conflicts" if fits else "created"] += 1
    return dict(found)


def demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "runtime", "demo", "--once", *options],
        env=kept | {"TANDEM_DATA": str(folder / "data"), "PORT": str(port)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(part.stat().st_mode | 0o711)  # as root, PostgreSQL runs as somebody else and must pass
    return tmp_path


def test_the_demo_counts_as_the_rule_does_and_finds_it_all_again(folder: Path) -> None:
    first = demo(folder)
    assert first.returncode == 0, first.stderr
    told = json.loads(first.stdout.splitlines()[-1])
    assert all(told.pop(name) > 0 for name in SECONDS)
    by_rule = counted(World.load(folder / "data" / "demo" / "xero.json"))
    # Near-duplicates wait for a person too, out of those that no rule matches.
    held = told["conflicts"] - by_rule["conflicts"]
    assert 0 < held < by_rule["created"] // 10
    assert told == by_rule | {"conflicts": by_rule["conflicts"] + held, "created": by_rule["created"] - held}
    again = demo(folder)
    found = json.loads(again.stdout.splitlines()[-1])
    assert {name: value for name, value in found.items() if name not in SECONDS} == told
    logs = "".join(path.read_text() for path in (folder / "data" / "demo").glob("*.log"))
    assert (folder / "data" / "demo" / "token").read_text() not in logs
