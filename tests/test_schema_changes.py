"""A change of schema.graphql that breaks clients is red, unless docs/SCHEMA_CHANGES.md says that it was decided."""

import re
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import pytest
from graphql import build_schema
from graphql.utilities import DangerousChangeType, find_breaking_changes, find_dangerous_changes

ROOT = Path(__file__).resolve().parent.parent
NOW = (ROOT / "schema.graphql").read_text()
RELEASED = (ROOT / "tests" / "released.graphql").read_text()
VERSIONS = 3  # of schema.graphql in the history
# A client that leaves the argument out gets something else than before.
ALSO_BREAKING = {
    DangerousChangeType.ARG_DEFAULT_VALUE_CHANGE,
    DangerousChangeType.INPUT_FIELD_DEFAULT_VALUE_CHANGE,
}
_ROW = re.compile(r"^\| `?([A-Z_]+)`? \| (.+?) \| ([\w.]+) \| (.+) \|$", re.MULTILINE)


@cache
def _decided() -> frozenset[tuple[str, str]]:
    rows = _ROW.findall((ROOT / "docs" / "SCHEMA_CHANGES.md").read_text())
    return frozenset((kind, change) for kind, change, _, _ in rows)


def breaks(before: str, after: str) -> list[tuple[str, str]]:
    """Kind and description of each change from `before` to `after` that breaks a client."""
    old, new = (build_schema(text, assume_valid_sdl=True) for text in (before, after))
    dangerous = [each for each in find_dangerous_changes(old, new) if each[0] in ALSO_BREAKING]
    return [(kind.name, change) for kind, change in [*find_breaking_changes(old, new), *dangerous]]


def undecided(before: str) -> str:
    """What breaks the clients of the schema `before`, as rows for docs/SCHEMA_CHANGES.md."""
    found = [each for each in breaks(before, NOW) if each not in _decided()]
    return "\n".join(f"| {kind} | {change} |" for kind, change in found)


def _git(*arguments: str) -> str | None:
    """The output of git; None where there is no git, no history, or no such commit."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def landed() -> list[str]:
    """The commits of the main branch that changed schema.graphql last. On the main branch: of the branch itself."""
    for main in ("origin/main", "main"):
        start = _git("merge-base", "HEAD", main)
        if start:
            break
    else:
        start = "HEAD"
    found = _git("log", f"-n{VERSIONS}", "--format=%H", start, "--", "schema.graphql")
    return found.split() if found else []


def test_the_schema_breaks_no_client_of_the_last_release() -> None:
    assert undecided(RELEASED) == "", "docs/SCHEMA_CHANGES.md says what to do"


def test_the_schema_breaks_no_client_of_what_has_landed() -> None:
    commits = landed()
    if not commits:
        pytest.skip("the history of git is not here; tests/released.graphql was compared")
    texts = {text for commit in commits if (text := _git("show", f"{commit}:schema.graphql"))}
    found = {undecided(text) for text in texts if text != NOW.strip()} - {""}
    assert sorted(found) == [], "docs/SCHEMA_CHANGES.md says what to do"


def test_the_released_schema_is_of_this_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert RELEASED.startswith(f"# The schema of version {version},"), "run `make released-schema`"


BEFORE = """
type Query { contacts(first: Int = 50, name: String): [Contact!]! }
type Contact { id: ID! name: String! state: State }
enum State { OPEN CLOSED }
input Filter { name: String first: Int = 10 }
type Mutation { keep(filter: Filter): Contact }
"""


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("name: String! state", "state", "FIELD_REMOVED"),
        ("name: String! state", "title: String! state", "FIELD_REMOVED"),
        ("name: String! state", "name: String state", "FIELD_CHANGED_KIND"),
        ("OPEN CLOSED", "OPEN", "VALUE_REMOVED_FROM_ENUM"),
        (", name: String)", ")", "ARG_REMOVED"),
        (", name: String)", ", name: String!)", "ARG_CHANGED_KIND"),
        (", name: String)", ", name: String, x: Int!)", "REQUIRED_ARG_ADDED"),
        ("first: Int = 50", "first: Int = 20", "ARG_DEFAULT_VALUE_CHANGE"),
        ("first: Int = 10", "first: Int = 20", "INPUT_FIELD_DEFAULT_VALUE_CHANGE"),
        ("{ name: String first", "{ name: String x: Int! first", "REQUIRED_INPUT_FIELD_ADDED"),
        ("{ name: String first", "{ first", "FIELD_REMOVED"),
    ],
)
def test_a_breaking_change_is_found(old: str, new: str, kind: str) -> None:
    assert [found for found, _ in breaks(BEFORE, BEFORE.replace(old, new))] == [kind]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: String! state", "name: String! email: String state"),
        ("OPEN CLOSED", "OPEN CLOSED WAITING"),
        (", name: String)", ", name: String, x: Int)"),
        ("state: State", "state: State!"),
        ("name: String! state", 'name: String! @deprecated(reason: "use title") state'),
    ],
)
def test_an_addition_breaks_nobody(old: str, new: str) -> None:
    assert breaks(BEFORE, BEFORE.replace(old, new)) == []


def test_a_decided_break_is_read_from_the_document() -> None:
    row = "| FIELD_REMOVED | Field Contact.name was removed. | 0.2.0 | `title` is the same. |"
    assert [
        found[:2]
        for found in _ROW.findall(f"| Kind | Change | Version | Reason |\n|---|---|---|---|\n{row}\n")
    ] == [("FIELD_REMOVED", "Field Contact.name was removed.")]
