"""An organisation whose contacts are all linked, one of them chosen, with a Xero on a real socket."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.connection import health as connection_health
from domain.connection import organisations
from domain.contacts import edits as contact_edits
from domain.links import failures
from domain.matching import issues
from domain.tables import RunPurpose, StoredFailure
from domain.tx import TANDEM
from runtime.embedded import services as embedded_services
from tests.database import Place, rows_of
from tests.domain.world import as_given
from tests.workers.connected import Connected, connected, send_due
from workers import importing, sending, single_reads
from xero.simulator.clock import ShiftedClock


@dataclass
class MovedClock:
    """The machine's, moved forward."""

    by: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.by


@dataclass
class Linked:
    """An organisation whose every contact is linked, with one of them picked."""

    here: Connected
    contact: UUID
    xero: str
    clock: MovedClock

    async def change(self, **given: Any) -> None:
        async with self.here.world.tx() as tx, issues.evaluating(tx) as touched:
            await contact_edits.change(tx, self.contact, as_given(given))
            touched.add(self.contact)

    async def send(self) -> None:
        while await send_due(self.here.process, self.here.world.workspace, self.here.world.organisation):
            pass

    async def recover(self) -> None:
        rows = await self.here.world.rows("select id from delivery where ended_at is null")
        for row in rows:
            await sending.recover(self.here.process, self.here.world.workspace, row["id"])

    async def fault(self, **fault: Any) -> None:
        answer = await self.here.process.http.post(f"{self.here.xero}/simulator/faults", json=fault)
        assert answer.is_success, answer.text

    async def shown(self) -> dict[str, Any]:
        """The contact as Xero has it now."""
        headers = {"Authorization": f"Bearer {await self._token()}", "Accept": "application/json"}
        [row] = await self.here.world.rows("select tenant_id from organisation")
        headers["Xero-Tenant-Id"] = str(row["tenant_id"])
        answer = await self.here.process.http.get(
            f"{self.here.xero}/api.xro/2.0/Contacts/{self.xero}", headers=headers
        )
        found: dict[str, Any] = answer.json()["Contacts"][0]
        return found

    async def has_arrived(self, name: str) -> bool:
        """Whether Xero has the name. Xero is asked only once the link is SYNCED: each look counts as a call at Xero."""
        return bool((await self.link())["state"] == "SYNCED" and (await self.shown())["Name"] == name)

    async def _token(self) -> str:
        [row] = await self.here.world.rows("select grant_id from organisation")
        return await self.here.process.tokens(row["grant_id"]).access_token()

    async def link(self) -> dict[str, Any]:
        [row] = await self.here.world.rows(
            "select * from sync_link where contact_id = :contact", contact=self.contact
        )
        return row

    async def writes(self) -> int:
        """Requests to write, repeats under one key included."""
        count = (await self.here.simulator())["writes"]
        assert isinstance(count, int)
        return count

    async def advance(self, run: UUID) -> None:
        while await importing.advance(self.here.process, self.here.world.workspace, run):
            pass

    async def trust_webhooks(self) -> None:
        """A webhook has come just now, so a contact is not read by itself before it is written."""
        await self.here.world.rows("update organisation set last_webhook_at = :now returning id")

    def later(self, by: timedelta) -> None:
        self.clock.by += by


async def _picked(here: Connected) -> tuple[UUID, str]:
    """All contacts are imported. Gives one that has an email: the contact's id, and Xero's."""
    run = await here.start_import()
    while await importing.advance(here.process, here.world.workspace, run):
        pass
    [row] = await here.world.rows(
        "select l.contact_id, x.xero_contact_id from sync_link l join xero_contact x on x.id = l.xero_contact_id"
        " where l.state = 'SYNCED' and x.email is not null order by x.name limit 1"
    )
    return row["contact_id"], str(row["xero_contact_id"])


@pytest.fixture
async def linked(clean: Place, services: embedded_services.Services) -> AsyncIterator[Linked]:
    clock = MovedClock()
    async with connected(clean, services, 40, clock) as here:
        yield Linked(here, *await _picked(here), clock)


@dataclass(frozen=True)
class Seen(failures.Trouble):
    state: str


async def seen(linked: Linked) -> tuple[str, StoredFailure | None]:
    """The link's state and failure as people see them."""
    async with linked.here.world.tx() as tx:
        [row] = await tx.read(
            Seen,
            f"select {connection_health.LINK_STATE} as state, {failures.FAILURE_COLUMNS} from sync_link l{connection_health.HELD_LINK}"
            " where l.contact_id = :contact",
            contact=linked.contact,
        )
        return row.state, failures.shown_failure(row, tx.now)


async def edit(linked: Linked, xero: str, **given: Any) -> None:
    """A person does this in Xero."""
    [row] = await linked.here.world.rows("select tenant_id from organisation")
    address = f"{linked.here.xero}/simulator/organisations/{row['tenant_id']}/contacts/{xero}"
    answer = await linked.here.process.http.post(address, json=given)
    assert answer.is_success, answer.text


async def poll(linked: Linked, purpose: RunPurpose = RunPurpose.DELTA) -> None:
    linked.later(timedelta(minutes=3))
    async with linked.here.process.database.transaction(linked.here.world.workspace, TANDEM) as tx:
        assert await organisations.begin_run(tx, linked.here.world.organisation, purpose)
        [run] = await rows_of(tx, "select id from import_run where finished_at is null")
    while await importing.advance(linked.here.process, linked.here.world.workspace, run["id"]):
        pass


BETWEEN = timedelta(seconds=40)


@dataclass
class Clocked(Linked):
    """Time passes on both sides; `later` sets the practice's clock alone."""

    theirs: ShiftedClock

    async def pass_time(self, by: timedelta = BETWEEN) -> None:
        self.theirs.advance(by)
        self.clock.by += by

    async def poll(self) -> None:
        process, world = self.here.process, self.here.world
        async with process.database.transaction(world.workspace, TANDEM) as tx:
            await organisations.begin_run(tx, world.organisation, RunPurpose.DELTA)
            await tx.run("update import_run set due_at = :now, lease_until = null where finished_at is null")
            [run] = await rows_of(tx, "select id from import_run where finished_at is null")
        await self.advance(run["id"])

    async def settle(self) -> None:
        """Let time pass, and do all due work."""
        for _ in range(6):
            await self.pass_time(timedelta(minutes=4))
            await self.recover()
            while await single_reads.read_due(
                self.here.process, self.here.world.workspace, self.here.world.organisation
            ):
                pass
            await self.poll()
            await self.send()

    async def email(self) -> tuple[str, str]:
        [row] = await self.here.world.rows(
            "select billing_email from contact where id = :id", id=self.contact
        )
        return row["billing_email"], (await self.shown())["EmailAddress"]


@pytest.fixture
async def clocked(clean: Place, services: embedded_services.Services) -> AsyncIterator[Clocked]:
    ours, theirs = MovedClock(), ShiftedClock(lambda: datetime.now(UTC))
    async with connected(clean, services, 10, ours, simulated=theirs) as here:
        yield Clocked(here, *await _picked(here), ours, theirs)
