"""Only domain/links/ writes sync_link: no statement, SQL function or assignment outside it does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.links.link import next_state, next_state_sql
from domain.tables import ACTIVE, ACTIVE_STATES, Invoice, MatchIssue, SyncLink, SyncState, XeroContact
from tests.domain.world import World

ROOT = Path(__file__).resolve().parents[3]
HOME = ROOT / "domain/links"
WRITE = re.compile(
    r"\b(insert\s+into|update(\s+only)?|delete\s+from|merge\s+into|truncate)\s+(public\.)?\"?sync_link\b"
)
ACTIVE_LIST = re.compile(r"""['\"]SYNCED['\"]\s*,\s*['\"]PENDING['\"]\s*,\s*['\"]FAILING['\"]""")
# Columns that only sync_link has, so that an assignment to an attribute of this name can mean no other table.
OWN = set(SyncLink.model_fields) - {
    name for table in (Invoice, MatchIssue, XeroContact) for name in table.model_fields
} - {"contact_id", "bulk", "attempts", "linked_at"}  # fmt: skip


def sources() -> Iterator[Path]:
    for package in ("api", "domain", "workers", "runtime"):
        yield from (path for path in (ROOT / package).rglob("*.py") if HOME not in path.parents)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Each string of the module; a value inside an f-string becomes {}."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in node.values]
            yield node.lineno, "".join(map(str, parts))


def writes(source: str) -> list[int]:
    """The lines on which the Python source writes sync_link."""
    tree = ast.parse(source)
    found = [line for line, text in texts(tree) if WRITE.search(text.lower())]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            arguments = [ast.unparse(argument) for argument in node.args]
            if name == "SyncLink" and node.keywords and not arguments:
                found += [node.lineno for keyword in node.keywords if keyword.arg == "base_practice"]
            elif name in ("insert", "update", "delete") and any(a.startswith("SyncLink") for a in arguments):
                found.append(node.lineno)
        targets = node.targets if isinstance(node, ast.Assign) else []
        targets = [node.target] if isinstance(node, ast.AugAssign) else targets
        for target in targets:
            flat = target.elts if isinstance(target, ast.Tuple) else [target]
            found += [
                one.lineno
                for one in flat
                if isinstance(one, ast.Attribute)
                and (one.attr in OWN or ast.unparse(one.value).endswith(".row"))
                and ast.unparse(one.value) != "self"
            ]
    return found


@pytest.mark.parametrize(
    "source",
    [
        'tx.run("update sync_link set due_at = null")',
        'tx.run(f"with a as (select 1) update  sync_link l set {x} = 1")',
        'tx.ids("delete from\\n sync_link m where true")',
        'tx.run("insert into sync_link (id) values (1)")',
        "session.execute(sa.update(SyncLink).values(due_at=None))",
        "session.execute(insert(SyncLink), rows)",
        "link.refused = {}",
        "one.link.row.due_at = None",
    ],
)
def test_the_search_for_writes_of_links_finds_each_form(source: str) -> None:
    assert writes(source) != []


def test_only_the_links_package_writes_links() -> None:
    broken = [f"{path.relative_to(ROOT)}:{line}" for path in sources() for line in writes(path.read_text())]
    assert broken == []


def test_no_sql_function_writes_links() -> None:
    files = [*(ROOT / "migrations").rglob("*.sql"), *(ROOT / "migrations").rglob("*.py")]
    assert len(files) > 5
    assert [str(path) for path in files if WRITE.search(path.read_text().lower())] == []


def test_the_active_states_are_listed_in_one_place() -> None:
    assert "(" + ", ".join(f"'{state}'" for state in ACTIVE_STATES) + ")" == ACTIVE
    broken = [str(path.relative_to(ROOT)) for path in sources() if ACTIVE_LIST.search(path.read_text())]
    assert broken == []


def test_sql_functions_list_the_same_active_states() -> None:
    """PostgreSQL cannot import a constant: where a function or an index lists the states, it lists all of them."""
    lists = [
        (path.name, found)
        for path in [*(ROOT / "migrations").rglob("*.sql"), *(ROOT / "migrations").rglob("*.py")]
        for found in re.findall(r"\(('SYNCED'[^)]*)\)", path.read_text())
    ]
    named = {"(" + ", ".join(part.strip() for part in found.split(",")) + ")" for _, found in lists}
    every = "(" + ", ".join(f"'{state}'" for state in SyncState) + ")"
    assert named <= {ACTIVE, every}


@pytest.mark.parametrize("conflicts", [False, True])
@pytest.mark.parametrize("failing", [False, True])
@pytest.mark.parametrize("waiting", [False, True])
async def test_the_next_state_is_the_same_in_python_and_in_sql(
    world: World, conflicts: bool, failing: bool, waiting: bool
) -> None:
    listed = "array['NAME']" if conflicts else "array[]::text[]"
    sql = next_state_sql(failing="failure is not null", waiting="waiting")
    [row] = await world.rows(
        f"select {sql} as state from (select {listed} as conflicts, {'1' if failing else 'null'} as failure,"
        f" {str(waiting).lower()} as waiting) link"
    )
    assert row["state"] == next_state(conflicts=conflicts, failing=failing, waiting=waiting)
