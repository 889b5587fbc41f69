"""People who sign in: into which workspace, with which scope and name, and when their streams end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth.callers import Callers
from api.auth.credentials import Credential
from api.auth.people import find_claim
from api.auth.provider import Provider
from api.context import Process
from api.relay import ids
from api.root import schema
from domain.practice import people
from domain.tx import TANDEM
from runtime.embedded.services import Services
from tests.api.auth.issuer import SETTINGS, Issuer, new_key
from tests.api.edge import (
    ask,
    bearer,
    close_code,
    codes,
    data,
    hear,
    make_process,
    make_token,
    make_workspace,
    open_socket,
    say,
    serving,
)
from tests.clients import web_client
from tests.database import Place
from tests.patience import patience

Users = list[tuple[Any, ...]]


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@asynccontextmanager
async def signing_in(process: Process, issuer: Issuer, **settings: object) -> AsyncIterator[Process]:
    chosen = process.settings.model_copy(update={**SETTINGS, **settings})
    async with issuer.client() as http:
        yield replace(process, settings=chosen, http=http)


@pytest.fixture
async def practice(owner: AsyncConnection) -> UUID:
    return await make_workspace(owner)


@pytest.fixture
async def signed(process: Process, issuer: Issuer) -> AsyncIterator[Process]:
    async with signing_in(process, issuer) as made:
        yield made


@pytest.fixture
async def door(signed: Process) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(signed) as edge, web_client(base_url=f"http://{edge}") as http:
        yield http


def as_person(token: str, workspace: object = None) -> dict[str, str]:
    return bearer(token) | ({} if workspace is None else {"X-Tandem-Workspace": str(workspace)})


async def query(http: httpx.AsyncClient, text: str, headers: Mapping[str, str]) -> httpx.Response:
    return await http.post("/graphql", json={"query": text}, headers=headers)


async def users(owner: AsyncConnection, workspace: UUID) -> Users:
    found = await owner.execute(
        sa.text("select subject, name, email, scopes, last_seen_at from app_user where workspace_id = :ws"),
        {"ws": workspace},
    )
    return [tuple(row) for row in found]


async def test_a_person_is_stored_at_the_first_sign_in_and_updated_by_later_tokens(
    door: httpx.AsyncClient, owner: AsyncConnection, issuer: Issuer, practice: UUID
) -> None:
    first = await asyncio.gather(
        *(query(door, "{who}", bearer(issuer.token(practice, "WRITE"))) for _ in range(5))
    )
    assert [data(answer) for answer in first] == [{"who": "Ada Lovelace"}] * 5
    [(subject, name, email, scopes, seen)] = await users(owner, practice)
    assert (subject, name, email) == (
        "https://id.example.com/practice ada",
        "Ada Lovelace",
        "ada@practice.example",
    )
    assert (scopes, seen is not None) == (["READ", "WRITE"], True)
    changed = issuer.token(practice, "ADMIN", name="Ada King", email=None)
    assert data(await query(door, "{who}", bearer(changed))) == {"who": "Ada King"}
    assert [row[1:4] for row in await users(owner, practice)] == [
        ("Ada King", None, ["READ", "WRITE", "ADMIN"])
    ]
    told = await owner.scalars(
        sa.text("select message from activity where workspace_id = :ws and actor_kind = 'USER' order by at"),
        {"ws": practice},
    )
    assert told.all() == [
        "Ada Lovelace signed in for the first time, with the scope WRITE.",
        "The identity provider gave Ada King the scope ADMIN.",
    ]


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [("READ", []), ("WRITE", ["rename"]), ("ADMIN", ["rename", "rule"]), (["other", "write"], ["rename"])],
)
async def test_the_provider_gives_the_scope(
    door: httpx.AsyncClient, issuer: Issuer, practice: UUID, scope: object, allowed: list[str]
) -> None:
    headers = bearer(issuer.token(practice, scope))
    assert (await query(door, "{hello}", headers)).status_code == 200
    for name, call in {"rename": 'rename(name: "x")', "rule": "rule"}.items():
        answer = await query(door, f"mutation {{{call}}}", headers)
        assert ("errors" not in answer.json()) == (name in allowed)
        if name not in allowed:
            assert codes(answer) == ["FORBIDDEN"]
            assert "identity provider has not given you" in answer.text


async def test_a_person_of_two_practices_chooses_one_by_a_header(
    door: httpx.AsyncClient, owner: AsyncConnection, issuer: Issuer, practice: UUID
) -> None:
    other, strange = await make_workspace(owner), await make_workspace(owner)
    token = issuer.token({str(practice): "READ", ids.encode("Workspace", other): ["WRITE"]}, None)
    open_choice = await query(door, "{who}", bearer(token))
    assert (open_choice.status_code, codes(open_choice)) == (403, ["FORBIDDEN"])
    assert str(practice) in open_choice.text
    assert str(other) in open_choice.text
    for workspace, status in ((practice, "FORBIDDEN"), (ids.encode("Workspace", other), None)):
        answer = await query(door, 'mutation {rename(name: "x")}', as_person(token, workspace))
        assert ("errors" not in answer.json() or codes(answer)[0]) in (status, True)
    assert len(await users(owner, practice)) == len(await users(owner, other)) == 1
    for workspace in (strange, uuid4()):
        answer = await query(door, "{who}", as_person(token, workspace))
        assert (answer.status_code, codes(answer)) == (403, ["FORBIDDEN"])
    assert await users(owner, strange) == []


@pytest.mark.parametrize(
    ("workspaces", "scope", "says"),
    [
        (None, "ADMIN", "names no workspace"),
        ([], "ADMIN", "names no workspace"),
        (["", "kauri", "x" * 300], "ADMIN", "names no workspace"),
        (7, "ADMIN", "names no workspace"),
        ("HERE", "OWNER", "gives you no scope"),
        ("HERE", None, "gives you no scope"),
        ("HERE", {"a": 1}, "gives you no scope"),
        ([str(UUID(int=7))], "ADMIN", "has no workspace"),
    ],
)
async def test_a_token_without_a_workspace_or_a_scope_is_refused_with_the_missing_claim(
    door: httpx.AsyncClient, issuer: Issuer, practice: UUID, workspaces: Any, scope: object, says: str
) -> None:
    given = str(practice) if workspaces == "HERE" else workspaces
    answer = await query(door, "{who}", bearer(issuer.token(given, scope)))
    assert (answer.status_code, codes(answer)) == (403, ["FORBIDDEN"])
    assert says in answer.text


async def test_the_header_must_hold_one_id_of_a_workspace(
    door: httpx.AsyncClient, issuer: Issuer, owner: AsyncConnection, practice: UUID
) -> None:
    token = issuer.token(practice)
    wrong = await query(door, "{who}", as_person(token, "kauri"))
    assert (wrong.status_code, codes(wrong)) == (400, ["BAD_REQUEST"])
    twice = [("authorization", f"Bearer {token}"), *[("x-tandem-workspace", str(practice))] * 2]
    assert (await door.post("/graphql", json={"query": "{who}"}, headers=twice)).status_code == 400
    api_token = await make_token(owner, workspace=practice)
    assert (await query(door, "{who}", as_person(api_token, practice))).status_code == 200
    foreign = await query(door, "{who}", as_person(api_token, await make_workspace(owner)))
    assert (foreign.status_code, codes(foreign)) == (403, ["FORBIDDEN"])


async def test_claims_may_lie_deeper_and_groups_may_give_scopes(
    process: Process, issuer: Issuer, practice: UUID
) -> None:
    changes = {
        "oidc_scope_claim": "realm_access.roles",
        "oidc_scopes": ["6f1c-group=WRITE", "Tandem Admins=ADMIN"],
        "oidc_workspace_claim": "https://tandem.example/workspaces",
    }
    async with (
        signing_in(process, issuer, **changes) as signed,
        serving(signed) as edge,
        web_client(base_url=f"http://{edge}") as http,
    ):
        for roles, status in ((["tandem admins"], 200), (["ADMIN"], 403), (["6F1C-group"], 200)):
            more: Any = {"realm_access": {"roles": roles}, "https://tandem.example/workspaces": str(practice)}
            answer = await query(http, "{who}", bearer(issuer.token(**more)))
            assert answer.status_code == status


def test_a_claim_is_found_by_its_name_or_by_its_path() -> None:
    claims = {"a.b": 1, "a": {"b": 2, "c": {"d": 3}}}
    assert [find_claim(claims, name) for name in ("a.b", "a.c.d", "a.c.d.e", "x")] == [1, 3, None, None]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("  Ada \x00\n King ", "Ada King"),
        ("x" * 300, "x" * 255),
        ("\ud800Ada\u2028", "Ada"),
        ("\u200b", None),
        ("", None),
        (None, None),
        (["Ada"], None),
    ],
)
def test_a_name_is_stored_as_one_line(given: object, stored: str | None) -> None:
    assert people.clean_text(given) == stored


async def test_without_a_provider_its_tokens_are_unknown(
    stranger: httpx.AsyncClient, issuer: Issuer, practice: UUID
) -> None:
    answer = await query(stranger, "{who}", bearer(issuer.token(practice)))
    assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])


async def test_while_the_provider_is_away_people_get_unavailable_and_api_tokens_work(
    process: Process, issuer: Issuer, practice: UUID, token: str
) -> None:
    issuer.silent = True
    async with (
        signing_in(process, issuer) as signed,
        serving(signed) as edge,
        web_client(base_url=f"http://{edge}") as http,
    ):
        answer = await query(http, "{who}", bearer(issuer.token(practice)))
        assert (answer.status_code, codes(answer)) == (503, ["UNAVAILABLE"])
        assert answer.headers["retry-after"]
        assert (await query(http, "{who}", bearer(token))).status_code == 200
        async with open_socket(edge) as ws:
            await say(ws, {"type": "connection_init", "payload": bearer(issuer.token(practice))})
            assert await close_code(ws) == 1013


async def test_a_person_signs_in_on_a_socket_too(
    door: httpx.AsyncClient, issuer: Issuer, owner: AsyncConnection, practice: UUID
) -> None:
    edge, other = f"{door.base_url.host}:{door.base_url.port}", await make_workspace(owner)
    token = issuer.token([str(practice), str(other)])
    async with open_socket(edge) as ws:
        payload = {"authorization": f"Bearer {token}", "x-tandem-workspace": str(other)}
        await say(ws, {"type": "connection_init", "payload": payload})
        assert await hear(ws) == {"type": "connection_ack"}
        await say(ws, {"type": "subscribe", "id": "1", "payload": {"query": "{who}"}})
        assert (await hear(ws))["payload"]["data"] == {"who": "Ada Lovelace"}
    refused: list[tuple[Mapping[str, object], str]] = [
        (bearer(token), "Choose one"),
        (as_person(token, "kauri"), "no id of a workspace"),
        (bearer(issuer.token(practice, seconds=-60)), "expired"),
        ({"Authorization": 7}, "connection_init"),
    ]
    for given, says in refused:
        async with open_socket(edge) as ws:
            await say(ws, {"type": "connection_init", "payload": given})
            assert await close_code(ws) == 4403
            assert says in (ws.close_reason or "")


async def test_an_expired_token_ends_its_stream(process: Process, issuer: Issuer, practice: UUID) -> None:
    """At the token's own time: the leeway is for the clocks of two machines, at the way in."""
    headers = {**bearer(issuer.token(practice, seconds=2)), "accept": "text/event-stream"}
    body = {"query": "subscription {forever}"}
    async with (
        signing_in(process, issuer, oidc_leeway_seconds=300) as signed,
        serving(signed) as edge,
        web_client(base_url=f"http://{edge}", headers=headers) as http,
        patience(30),
        http.stream("POST", "/graphql", json=body) as answer,
    ):
        text = await answer.aread()
    assert text.count(b"event: next") == 1
    assert b"complete" not in text


