"""A revision takes nothing away that the version before reads or writes: old processes run until they are replaced."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from domain.matching import reasons
from domain.tables import metadata
from runtime.migrations import MIGRATIONS

REVISIONS = sorted((MIGRATIONS / "versions").glob("[!_]*.py"))
# Revisions that take something away, each with its reason. What a revision drops, no version before may use any more: first a
# version that does without, then the revision that drops.
MAY_CONTRACT = {
    "dispatcher": "from before this rule: workers of the version before find no work until they are replaced",
    "55540c46b5d5": "functions with another argument: the hourly deletion of the version before waits until it is replaced",
}
# Values of stored choices that the first version did not know and that are written into their own column, each with the
# version that could read them without writing any: (table, column, value).
READ_BEFORE_WRITTEN: dict[tuple[str, str, str], str] = {}
DROPS = {"drop_column", "drop_table", "rename_table"}
TAKES_AWAY = re.compile(
    r"\b(drop\s+(function|table|column|schema|view)|rename\s+(to|column|table)|set\s+not\s+null)\b",
    re.IGNORECASE,
)


def taken_away(source: str) -> Iterator[str]:
    """What the upgrade drops, renames or makes compulsory."""
    upgrade = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
    )
    for node in ast.walk(upgrade):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found.group() for found in TAKES_AWAY.finditer(_without_comments(node.value)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            keywords = {each.arg: each.value for each in node.keywords}
            if node.func.attr in DROPS or "new_column_name" in keywords:
                yield node.func.attr
            compulsory = keywords.get("nullable")
            if (
                node.func.attr == "alter_column"
                and isinstance(compulsory, ast.Constant)
                and compulsory.value is False
            ):
                yield "nullable=False"


def _without_comments(sql: str) -> str:
    return re.sub(r"--[^\n]*", "", sql)


def test_a_value_that_the_version_before_does_not_know_is_never_written_where_it_reads() -> None:
    """The version before takes no other value out of such a column. domain/matching/reasons.py shows how a release adds one."""
    known = set(re.findall(r'"([A-Z_]+)"', (MIGRATIONS / "versions" / "2026_11_30_baseline.py").read_text()))
    added = {
        (table.name, column.name, value)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, sa.Enum)
        for value in column.type.enums
        if value not in known
    }
    kept_elsewhere = {("match_issue", "reason", str(newer)) for newer in reasons.NEWER}
    assert added == kept_elsewhere | READ_BEFORE_WRITTEN.keys()
    for newer, older in reasons.NEWER.items():
        assert reasons.stored(newer) == (older, str(newer))
        assert str(older) in known


@pytest.mark.parametrize("path", REVISIONS, ids=lambda path: path.stem)
def test_a_revision_only_adds(path: Path) -> None:
    source = path.read_text()
    found = re.search(r'^revision = "(\w+)"', source, re.MULTILINE)
    assert found is not None
    taken = sorted(set(taken_away(source)))
    assert (taken != []) == (found[1] in MAY_CONTRACT), taken


@pytest.mark.parametrize(
    ("statement", "is_found"),
    [
        ('op.drop_column("contact", "name")', True),
        ('op.alter_column("contact", "name", new_column_name="title")', True),
        ('op.alter_column("contact", "name", nullable=False)', True),
        ('op.rename_table("contact", "client")', True),
        ('op.execute("drop function door.find_token(bytea)")', True),
        ('op.execute("alter table contact rename column name to title")', True),
        ('op.execute("alter table contact alter column name set not null")', True),
        ('op.execute("-- as drop table was\\ncreate or replace function door.x() returns int")', False),
        (
            'op.add_column("contact", sa.Column("name", sa.String(), nullable=False, server_default=""))',
            False,
        ),
        ('op.create_index("ix", "contact", ["name"])', False),
    ],
)
def test_a_revision_that_removes_something_is_found(statement: str, is_found: bool) -> None:
    assert (list(taken_away(f"def upgrade() -> None:\n    {statement}\n")) != []) == is_found
