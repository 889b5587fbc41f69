"""Nobody reaches another workspace over HTTP: by an id, a cursor, the header, an event stream, the console's session or the figures for
operators. tests/api/test_two_tenants.py has the rules; here known reads answer too, as one statement."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import httpx
import pytest

from api.relay import ids
from api.root import plans, schema
from domain.practice import workspaces
from domain.tables import Scope
from runtime.read_pool import ReadPool
from tests import make
from tests.api.edge import bearer, serving, with_settings
from tests.api.schema.conftest import ada, listening, process
from tests.api.tenants import GRAPHQL, SECRET, Attempt, attempts, keys_of, secretive
from tests.clients import web_client

__all__ = ["ada", "listening", "process"]
ASKED = 3  # the first two answers make the caller and the document known
FOLLOW = "subscription($o: ID) { syncStatus(organisationId: $o) { cursor } }"


class Crossing(NamedTuple):
    """Bob, who asks over HTTP with an ADMIN token of his workspace, and the ids of Ada's."""

    http: httpx.AsyncClient
    foreign: dict[str, str]
    ada: make.Client
    bob: make.Client

    async def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """The last of the answers, without its cost."""
        for _ in range(ASKED):
            answer = await self.http.post("/graphql", json={"query": query, "variables": variables})
        assert self.is_silent(answer.text), (query, answer.text)
        found: dict[str, Any] = answer.json()
        return {key: found.get(key) for key in ("data", "errors")}

    def is_silent(self, text: str) -> bool:
        """Whether the text has nothing of Ada's."""
        return SECRET not in text and str(self.ada.world.workspace) not in text


@pytest.fixture
async def crossing(ada: make.Client) -> AsyncIterator[Crossing]:
    foreign, bob = await secretive(ada), await make.client(ada.process)
    async with bob.world.tx() as tx:
        _, token = await workspaces.create_token(tx, "Bob", [Scope.ADMIN], within=list(Scope))
    edge = replace(
        with_settings(ada.process, redis_url=None), reads=ReadPool(ada.process.database, 1, 5.0, "test")
    )
    async with serving(edge, schema=schema) as place, web_client(base_url=f"http://{place}") as http:
        http.headers.update(bearer(token))
        yield Crossing(http, foreign, ada, bob)
    assert edge.reads is not None
    await edge.reads.close()


def query_of(one: Attempt) -> str:
    """Of a list only the ids and the count, so that PostgreSQL writes the answer."""
    declared = ", ".join(f"${key}: {one.field.args[key].type}" for key in (one.argument, *one.needed))
    passed = ", ".join(f"{key}: ${key}" for key in (one.argument, *one.needed))
    shown = one.shown
    if "after" in one.field.args:
        count = "totalCount" if "totalCount" in shown else ""
        shown = f"{{ {count} edges {{ node {{ id }} }} }}"
    return f"query({declared}) {{ {one.name}({passed}) {shown} }}"


async def test_an_id_of_another_workspace_is_answered_as_an_id_of_nothing(crossing: Crossing) -> None:
    own, before = await keys_of(crossing.bob.world), plans.answered
    assert GRAPHQL.query_type is not None
    tried = list(attempts(GRAPHQL.query_type, own))
    for one in tried:
        query = query_of(one)
        answers = [
            json.dumps(await crossing.ask(query, **{one.argument: one.given(key), **one.needed})).replace(
                key, "ID"
            )
            for key in (one.nothing, crossing.foreign[one.kind])
        ]
        assert answers[0] == answers[1], query
    assert len(tried) > 50
    assert plans.answered > before


async def test_a_cursor_of_another_workspace_shows_no_row_of_it(crossing: Crossing) -> None:
    assert GRAPHQL.query_type is not None
    lists = [name for name, each in GRAPHQL.query_type.fields.items() if "after" in each.args]
    for name in lists:
        page = f"query($a: String) {{ {name}(first: 1, after: $a) {{ edges {{ cursor node {{ id }} }} }} }}"
        theirs = (await crossing.ada.ask(page))[name]["edges"]
        [cursor, key] = [theirs[0]["cursor"], theirs[0]["node"]["id"]]
        answer = await crossing.ask(page.replace("first: 1", "first: 99"), a=cursor)
        assert answer["errors"] is None
        assert key not in json.dumps(answer), name
    assert len(lists) >= 5


async def test_the_header_leads_a_token_into_no_other_workspace(crossing: Crossing) -> None:
    header = {"X-Tandem-Workspace": str(crossing.ada.world.workspace)}
    answer = await crossing.http.post("/graphql", json={"query": "{ workspace { id name } }"}, headers=header)
    assert crossing.is_silent(
        answer.text.replace(header["X-Tandem-Workspace"], "ID") if answer.is_error else answer.text
    )


async def test_an_event_stream_of_a_foreign_organisation_is_refused_as_of_none(crossing: Crossing) -> None:
    told = []
    for key in (crossing.foreign["XeroOrganisation"], ids.encode("XeroOrganisation", ids.NOWHERE)):
        answer = await crossing.http.post(
            "/graphql",
            json={"query": FOLLOW, "variables": {"o": key}},
            headers={"accept": "text/event-stream"},
        )
        told.append((answer.status_code, answer.text.replace(key, "ID")))
    assert told[0] == told[1]
    assert crossing.is_silent(told[0][1])


async def test_figures_and_the_session_of_the_console_show_nothing_of_another_workspace(
    crossing: Crossing,
) -> None:
    own = {"x-tandem-console": "1", "sec-fetch-site": "same-origin"}
    await crossing.http.post("/console/session", headers=own)
    for address in ("/healthz", "/readyz", "/metrics", "/console/session"):
        answer = await crossing.http.get(
            address, headers=own | {"X-Tandem-Workspace": str(crossing.ada.world.workspace)}
        )
        assert answer.status_code < 500, address
        assert crossing.is_silent(answer.text), address
