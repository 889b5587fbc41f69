"""Xero organisations: how they are connected and kept in step, and what an import would do or does."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, by_id, load
from api.relay.node import Node
from api.relay.paging import First, Last, asked
from api.schema import catalogue
from api.schema.catalogue import XeroAccountConnection, XeroAccountFilter, XeroTaxRate
from api.schema.links import SyncFailureCode
from api.schema.mappings import InvoiceSyncPreview, InvoiceSyncSettings, invoice_sync_preview
from api.schema.preview import ContactSyncPreview, contact_sync_preview
from api.schema.refs import ContactTypeRef
from domain.connection import health as connection_health
from domain.connection.health import AT_THIS_MOMENT
from domain.tables import ConflictPolicy, ConnectionHealth, ImportPhase, Side, XeroContactFilter
from domain.tx import Tx


@strawberry.type(description="How contacts are kept in step.")
class ContactSyncSettings:
    type_key: strawberry.Private[UUID | None]
    id: strawberry.ID = strawberry.field(description="Its own, the same for as long as the organisation's.")
    started_at: datetime | None = strawberry.field(description="Null until startContactSync.")
    contact_filter: XeroContactFilter | None = strawberry.field(description="Null until startContactSync.")
    conflict_policy: ConflictPolicy = strawberry.field(
        description="Who wins where both sides changed one field."
    )
    hold_similar: bool = strawberry.field(
        description="Whether a Xero contact that matches nobody, but is much like somebody, waits as a SIMILAR issue"
        " instead of becoming a new contact."
    )
    last_polled_at: datetime | None = strawberry.field(description="When Xero was last asked what changed.")
    last_full_scan_at: datetime | None = strawberry.field(description="When all was last read.")
    last_webhook_at: datetime | None = strawberry.field(description="When Xero last told of a change.")

    @strawberry.field(description="The type that contacts made from Xero get.")
    async def default_contact_type(self, info: Info[Context, None]) -> ContactTypeRef | None:
        if self.type_key is None:
            return None
        found: ContactTypeRef | None = await load(info.context, "ContactType", self.type_key)
        return found


@strawberry.type(description="Xero's limits as its last answers told them.")
class CallBudget:
    id: strawberry.ID = strawberry.field(description="Its own, the same for as long as the organisation's.")
    minute_remaining: int | None = strawberry.field(description="Calls left in this minute.")
    day_remaining: int | None = strawberry.field(description="Calls left in this day.")
    day_limit: int | None = strawberry.field(description="Calls in a day.")
    limited_until: datetime | None = strawberry.field(description="No call before this time.")


@batch("CallBudget.of_tenant")
async def _budgets(tx: Tx, tenants: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    rows = await tx.rows(
        "select * from door.call_budgets(cast(:tenants as uuid[]), :now)", tenants=list(tenants)
    )
    return {row["tenant_id"]: row for row in rows}


@strawberry.type(description="How many links and invoices fail for one reason.")
class FailureCount:
    code: SyncFailureCode = strawberry.field(description="The reason.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="An organisation in numbers.")
class SyncSummary:
    id: strawberry.ID = strawberry.field(description="Its own, the same for as long as the organisation's.")
    linked: int = strawberry.field(description="Active links.")
    open_issues: int = strawberry.field(description="Match issues that wait for a person.")
    unsynced: int = strawberry.field(description="Links that a person ended.")
    failing: int = strawberry.field(description="Links that fail.")
    failing_invoices: int = strawberry.field(description="Invoices that fail.")
    pending_changes: int = strawberry.field(description="Links of which the practice has what Xero lacks.")
    failures: list[FailureCount] = strawberry.field(
        description="Links and invoices by what keeps them from syncing; BROKEN links too, which `failing` leaves out."
    )


@batch("SyncSummary")
async def _summaries(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, SyncSummary]:
    links = await tx.rows(
        f"select l.organisation_id, {connection_health.LINK_STATE} as state, {connection_health.LINK_CODE} as code, count(*) as n,"
        f" count(*) filter (where l.due_at is not null) as due from sync_link l{connection_health.HELD_LINK}"
        " where l.workspace_id = :ws and l.organisation_id = any(:ids) group by 1, 2, 3",
        ids=list(keys),
    )
    issues = await tx.rows(
        "select organisation_id, count(*) as n from match_issue"
        " where workspace_id = :ws and organisation_id = any(:ids) and state = 'OPEN' group by 1",
        ids=list(keys),
    )
    failing = await tx.rows(
        "select organisation_id, failure_code as code, count(*) as n from invoice where workspace_id = :ws"
        " and organisation_id = any(:ids) and sync_state = 'FAILING' group by 1, 2",
        ids=list(keys),
    )
    opened = {row["organisation_id"]: row["n"] for row in issues}
    return {
        key: _summary(
            key,
            [row for row in links if row["organisation_id"] == key],
            [row for row in failing if row["organisation_id"] == key],
            opened.get(key, 0),
        )
        for key in keys
    }


def _summary(
    key: UUID, links: Sequence[Mapping[str, Any]], failing: Sequence[Mapping[str, Any]], open_issues: int
) -> SyncSummary:
    def having(*states: str) -> int:
        return sum(row["n"] for row in links if row["state"] in states)

    codes: dict[str, int] = {}
    for row in (*links, *failing):
        if row["code"] is not None:
            codes[row["code"]] = codes.get(row["code"], 0) + row["n"]
    return SyncSummary(
        id=ids.encode("SyncSummary", key),
        linked=having("SYNCED", "PENDING", "FAILING", "CONFLICT"),
        open_issues=open_issues,
        unsynced=having("UNSYNCED"),
        failing=having("FAILING"),
        failing_invoices=sum(row["n"] for row in failing),
        pending_changes=sum(row["due"] for row in links),
        failures=[FailureCount(code=SyncFailureCode(code), count=n) for code, n in sorted(codes.items())],
    )


@strawberry.type(description="A change too big to be let through unasked.")
class MassChange:
    side: Side = strawberry.field(description="Where it was made.")
    changed: int = strawberry.field(
        description="Linked contacts that were archived, merged or forgotten, or lost a value."
    )
    of: int = strawberry.field(description="Active links.")
    since: datetime = strawberry.field(description="When it was stopped.")

    @classmethod
    def of_row(cls, held: Mapping[str, Any]) -> Self:
        return cls(
            side=Side(held["side"]),
            changed=held["changed"],
            of=held["of"],
            since=datetime.fromisoformat(held["since"]),
        )


@strawberry.type(description="A Xero organisation (tenant) that was connected.")
class XeroOrganisation(Node):
    row: strawberry.Private[Mapping[str, Any]]
    name: str = strawberry.field(description="As Xero has it.")
    tenant_id: strawberry.ID = strawberry.field(description="Xero's own id.")
    base_currency: str = strawberry.field(description="ISO 4217.")
    timezone: str = strawberry.field(description="Of the tz database, such as Pacific/Auckland.")
    health: ConnectionHealth = strawberry.field(description="How the connection is.")
    contact_sync: ContactSyncSettings = strawberry.field(description="How contacts are kept in step.")
    invoice_sync: InvoiceSyncSettings = strawberry.field(description="How invoices go to Xero.")
    health_message: str | None = strawberry.field(
        description="Why `health` is what it is, where it is not HEALTHY."
    )

    mass_change: MassChange | None = strawberry.field(
        description="Set while `health` is PAUSED: so much changed at once on one side that a person must say whether it"
        " is meant (decideMassChange)."
    )

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=ids.encode("XeroOrganisation", row["id"]),
            mass_change=MassChange.of_row(row["mass_change"]) if row["mass_change"] else None,
            row=row,
            name=row["name"],
            tenant_id=strawberry.ID(str(row["tenant_id"])),
            base_currency=row["base_currency"],
            timezone=row["timezone"],
            health=ConnectionHealth(row["health_now"]),
            health_message=row["health_message"] if row["health_now"] == row["health"] else None,
            contact_sync=ContactSyncSettings(
                id=ids.encode("ContactSyncSettings", row["id"]),
                type_key=row["default_contact_type_id"],
                started_at=row["started_at"],
                contact_filter=XeroContactFilter(row["contact_filter"]) if row["contact_filter"] else None,
                conflict_policy=ConflictPolicy(row["conflict_policy"]),
                hold_similar=row["hold_similar"],
                last_polled_at=row["last_polled_at"],
                last_full_scan_at=row["last_full_scan_at"],
                last_webhook_at=row["last_webhook_at"],
            ),
            invoice_sync=InvoiceSyncSettings.of(row),
        )

    @strawberry.field(
        description="What starting the sync, or changing the filter, would do; it moves no data. Tells what was read"
        " so far: reading begins when the organisation is connected, and `complete` says when it is done."
    )
    async def contact_sync_preview(
        self, info: Info[Context, None], contact_filter: XeroContactFilter
    ) -> ContactSyncPreview | None:
        return await contact_sync_preview(info.context, self.row["id"], contact_filter)

    @strawberry.field(description="Its chart of accounts, by code; without `filter` the active ones.")
    async def accounts(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: str | None = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: str | None = strawberry.UNSET,
        filter: XeroAccountFilter | None = strawberry.UNSET,
    ) -> XeroAccountConnection:
        page = asked(first, after, last, before)
        return await catalogue.accounts(info.context, self.row["id"], page, filter)

    @strawberry.field(description="By name, archived ones too.")
    async def tax_rates(self, info: Info[Context, None]) -> list[XeroTaxRate]:
        found: list[XeroTaxRate] = await load(info.context, "XeroTaxRates.of_organisation", self.row["id"])
        return found

    @strawberry.field(description="What another start date would send; it changes nothing.")
    async def invoice_sync_preview(
        self, info: Info[Context, None], start_date: date
    ) -> InvoiceSyncPreview | None:
        return await invoice_sync_preview(info.context, self.row["id"], start_date)

    @strawberry.field(description="Null while Xero has told nothing.")
    async def call_budget(self, info: Info[Context, None]) -> CallBudget | None:
        row = await load(info.context, "CallBudget.of_tenant", self.row["tenant_id"])
        if row is None:
            return None
        return CallBudget(
            id=ids.encode("CallBudget", self.row["id"]),
            minute_remaining=row["minute_remaining"],
            day_remaining=row["day_remaining"],
            day_limit=row["day_limit"],
            limited_until=row["limited_until"] or self._limited_until(),
        )

    def _limited_until(self) -> datetime | None:
        """Where the day's calls are used up, which no answer of Xero's has said."""
        until: datetime | None = self.row["limited_until"]
        return until if self.health is ConnectionHealth.RATE_LIMITED else None

    @strawberry.field(description="The import that runs, or else the last one.")
    async def import_progress(self, info: Info[Context, None]) -> "ImportProgress | None":
        found: ImportProgress | None = await load(
            info.context, "ImportProgress.of_organisation", self.row["id"]
        )
        return found

    @strawberry.field(description="It in numbers, as of now.")
    async def summary(self, info: Info[Context, None]) -> SyncSummary:
        found: SyncSummary = await load(info.context, "SyncSummary", self.row["id"])
        return found


@batch("XeroOrganisation", node="XeroOrganisation")
async def _organisations(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, XeroOrganisation]:
    rows = await tx.rows(
        f"select *, {AT_THIS_MOMENT} as health_now from organisation where workspace_id = :ws and id = any(:ids)",
        ids=list(keys),
    )
    return by_id(rows, XeroOrganisation.of)


@strawberry.type(description="One import: a node, so that each event about it mends what caches hold.")
class ImportProgress(Node):
    organisation_key: strawberry.Private[UUID]
    phase: ImportPhase = strawberry.field(description="How far it is.")
    done: int = strawberry.field(description="Steps of this phase that are done.")
    total: int | None = strawberry.field(description="Steps of this phase; null while unknown.")
    full_matches: int = strawberry.field(description="Linked, as name and email were equal.")
    conflicts: int = strawberry.field(description="Match issues made.")
    created: int = strawberry.field(description="Contacts made from Xero's.")
    skipped: int = strawberry.field(description="Left out: excluded, archived, or decided before.")
    finished: bool = strawberry.field(description="Whether it has ended.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        return cls(
            id=ids.encode("ImportProgress", row["id"]),
            organisation_key=row["organisation_id"],
            phase=ImportPhase(row["phase"]),
            done=row["done"],
            total=row["total"],
            full_matches=row["full_matches"],
            conflicts=row["conflicts"],
            created=row["created"],
            skipped=row["skipped"],
            finished=row["finished_at"] is not None,
            started_at=row["started_at"],
            finished_at=row["finished_at"],
        )

    @strawberry.field(description="Of which organisation.")
    async def organisation(self, info: Info[Context, None]) -> XeroOrganisation:
        found: XeroOrganisation = await load(info.context, "XeroOrganisation", self.organisation_key)
        return found


@batch("ImportProgress", node="ImportProgress")
async def _imports(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, ImportProgress]:
    rows = await tx.rows(
        "select * from import_run where workspace_id = :ws and id = any(:ids)", ids=list(keys)
    )
    return by_id(rows, ImportProgress.of)


@batch("ImportProgress.of_organisation")
async def _last_imports(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, ImportProgress]:
    rows = await tx.rows(
        "select distinct on (organisation_id) * from import_run where workspace_id = :ws and purpose = 'IMPORT'"
        " and organisation_id = any(:ids) order by organisation_id, finished_at is null desc, started_at desc",
        ids=list(keys),
    )
    return {row["organisation_id"]: ImportProgress.of(row) for row in rows}
