"""Organisations: connecting, starting the sync, settings, disconnecting, and the runs that follow."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.connection import health as connection_health
from domain.connection import organisations
from domain.connection.organisations import Tenant
from domain.inbound import imports
from domain.problems import Code, Refused
from domain.tables import (
    ConflictPolicy,
    ConnectionHealth,
    ContactType,
    ImportPhase,
    ImportRun,
    Organisation,
    Workspace,
    XeroContactFilter,
)
from domain.tx import TANDEM, Tx
from runtime.database import Database
from tests.database import rows_of
from tests.domain.world import World, seen

GRANT = UUID(int=77)
ALL, CUSTOMERS = XeroContactFilter.ALL, XeroContactFilter.CUSTOMERS_ONLY


@dataclass
class Practice:
    database: Database
    workspace: UUID = field(default_factory=uuid4)
    contact_type: UUID = field(default_factory=uuid4)
    archived_type: UUID = field(default_factory=uuid4)
    tenant: Tenant = field(default_factory=lambda: Tenant(uuid4(), uuid4(), "Demo Company"))

    async def do(self, act: Callable[[Tx], Awaitable[Any]]) -> Any:
        async with self.database.transaction(self.workspace, TANDEM) as tx:
            return await act(tx)

    async def connect(self, **changed: Any) -> UUID:
        tenant = Tenant(**{**self.tenant.__dict__, **changed})
        organisation: UUID = await self.do(lambda tx: organisations.connect(tx, tenant, GRANT))
        return organisation

    async def start(self, organisation: UUID, **changed: Any) -> None:
        given: dict[str, Any] = {"contact_filter": CUSTOMERS, "default_contact_type_id": self.contact_type}
        await self.do(lambda tx: organisations.start(tx, organisation, **given | changed))

    async def update(self, organisation: UUID, **changed: Any) -> None:
        await self.do(lambda tx: organisations.update_sync(tx, organisation, **changed))

    async def get(self, organisation: UUID) -> Organisation:
        found: Organisation = await self.do(lambda tx: organisations.get(tx, organisation))
        return found

    async def runs(self) -> list[ImportRun]:
        async def read(tx: Tx) -> list[ImportRun]:
            rows = await rows_of(tx, "select id from import_run where workspace_id = :ws order by started_at")
            return [await tx.session.get_one(ImportRun, (tx.workspace, row["id"])) for row in rows]

        found: list[ImportRun] = await self.do(read)
        return found

    async def read_to_the_end(self) -> None:
        """Apply an answer of Xero as a worker does, matching included."""
        run = (await self.runs())[-1]
        held = await self.do(lambda tx: imports.claim(tx, run.id))
        await self.do(
            lambda tx: imports.settle_page(tx, held, [seen("Ada")], last=True, expected=1, server_time=tx.now)
        )
        while await World(self.database, self.workspace).match(run.id):
            pass

    async def told(self, table: str, column: str = "kind") -> list[Any]:
        rows = await self.do(
            lambda tx: rows_of(tx, f"select {column} as told from {table} where workspace_id = :ws")
        )
        return [row["told"] for row in rows]


async def make_practice(database: Database) -> Practice:
    made = Practice(database)
    async with database.transaction(made.workspace, TANDEM) as tx:
        tx.session.add(Workspace(id=made.workspace, name="Practice", currency="NZD", created_at=tx.now))
        for key, name in ((made.contact_type, "Client"), (made.archived_type, "Old")):
            archived = tx.now if name == "Old" else None
            tx.session.add(
                ContactType(
                    workspace_id=made.workspace,
                    id=key,
                    name=name,
                    name_key=name.lower(),
                    created_at=tx.now,
                    archived_at=archived,
                )
            )
    return made


@pytest.fixture
async def practice(matching_database: Database) -> Practice:
    return await make_practice(matching_database)


def _with(act: Callable[[Tx, UUID], Awaitable[Any]], organisation: UUID, tx: Tx) -> Awaitable[Any]:
    return act(tx, organisation)


async def refused(act: Awaitable[Any]) -> tuple[Code, tuple[str, ...]]:
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.problems[0].code, caught.value.problems[0].path


async def test_connecting_begins_an_import_and_publishes_an_event(practice: Practice) -> None:
    organisation = await practice.connect()
    [run] = await practice.runs()
    assert (run.phase, run.match, run.modified_since) == (ImportPhase.READING, False, None)
    assert run.due_at is not None
    assert (await practice.get(organisation)).health is ConnectionHealth.HEALTHY
    assert await practice.told("activity") == ["CONNECTED"]
    assert set(await practice.told("event")) == {"CONNECTION", "IMPORT_PROGRESS"}


@pytest.mark.parametrize("name", [None, "", " \x00 "])
async def test_an_organisation_without_a_name_gets_a_name(practice: Practice, name: str | None) -> None:
    assert (await practice.get(await practice.connect(name=name))).name == organisations.NAMELESS


async def test_two_consents_at_once_make_one_organisation(practice: Practice) -> None:
    first, second = await asyncio.gather(practice.connect(), practice.connect())
    assert first == second
    assert len(await practice.runs()) == 1


async def test_of_two_workspaces_that_connect_at_once_one_gets_the_organisation(practice: Practice) -> None:
    other = await make_practice(practice.database)
    other.tenant = practice.tenant
    outcomes = await asyncio.gather(practice.connect(), other.connect(), return_exceptions=True)
    [failure] = [outcome for outcome in outcomes if not isinstance(outcome, UUID)]
    assert isinstance(failure, Refused)
    assert failure.problems[0].code is Code.TAKEN
    assert len(await practice.runs()) + len(await other.runs()) == 1


async def test_starting_the_sync_during_an_import_uses_that_import(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.start(organisation)
    [run] = await practice.runs()
    assert (run.match, run.contact_filter) == (True, CUSTOMERS)
    assert "IMPORT_STARTED" in await practice.told("activity")


async def test_starting_the_sync_later_first_reads_the_changes(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.read_to_the_end()
    await practice.start(organisation)
    run = (await practice.runs())[-1]
    assert (run.phase, run.match) == (ImportPhase.READING, True)
    assert run.modified_since == (await practice.get(organisation)).read_cursor is not None


async def test_starting_twice_with_equal_settings_is_starting_once(practice: Practice) -> None:
    organisation = await practice.connect()
    await asyncio.gather(practice.start(organisation), practice.start(organisation))
    assert (await practice.told("activity")).count("IMPORT_STARTED") == 1
    assert await refused(practice.start(organisation, contact_filter=ALL)) == (
        Code.WRONG_STATE,
        ("organisationId",),
    )


async def test_starting_the_sync_needs_an_active_contact_type_and_a_connection(practice: Practice) -> None:
    organisation = await practice.connect()
    for type_id, code in ((uuid4(), Code.NOT_FOUND), (practice.archived_type, Code.WRONG_STATE)):
        found = await refused(practice.start(organisation, default_contact_type_id=type_id))
        assert found == (code, ("defaultContactTypeId",))
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    assert (await refused(practice.start(organisation)))[0] is Code.NOT_CONNECTED
    assert (await refused(practice.start(uuid4())))[0] is Code.NOT_FOUND
    assert (await practice.get(organisation)).started_at is None


async def test_the_organisation_of_another_workspace_is_not_found(practice: Practice) -> None:
    organisation = await practice.connect()
    other = await make_practice(practice.database)
    acts: list[Callable[[Tx, UUID], Awaitable[Any]]] = [
        organisations.get,
        organisations.disconnect,
        organisations.sync_now,
    ]
    for act in acts:
        code, _ = await refused(other.do(partial(_with, act, organisation)))
        assert code is Code.NOT_FOUND


async def test_settings_that_are_absent_stay(practice: Practice) -> None:
    organisation = await practice.connect()
    assert (await refused(practice.update(organisation, hold_similar=False)))[0] is Code.SYNC_NOT_STARTED
    await practice.start(organisation)
    await practice.update(organisation, conflict_policy=ConflictPolicy.ASK, hold_similar=False)
    await practice.update(organisation, conflict_policy=ConflictPolicy.ASK)  # changes nothing, tells nothing
    after = await practice.get(organisation)
    assert (after.contact_filter, after.default_contact_type_id) == (CUSTOMERS, practice.contact_type)
    assert (after.conflict_policy, after.hold_similar) == (ConflictPolicy.ASK, False)
    [changes] = [changes for changes in await practice.told("activity", "changes") if changes]
    assert [(each["field"], each["before"], each["after"]) for each in changes] == [
        ("conflictPolicy", "LATEST_WINS", "ASK"),
        ("holdSimilar", "true", "false"),
    ]


async def test_the_history_names_the_default_contact_type(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.start(organisation, default_contact_type_id=practice.contact_type)
    await practice.do(
        lambda tx: tx.run("update contact_type set archived_at = null where workspace_id = :ws")
    )
    await practice.update(organisation, default_contact_type_id=practice.archived_type)
    [changes] = [changes for changes in await practice.told("activity", "changes") if changes]
    assert (changes[0]["before"], changes[0]["after"]) == ("Client", "Old")


async def test_only_a_wider_filter_matches_again(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.start(organisation)
    await practice.read_to_the_end()
    await practice.update(organisation, contact_filter=ALL)
    assert [run.match for run in await practice.runs()] == [True, True]
    await practice.read_to_the_end()
    await practice.update(organisation, contact_filter=CUSTOMERS)
    assert len(await practice.runs()) == 2


async def test_sync_now_begins_one_run(practice: Practice) -> None:
    organisation = await practice.connect()

    def now() -> Awaitable[None]:
        return practice.do(lambda tx: organisations.sync_now(tx, organisation))

    assert (await refused(now()))[0] is Code.SYNC_NOT_STARTED
    await practice.start(organisation)
    await practice.read_to_the_end()
    await asyncio.gather(now(), now())
    assert len(await practice.runs()) == 2
    await practice.do(lambda tx: connection_health.locked_out(tx, organisation))
    assert (await refused(now()))[0] is Code.NOT_CONNECTED
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    assert (await refused(now()))[0] is Code.NOT_CONNECTED
    assert "disconnected" in str((await practice.get(organisation)).health_message)


async def test_disconnecting_stops_the_import_and_ignores_the_page_being_read(practice: Practice) -> None:
    organisation = await practice.connect()
    [run] = await practice.runs()
    held = await practice.do(lambda tx: imports.claim(tx, run.id))
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    settled = await practice.do(
        lambda tx: imports.settle_page(tx, held, [seen("Ada")], last=False, expected=1, server_time=tx.now)
    )
    assert settled is False
    assert await practice.do(lambda tx: imports.claim(tx, run.id)) is None


async def test_connecting_again_keeps_settings_and_matches(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.start(organisation, conflict_policy=ConflictPolicy.ASK)
    await practice.read_to_the_end()
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    assert await practice.connect(connection_id=UUID(int=9)) == organisation
    after = await practice.get(organisation)
    assert (after.disconnected_at, after.connection_id) == (None, UUID(int=9))
    assert (after.conflict_policy, after.contact_filter) == (ConflictPolicy.ASK, CUSTOMERS)
    run = (await practice.runs())[-1]
    # Everything is read before anything is sent, as what happened meanwhile may be more than a delta shows.
    assert (run.match, run.modified_since, run.finished_at) == (True, None, None)


async def test_connecting_again_makes_a_stopped_import_due(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    await practice.connect()
    [run] = await practice.runs()
    assert run.due_at is not None


async def test_a_disconnected_connection_stays_due_until_xero_has_confirmed_its_end(
    practice: Practice,
) -> None:
    organisation = await practice.connect()
    assert await practice.do(lambda tx: organisations.find_ended(tx, organisation)) is None
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    ended = await practice.do(lambda tx: organisations.find_ended(tx, organisation))
    assert (ended.connection_id, ended.grant_id) == (practice.tenant.connection_id, GRANT)
    await practice.do(lambda tx: organisations.settle_ended(tx, ended))
    assert await practice.do(lambda tx: organisations.find_ended(tx, organisation)) is None


async def test_a_late_confirmation_does_not_disconnect_a_new_connection(practice: Practice) -> None:
    organisation = await practice.connect()
    await practice.do(lambda tx: organisations.disconnect(tx, organisation))
    ended = await practice.do(lambda tx: organisations.find_ended(tx, organisation))
    await practice.connect()
    await practice.do(lambda tx: organisations.settle_ended(tx, ended))
    assert (await practice.get(organisation)).connection_id == practice.tenant.connection_id