async def test_open_streams_end_for_a_signed_out_person_and_for_a_removed_key(
    signed: Process, issuer: Issuer, owner: AsyncConnection, practice: UUID
) -> None:
    provider = Provider(signed.settings, signed.http, signed.database.clock, keys_fresh=0.0)
    callers = Callers(signed.settings, signed.database, signed.http, provider)
    leaves = Credential(issuer.token(practice))
    stays = Credential(issuer.token(practice, sub="grace", name="Grace Hopper"))
    token = Credential(await make_token(owner, workspace=practice))
    for each in (leaves, stays, token):
        await callers.find(each)
    assert await callers.find_valid({leaves, stays, token}) == {leaves, stays, token}
    ada = await owner.scalar(
        sa.text("select id from app_user where workspace_id = :ws and name like 'Ada%'"), {"ws": practice}
    )
    async with signed.database.transaction(practice, TANDEM) as tx:
        await people.sign_out(tx, ada)
    assert await callers.find_valid({leaves, stays, token}) == {stays, token}
    issuer.published = [new_key("second")]
    assert await callers.find_valid({leaves, stays, token}) == {token}


async def test_streams_stay_open_while_the_provider_does_not_answer(
    signed: Process, issuer: Issuer, practice: UUID
) -> None:
    issuer.silent = True
    stays = Credential(issuer.token(practice))
    callers = Callers(signed.settings, signed.database, signed.http)
    assert await callers.find_valid({stays}) == {stays}


