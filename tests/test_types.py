"""Rows are typed: no function takes or returns a mapping or a row whose values are Any, and no class holds one."""

import ast
from pathlib import Path

import pytest

from tests.annotations import Annotations, of

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "domain", "runtime", "workers")
MOST_EXCEPTIONS = 60
# Functions and classes that stay so, each with its reason.
MAY_BE_UNTYPED = {
    "api.context.Context": "`loaders` keeps objects of every type, by the function that reads them",
    "api.event_feed.Round": "`loaders`: as in Context",
    "domain.tables.connection.OauthFlow": "`begun_by` is JSON, which PostgreSQL does not check",
    "domain.tables.connection.Organisation": "`mass_change`: as above",
    "domain.tables.contacts.Contact": "`billing_address`: as above",
    "domain.tables.deliveries.DeliveryMember": "`sent`: as above",
    "domain.tables.links.SyncLink": "`base_practice`, `base_xero`, `notes`, `refused`: as above",
    "domain.tables.matching.MatchIssue": "`resolved_by`: as above",
    "domain.tables.mirror.XeroContact": "`billing_address`: as above",
    "domain.tables.practice.ApiToken": "`created_by`: as above",
    "workers.arq_engine.WokenWorker.__init__": "arq gives its context as a dictionary",
    "workers.arq_engine.WokenWorker._job_ended": "arq gives its context as a dictionary",
    "workers.arq_engine._ended": "arq gives its context as a dictionary",
    "workers.arq_engine._function.job": "arq gives its context as a dictionary",
    "workers.arq_engine._scheduled.job": "arq gives its context as a dictionary",
    "workers.main._end": "arq gives its context as a dictionary",
    "workers.main._start": "arq gives its context as a dictionary",
}


def test_rows_are_typed() -> None:
    found = {one.function for one in of(ROOT, PACKAGES).untyped()}
    assert sorted(found - set(MAY_BE_UNTYPED)) == []
    assert len(MAY_BE_UNTYPED) <= MOST_EXCEPTIONS
    assert set(MAY_BE_UNTYPED) <= found, "needs no exception any more"


SHARED = "from typing import Any\nRow = dict[str, Any]\nRows = list[Row]\nIds = dict[str, int]"


@pytest.mark.parametrize(
    ("annotation", "is_untyped"),
    [
        ("dict[str, Any]", True),
        ("Mapping[str, Any] | None", True),
        ("list[tuple[int, Mapping[str, Any]]]", True),
        ("Callable[[dict[str, Any]], int]", True),
        ("'dict[str, Any]'", True),
        ("dict[str, list[Row]]", True),
        ("Annotated[dict[str, Any], 'a row']", True),
        ("RowMapping", True),
        ("dict", True),
        ("shared.Rows", True),
        ("Here", True),
        ("dict[str, object]", False),
        ("Mapping[SyncedField, Value]", False),
        ("list[Any]", False),
        ("Annotated[int, 'dict[str, Any]']", False),
        ("Literal['dict[str, Any]']", False),
        ("shared.Ids", False),
    ],
)
def test_a_mapping_of_any_is_found_under_any_name(annotation: str, is_untyped: bool) -> None:
    module = f"""
from a import shared
from a.shared import Row
Here = tuple[int, shared.Row]
class Some:
    held: {annotation}
    async def method(self, given: {annotation}) -> None: ...
def other() -> {annotation}: ...
"""
    trees = {"a/shared.py": ast.parse(SHARED), "a/b.py": ast.parse(module)}
    found = [(one.function, one.name) for one in Annotations(trees).untyped()]
    everywhere = [("a.b.Some.method", "given"), ("a.b.other", "return"), ("a.b.Some", "held")]
    assert found == (everywhere if is_untyped else [])
