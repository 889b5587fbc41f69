"""Columns are typed: mypy finds a misspelt column, wherever a rule reads or writes it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.promises.mutants import copied, environment

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 900


class Misspelling(NamedTuple):
    """A text that stands once in a file, and the column in it that is misspelt."""

    file: str
    text: str
    column: str


MISSPELLINGS = (
    # Reads of typed rows.
    Misspelling("api/schema/links.py", "last_synced_at=row.last_synced_at,", "row.last_synced_at"),
    Misspelling(
        "domain/inbound/imports.py", "run.total = MatchPass.SIMILAR, 0, found.mirrored", "found.mirrored"
    ),
    Misspelling("workers/process.py", "tenant_id=organisation.tenant_id,", "organisation.tenant_id"),
    # Rules.
    Misspelling("domain/connection/health.py", "organisation.catching_up or", "organisation.catching_up"),
    Misspelling("domain/links/link.py", "self.row.xero_contact_id is None", "self.row.xero_contact_id"),
    # A query.
    Misspelling("domain/inbound/gdpr.py", "col(Activity.link_id).in_", "Activity.link_id"),
    # An insert.
    Misspelling("domain/outbound/deliveries.py", "claimed_at=tx.now,", "claimed_at"),
    # Updates.
    Misspelling("domain/invoices/changes.py", "invoice.xero_seen_at = seen.seen_at", "xero_seen_at"),
    Misspelling("domain/matching/issues.py", "issue.created_contact_id = started", "created_contact_id"),
    Misspelling(
        "domain/outbound/contact_deliveries.py",
        "(tx, link, due_at=None, state=state, failure=failure)",
        "due_at",
    ),
)


def misspell(folder: Path, one: Misspelling) -> None:
    """Leaves the last letter of the column out."""
    path = folder / one.file
    text = path.read_text()
    assert text.count(one.text) == 1, one
    path.write_text(text.replace(one.text, one.text.replace(one.column, one.column[:-1])))


def test_each_misspelling_changes_one_line() -> None:
    assert len({one.file for one in MISSPELLINGS}) == 10
    for one in MISSPELLINGS:
        assert (ROOT / one.file).read_text().count(one.text) == 1, one
        assert one.text.count(one.column) == 1, one
        assert "\n" not in one.text, one


@pytest.mark.long
@pytest.mark.timeout(SECONDS)
def test_mypy_finds_ten_misspelt_columns() -> None:
    with copied() as folder:
        if (ROOT / ".mypy_cache").is_dir():
            shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
        for one in MISSPELLINGS:
            misspell(folder, one)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "-p", "api", "-p", "domain", "-p", "workers"],
            cwd=folder, env=environment(folder), capture_output=True, text=True, check=False, timeout=SECONDS,
        )  # fmt: skip
    errors = re.findall(r"^(\S+?):\d+: error:", done.stdout, re.MULTILINE)
    assert sorted(errors) == sorted(one.file for one in MISSPELLINGS), done.stdout
