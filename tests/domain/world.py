"""A workspace with a connected organisation, its mirror and its contacts, set up through domain functions."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.contacts import creation as contact_creation
from domain.contacts import edits as contact_edits
from domain.fields.phones import PhoneParts
from domain.fields.synced import SYNCED
from domain.fields.values import PostalAddress, SeenContact, XeroNumbers
from domain.inbound import imports
from domain.matching import issues, near_duplicates
from domain.mirror import xero_contacts
from domain.tables import (
    ConflictPolicy,
    ConnectionHealth,
    Contact,
    ContactType,
    ImportPhase,
    ImportRun,
    MatchPass,
    Organisation,
    RunPurpose,
    SyncedField,
    Workspace,
    XeroContactFilter,
    XeroContactStatus,
)
from domain.tx import TANDEM, Tx
from runtime.database import Database
from tests.database import rows_of

BEGAN = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)


@dataclass
class Clock:
    time: datetime = field(default=BEGAN)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=1)
        return self.time


def as_given(values: Mapping[str, Any]) -> contact_edits.Given:
    """Values by the names of the schema, as a client gives them."""
    rest: dict[str, Any] = dict(values)
    synced = {field: rest.pop(one.api_name) for field, one in SYNCED.items() if one.api_name in rest}
    address = synced.get(SyncedField.BILLING_ADDRESS)
    if isinstance(address, Mapping):
        parts = {
            "postalCode": "postal_code",
            "attentionTo": "attention_to",
        }
        named: dict[str, Any] = {
            parts.get(str(name), str(name)): part for name, part in address.items() if name != "lines"
        }
        synced[SyncedField.BILLING_ADDRESS] = PostalAddress(tuple(address.get("lines") or ()), **named)
    own = {
        "firstName": "first_name",
        "lastName": "last_name",
        "kind": "kind",
        "contactTypeId": "contact_type_id",
        "identifiers": "identifiers",
    }
    return contact_edits.Given(synced, **{own[name]: value for name, value in rest.items()})


@dataclass
class World:
    database: Database
    workspace: UUID = field(default_factory=uuid4)
    organisation: UUID = field(default_factory=uuid4)
    contact_type: UUID = field(default_factory=uuid4)

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        async with self.database.transaction(self.workspace, TANDEM) as tx:
            yield tx

    async def read_organisation(self, tx: Tx) -> OrganisationCopy:
        return await organisation_copy.get(tx, self.organisation)

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        async with self.tx() as tx:
            return await rows_of(tx, sql, **values)

    async def contact(self, name: str, email: str | None = None, **given: Any) -> Contact:
        async with self.tx() as tx, issues.evaluating(tx) as touched:
            made = await contact_creation.create(tx, as_given({"name": name, "billingEmail": email, **given}))
            touched.add(made.id)
            return made

    async def shown(self, *seen: SeenContact) -> list[UUID]:
        async with self.tx() as tx:
            return [
                one.id
                for one in await xero_contacts.show(tx, self.organisation, seen, country="NZ")
                if one.how != "OLDER"
            ]

    async def start_import(self) -> UUID:
        await self.settle()  # an organisation has one unfinished run at most
        return (await self.begin_run(RunPurpose.IMPORT)).id

    async def begin_run(self, purpose: RunPurpose) -> ImportRun:
        async with self.tx() as tx:
            run = ImportRun(
                workspace_id=self.workspace,
                id=uuid4(),
                organisation_id=self.organisation,
                purpose=purpose,
                phase=ImportPhase.READING,
                match=True,
                started_at=tx.now,
                due_at=tx.now,
            )
            tx.session.add(run)
        return run

    async def import_mirror(self) -> ImportRun:
        """Match the mirror as an import that has just read it does."""
        run_id = await self.start_import()
        await self.finish(run_id, [])
        async with self.tx() as tx:
            return await tx.session.get_one(ImportRun, (self.workspace, run_id))

    async def finish(self, run_id: UUID, seen: Sequence[SeenContact]) -> None:
        """Read these as the only page of the run, and match to its end."""
        await self.read(run_id, seen)
        while await self.match(run_id):
            pass

    async def read(self, run_id: UUID, seen: Sequence[SeenContact]) -> None:
        async with self.tx() as tx:
            held = await imports.claim(tx, run_id)
        assert held is not None
        async with self.tx() as tx:
            assert await imports.settle_page(
                tx, held, seen, last=True, expected=len(seen), server_time=tx.now
            )

    async def match(self, run_id: UUID) -> bool:
        async with self.tx() as tx:
            held = await imports.claim(tx, run_id)
            if held is None or held.run.match_pass is not MatchPass.SIMILAR:
                return held is not None and await imports.match_page(tx, held)
        async with self.tx() as tx:
            ids = await imports.look_up_page(tx, held)
            page = await near_duplicates.read_page(tx, held.organisation, ids)
        async with self.tx() as tx:
            return await imports.settle_look_up(tx, held, ids, [near_duplicates.compare(page)])

    async def settle(self) -> None:
        """Run what a change has left to the next run."""
        while runs := await self.rows(
            "select id from import_run where finished_at is null and phase = 'MATCHING'"
        ):
            await self.match(runs[0]["id"])


async def make_world(
    database: Database,
    *,
    contact_filter: XeroContactFilter = XeroContactFilter.ALL,
    policy: ConflictPolicy = ConflictPolicy.LATEST_WINS,
) -> World:
    world = World(database)
    async with world.tx() as tx:
        tx.session.add(Workspace(id=world.workspace, name="Practice", currency="NZD", created_at=tx.now))
        tx.session.add(
            ContactType(
                workspace_id=world.workspace,
                id=world.contact_type,
                name="Client",
                name_key="client",
                created_at=tx.now,
            )
        )
        await tx.session.flush()
        tx.session.add(
            Organisation(
                workspace_id=world.workspace,
                id=world.organisation,
                tenant_id=uuid4(),
                name="Demo Company",
                base_currency="NZD",
                country_code="NZ",
                timezone="Pacific/Auckland",
                health=ConnectionHealth.HEALTHY,
                connected_at=tx.now,
                started_at=tx.now,
                contact_filter=contact_filter,
                default_contact_type_id=world.contact_type,
                conflict_policy=policy,
            )
        )
    return world


def seen(
    name: str,
    email: str | None = None,
    *,
    phone: PhoneParts | None = None,
    address: PostalAddress | None = None,
    customer: bool = True,
    supplier: bool = False,
    status: XeroContactStatus = XeroContactStatus.ACTIVE,
    xero_id: UUID | None = None,
    updated_at: datetime = BEGAN,
    company_number: str | None = None,
    tax_number: str | None = None,
    account_number: str | None = None,
) -> SeenContact:
    return SeenContact(
        xero_contact_id=xero_id or uuid4(),
        values={
            SyncedField.NAME: name,
            SyncedField.BILLING_EMAIL: email,
            SyncedField.PRIMARY_PHONE: phone,
            SyncedField.BILLING_ADDRESS: address,
        },
        first_name=None,
        last_name=None,
        contact_number=None,
        is_customer=customer,
        is_supplier=supplier,
        status=status,
        merged_to=None,
        updated_at=updated_at,
        seen_at=updated_at,
        numbers=XeroNumbers(company_number, tax_number, account_number),
    )