async def test_a_signed_out_person_signs_in_again_with_a_later_token(
    door: httpx.AsyncClient, signed: Process, issuer: Issuer, owner: AsyncConnection, practice: UUID
) -> None:
    token = issuer.token(practice)
    await query(door, "{who}", bearer(token))
    key = await owner.scalar(sa.text("select id from app_user where workspace_id = :ws"), {"ws": practice})
    async with signed.database.transaction(practice, TANDEM) as tx:
        await people.sign_out(tx, key)
        moment = tx.now.timestamp()
    for refused in (token, issuer.token(practice, without="iat")):
        answer = await query(door, "{who}", bearer(refused))
        assert (answer.status_code, codes(answer)) == (401, ["UNAUTHENTICATED"])
        assert "signed out" in answer.text
    later = issuer.token(practice, iat=int(moment) + 1)
    assert (await query(door, "{who}", bearer(later))).status_code == 200


async def test_the_activity_and_the_viewer_name_the_person(
    place: Place, services: Services, issuer: Issuer, practice: UUID
) -> None:
    async with (
        make_process(place, services) as process,
        signing_in(process, issuer) as signed,
        serving(signed, schema=schema) as edge,
        web_client(base_url=f"http://{edge}", headers=bearer(issuer.token(practice))) as http,
    ):
        made = await ask(
            http, 'mutation { createContactType(input: {name: "Lead"}) { userErrors { code } } }'
        )
        assert made.json()["data"]["createContactType"]["userErrors"] == []
        text = """{ viewer { kind name scopes apiToken { id } user { name email lastSeenAt } }
          activity(first: 1) { edges { node { message actor { kind name user { email } } } } } }"""
        data = (await ask(http, text)).json()["data"]
    assert data["viewer"]["kind"] == "USER"
    assert data["viewer"]["user"]["lastSeenAt"] is not None
    [line] = [edge["node"] for edge in data["activity"]["edges"]]
    assert line["message"] == "The contact type Lead was added."
    assert line["actor"] == {
        "kind": "USER",
        "name": "Ada Lovelace",
        "user": {"email": "ada@practice.example"},
    }
