"""`tandem demo`, run as a person runs it. Its figures are compared with an independent count."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections import Counter
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from rich.console import Console

from runtime.database import connect
from runtime.demo.contacts import PRACTICE
from runtime.demo.parts import SEED
from runtime.demo.processes import Process
from xero.simulator.practice import practice_overlap
from xero.simulator.world import World

SECONDS = ("seconds", "toXeroSeconds", "toPracticeSeconds", "invoiceSeconds", "paidSeconds")


def key(text: str | None) -> str:
    return " ".join(unicodedata.normalize("NFKC", text or "").casefold().split())


def counted(world: World) -> dict[str, int]:
    """The rule said plainly: full match, conflict, new, or skipped by the filter."""
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tandem(folder: Path, *words: str, port: int) -> subprocess.Popen[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "runtime", *words],
        env=kept | {"TANDEM_DATA": str(folder / "data"), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=None).is_success
    except httpx.TransportError:
        return False


def worker_pids(folder: Path) -> set[int]:
    """As PostgreSQL knows them."""

    async def ask() -> set[int]:
        database = connect(json.loads((folder / "data/demo/settings.json").read_text())["database_url"])
        async with database.door() as session:
            names = await session.scalars(sa.text("select application_name from pg_stat_activity"))
            found = {re.match(r"tandem worker (\d+)@", name or "") for name in names}
        await database.close()
        return {int(each[1]) for each in found if each}

    return asyncio.run(ask())


def previewed(text: str) -> list[int]:
    """The numbers under the heading of the preview: full matches, conflicts, new, skipped."""
    _, _, after = text.partition("contactSyncPreview")
    lines = after.split("\n\n")[0].splitlines()[1:]
    return [int(line.split()[0].replace(",", "")) for line in lines]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in (tmp_path, *tmp_path.parents[:3]):
        part.chmod(part.stat().st_mode | 0o711)  # as root, PostgreSQL runs as somebody else and must pass
    return tmp_path


def test_the_demo_counts_by_the_matching_rule_and_a_second_start_changes_nothing(folder: Path) -> None:
    out, err = tandem(folder, "demo", "--once", port=free_port()).communicate()
    told = json.loads(out.splitlines()[-1])
    assert all(told.pop(name) > 0 for name in SECONDS)
    by_rule = counted(World.load(folder / "data" / "demo" / "xero.json"))
    # Near-duplicates wait for a person too, out of those that no rule matches.
    held = told["conflicts"] - by_rule["conflicts"]
    assert 0 < held < by_rule["created"] // 10
    assert told == by_rule | {"conflicts": by_rule["conflicts"] + held, "created": by_rule["created"] - held}
    assert previewed(err) == [told[name] for name in ("fullMatches", "conflicts", "created", "skipped")]
    assert told.items() <= readme_figures().items()

    port = free_port()
    again = tandem(folder, "demo", port=port)
    assert again.stdout is not None
    shown = []
    for line in again.stdout:
        shown.append(line)
        if "Queries to try" in line:
            break
    linked = told["fullMatches"] + told["created"]
    assert f"{linked} contacts are linked, {told['conflicts']} match issues wait" in "".join(shown)
    assert "This start changed nothing." in "".join(shown)

    # Beside it, other commands find the demo and its settings.
    found, trouble = tandem(folder, "doctor", port=1).communicate()
    assert trouble == ""
    assert f"the settings of the demo that runs in {folder / 'data'}" in found
    assert f"http://127.0.0.1:{port} is ready" in found
    assert re.search(r"ok +Worker +workers connected: 1", found)
    assert f"keys set: 1; Xero calls http://localhost:{port}/webhooks/xero" in found
    assert f"database tandem as tandem_app through {folder / 'data' / 'run'}" in found

    _, trouble = tandem(folder, "serve", port=port).communicate()
    assert (
        trouble
        == f"port {port} is in use by the API of the running demo; set PORT to another port for a second API\n"
    )
    other = free_port()
    second = tandem(folder, "serve", port=other)
    while not is_ready(other):
        assert second.poll() is None
        time.sleep(0.1)
    second.terminate()
    second.communicate()

    _, trouble = tandem(folder, "demo", port=free_port()).communicate()
    assert f"A demo runs in {folder / 'data'} already, at http://localhost:{port}/graphql" in trouble

    [worker] = worker_pids(folder)
    os.kill(worker, signal.SIGKILL)
    shown = []
    for line in again.stdout:
        shown.append(line)
        if "was started again" in line:
            break
    assert "tandem worker ended (by SIGKILL)" in "".join(shown)
    while worker_pids(folder) <= {worker}:
        time.sleep(0.1)

    again.send_signal(signal.SIGINT)
    assert "The data is kept" in again.communicate()[0]
    assert not (folder / "data" / "demo" / "settings.json").exists()
    logs = "".join(path.read_text() for path in (folder / "data" / "demo").glob("*.log"))
    assert (folder / "data" / "demo" / "token").read_text() not in logs


def test_a_process_that_ends_early_is_restarted_with_back_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", "print('here'); raise SystemExit(3)"]
    process, console = Process("tandem worker", command, tmp_path / "worker.log", {}), Console(soft_wrap=True)
    process.start(0)
    for now, told in [
        (0, "tandem worker ended (with exit code 3). It starts again in 1 s."),
        (0.9, ""),
        (1, "was started again."),
        (2, "It starts again in 2 s."),
        (4, "was started again."),
        (4, "It starts again in 4 s."),
        (8, "was started again."),
        (100, "It starts again in 1 s."),
    ]:
        process.child.wait(60)
        process.restart_if_ended(now, console)
        assert told in capsys.readouterr().out
    assert (tmp_path / "worker.log").read_text() == "here\n" * 4


def readme_figures() -> dict[str, float]:
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text()
    [line] = re.findall(r'\{"fullMatches".*?\}', text, re.DOTALL)
    figures: dict[str, float] = json.loads(line)
    assert f"the oldest of {figures['conflicts']} decisions" in text
    assert f'"totalCount": {figures["conflicts"]}' in text
    return figures
