"""The workspace's settings, contact types and tokens; connecting and starting the sync."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from api.auth.tokens import Tokens
from api.context import Process
from api.relay import ids
from domain.connection.call_budget import Limits
from domain.connection.traffic import Meter
from domain.tables import Scope
from tests import make
from xero.allowance import ReportedLimits, Traffic

TYPE = "{ contactType { id name archivedAt } workspace { contactTypes { name } } userErrors { code path } }"
NEW_TYPE = f"mutation($n: String!) {{ createContactType(input: {{name: $n}}) {TYPE} }}"
CHANGE_TYPE = f"mutation($i: UpdateContactTypeInput!) {{ updateContactType(input: $i) {TYPE} }}"
WORKSPACE = """mutation($i: UpdateWorkspaceInput!) { updateWorkspace(input: $i) {
  workspace { name currency } userErrors { code path } } }"""
TOKEN = """mutation($i: CreateApiTokenInput!) { createApiToken(input: $i) { token apiToken { id name hint scopes createdBy { name } }
  workspace { apiTokens { id } } userErrors { code path } } }"""
REVOKE = """mutation($t: ID!) { revokeApiToken(input: {apiTokenId: $t}) { deletedId workspace { apiTokens { id } }
  userErrors { code path } } }"""
START = """mutation($i: StartContactSyncInput!) { startContactSync(input: $i) { organisation { id contactSync { contactFilter } }
  userErrors { code path } } }"""


async def test_the_viewer_is_the_token(ada: make.Client) -> None:
    query = "{ viewer { id name kind scopes user { id } apiToken { id name scopes } } }"
    viewer = (await ada.ask(query))["viewer"]
    assert (viewer["name"], viewer["kind"], viewer["user"]) == ("Tests", "API_TOKEN", None)
    assert viewer["scopes"] == ["READ", "WRITE", "ADMIN"]
    assert viewer["id"] != viewer["apiToken"]["id"]


async def test_a_contact_type_is_created_and_its_name_is_then_taken(ada: make.Client) -> None:
    made = (await ada.ask(NEW_TYPE, n=" Lead "))["createContactType"]
    assert (made["contactType"]["name"], made["userErrors"]) == ("Lead", [])
    again = (await ada.ask(NEW_TYPE, n="LEAD"))["createContactType"]
    assert again["userErrors"] == [{"code": "TAKEN", "path": ["name"]}]
    assert [one["name"] for one in again["workspace"]["contactTypes"]] == ["Client", "Lead"]
    key = made["contactType"]["id"]
    archived = (await ada.ask(CHANGE_TYPE, i={"contactTypeId": key, "archived": True}))["updateContactType"]
    assert archived["contactType"]["archivedAt"] is not None
    assert (await ada.ask(NEW_TYPE, n="Lead"))["createContactType"]["userErrors"] == []


async def test_the_default_contact_type_cannot_be_archived(
    ada: make.Client,
) -> None:
    key = ids.encode("ContactType", ada.world.contact_type)

    async def archive() -> dict[str, Any]:
        query = "mutation($i: UpdateContactTypeInput!) { updateContactType(input: $i) { userErrors { code message path } } }"
        done: dict[str, Any] = (await ada.ask(query, i={"contactTypeId": key, "archived": True}))[
            "updateContactType"
        ]
        return done

    [refused] = (await archive())["userErrors"]
    assert (refused["code"], refused["path"]) == ("IN_USE", ["archived"])
    assert "(Demo Company)" in refused["message"]
    renamed = (await ada.ask(CHANGE_TYPE, i={"contactTypeId": key, "name": "Customer"}))["updateContactType"]
    assert renamed["userErrors"] == []
    other = (await ada.ask(NEW_TYPE, n="Lead"))["createContactType"]["contactType"]["id"]
    settings = {
        "organisationId": ids.encode("XeroOrganisation", ada.world.organisation),
        "defaultContactTypeId": other,
    }
    update = "mutation($i: UpdateContactSyncInput!) { updateContactSync(input: $i) { userErrors { code } } }"
    assert (await ada.ask(update, i=settings))["updateContactSync"]["userErrors"] == []
    assert (await archive())["userErrors"] == []


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"name": " "}, "REQUIRED", "name"),
        ({"name": "x" * 256}, "TOO_LONG", "name"),
        ({"name": "a\tb"}, "INVALID", "name"),
        ({"currency": "XXX"}, "INVALID", "currency"),
        ({"currency": ""}, "INVALID", "currency"),
    ],
)
async def test_bad_settings_change_nothing(
    ada: make.Client, values: dict[str, Any], code: str, path: str
) -> None:
    answer = (await ada.ask(WORKSPACE, i=values))["updateWorkspace"]
    assert answer["userErrors"] == [{"code": code, "path": [path]}]
    assert answer["workspace"] == {"name": "Practice", "currency": "NZD"}


async def test_a_token_works_until_it_is_revoked(ada: make.Client) -> None:
    wanted = {"name": "Script", "scopes": ["WRITE"]}
    made = (await ada.ask(TOKEN, i=wanted))["createApiToken"]
    assert made["apiToken"]["scopes"] == ["READ", "WRITE"]
    assert made["token"].startswith(made["apiToken"]["hint"])
    viewer = await Tokens(ada.process.database).find_viewer(made["token"])
    assert viewer is not None
    assert viewer.scopes == {Scope.READ, Scope.WRITE}
    gone = (await ada.ask(REVOKE, t=made["apiToken"]["id"]))["revokeApiToken"]
    assert gone["deletedId"] == made["apiToken"]["id"]
    assert len(gone["workspace"]["apiTokens"]) == 1
    assert await Tokens(ada.process.database).find_viewer(made["token"]) is None
    again = (await ada.ask(REVOKE, t=made["apiToken"]["id"]))["revokeApiToken"]
    assert again["userErrors"][0]["code"] == "NOT_FOUND"


async def test_the_last_token_with_admin_stays_until_there_is_another(ada: make.Client) -> None:
    """A token that has expired is no other, and of two that are revoked at once, one stays."""
    own = (await ada.ask("{ viewer { apiToken { id } } }"))["viewer"]["apiToken"]["id"]
    for wanted in ({"scopes": ["WRITE"]}, {"scopes": ["ADMIN"], "expiresAt": "2100-01-01T00:00:00Z"}):
        await ada.ask(TOKEN, i={"name": "T", **wanted})
    await ada.world.rows(
        "update api_token set expires_at = '2020-01-01' where expires_at is not null returning id"
    )
    [refused] = (await ada.ask(REVOKE, t=own))["revokeApiToken"]["userErrors"]
    assert (refused["code"], refused["path"]) == ("IN_USE", ["apiTokenId"])
    other = (await ada.ask(TOKEN, i={"name": "T", "scopes": ["ADMIN"]}))["createApiToken"]["apiToken"]["id"]
    answers = await asyncio.gather(*(ada.ask(REVOKE, t=key) for key in (own, other)))
    assert [[one["code"] for one in answer["revokeApiToken"]["userErrors"]] for answer in answers] in (
        [[], ["IN_USE"]],
        [["IN_USE"], []],
    )


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"name": "", "scopes": ["READ"]}, "REQUIRED"),
        ({"name": "T", "scopes": []}, "REQUIRED"),
        ({"name": "T", "scopes": ["READ"], "expiresAt": "2020-01-01T00:00:00Z"}, "INVALID"),
    ],
)
async def test_an_invalid_token_request_is_refused(
    ada: make.Client, wanted: dict[str, Any], code: str
) -> None:
    answer = (await ada.ask(TOKEN, i=wanted))["createApiToken"]
    assert (answer["token"], answer["userErrors"][0]["code"]) == (None, code)


async def test_settings_need_the_scope_admin(process: Process) -> None:
    writer = await make.client(process, Scope.WRITE)
    for query, variables in ((NEW_TYPE, {"n": "x"}), (TOKEN, {"i": {"name": "T", "scopes": ["READ"]}})):
        _, [(_, code)] = await writer.answer(query, **variables)
        assert code == "FORBIDDEN"


async def test_starting_the_sync_twice_with_equal_settings_is_starting_once(ada: make.Client) -> None:
    world = ada.world
    wanted = {
        "organisationId": ids.encode("XeroOrganisation", world.organisation),
        "contactFilter": "ALL",
        "defaultContactTypeId": ids.encode("ContactType", world.contact_type),
    }
    assert (await ada.ask(START, i=wanted))["startContactSync"]["userErrors"] == []
    other = (await ada.ask(START, i={**wanted, "contactFilter": "CUSTOMERS_ONLY"}))["startContactSync"]
    assert other["userErrors"] == [{"code": "WRONG_STATE", "path": ["organisationId"]}]
    assert other["organisation"]["contactSync"]["contactFilter"] == "ALL"


async def test_sync_now_begins_a_delta(ada: make.Client) -> None:
    query = "mutation($o: ID!) { syncNow(input: {organisationId: $o}) { organisation { id } userErrors { code } } }"
    key = ids.encode("XeroOrganisation", ada.world.organisation)
    answer = (await ada.ask(query, o=key))["syncNow"]
    assert answer["userErrors"] == []
    runs = await ada.world.rows("select purpose, finished_at from import_run where due_at is not null")
    assert runs == [{"purpose": "DELTA", "finished_at": None}]


async def test_a_consent_returns_only_to_an_allowed_address(ada: make.Client) -> None:
    query = "mutation($i: ConnectXeroInput!) { connectXero(input: $i) { authorizationUrl userErrors { code path } } }"
    for wanted, path in (
        ({"returnTo": "https://evil.example/x"}, ["returnTo"]),
        ({"organisationId": ids.encode("XeroOrganisation", ids.NOWHERE)}, ["organisationId"]),
        ({"organisationId": "x"}, ["organisationId"]),
    ):
        answer = (await ada.ask(query, i=wanted))["connectXero"]
        assert answer["authorizationUrl"] is None
        assert answer["userErrors"][0]["path"] == path


async def test_the_call_budget_has_the_bytes_of_the_month(ada: make.Client) -> None:
    query = (
        "query($o: ID!) { xeroOrganisation(id: $o) { callBudget { dayLimit bytesThisMonth bytesForecast } } }"
    )
    key = ids.encode("XeroOrganisation", ada.world.organisation)
    assert (await ada.ask(query, o=key))["xeroOrganisation"]["callBudget"] is None
    [row] = await ada.world.rows(
        "select tenant_id from organisation where id = :id", id=ada.world.organisation
    )
    database = ada.process.database
    limits, meter = Limits(database.call_door, database.clock), Meter(database.door, database.clock)
    slot = await limits.take(row["tenant_id"], "BULK")
    assert isinstance(slot, UUID)
    await limits.give(slot, ReportedLimits(200, 59, 4999))
    unread = (await ada.ask(query, o=key))["xeroOrganisation"]["callBudget"]
    assert unread == {"dayLimit": 5000, "bytesThisMonth": 0, "bytesForecast": 0}
    meter.note(row["tenant_id"], Traffic("Contacts", 200, 5_000_000_000, 9_000_000_000))  # more than an Int
    await meter.flush()
    read = (await ada.ask(query, o=key))["xeroOrganisation"]["callBudget"]
    assert read["bytesThisMonth"] == 5_000_000_000
    assert read["bytesForecast"] > 5_000_000_000
