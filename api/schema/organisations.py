"""Xero organisations: their connection, their settings, their numbers and their imports."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, by_id, load
from api.relay.node import Node
from api.relay.paging import After, Before, First, Last, asked
from api.schema import catalogue
from api.schema.catalogue import XeroAccountConnection, XeroAccountFilter, XeroTaxRate
from api.schema.mappings import InvoiceSyncPreview, InvoiceSyncSettings, invoice_sync_preview
from api.schema.preview import ContactSyncPreview, contact_sync_preview
from api.schema.refs import ContactTypeRef
from api.schema.sync_problems import SyncFailureCode
from domain.connection import call_budget
from domain.connection import health as connection_health
from domain.connection.health import AT_THIS_MOMENT, WEBHOOK_OFF, WEBHOOKS_SILENT
from domain.tables import (
    ACTIVE_STATES,
    ConflictPolicy,
    ConnectionHealth,
    ImportPhase,
    Side,
    XeroContactFilter,
)
from domain.tx import Tx


@strawberry.type(
    description="How the contacts of an organisation are kept in step, and when Xero was last read."
)
class ContactSyncSettings:
    type_key: strawberry.Private[UUID | None]
    id: strawberry.ID = strawberry.field(
        description="An id of the settings object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    started_at: datetime | None = strawberry.field(
        description="When startContactSync started the sync. Null: not started, so contacts are read but"
        " not matched."
    )
    contact_filter: XeroContactFilter | None = strawberry.field(
        description="Which Xero contacts take part. Null until startContactSync."
    )
    conflict_policy: ConflictPolicy = strawberry.field(
        description="Which value holds if both sides changed one field."
    )
    hold_similar: bool = strawberry.field(
        description="Whether a Xero contact that equals no practice contact, but is very similar to one,"
        " waits as a SIMILAR match issue. If false, it becomes a new practice contact at once."
    )
    last_polled_at: datetime | None = strawberry.field(
        description="When Tandem last finished asking Xero what has changed. Null: never."
    )
    last_full_scan_at: datetime | None = strawberry.field(
        description="When Tandem last finished reading all contacts of the organisation. Null: never."
    )
    last_webhook_at: datetime | None = strawberry.field(
        description="When Xero last announced a change of this organisation by webhook. Null: never."
    )

    @strawberry.field(
        description="The contact type that practice contacts get when they are created from Xero. Null"
        " until startContactSync."
    )
    async def default_contact_type(self, info: Info[Context, None]) -> ContactTypeRef | None:
        if self.type_key is None:
            return None
        found: ContactTypeRef | None = await load(info.context, "ContactType", self.type_key)
        return found


@strawberry.type(
    description="Xero's call limits for an organisation, as Xero's latest answers reported them."
)
class CallBudget:
    id: strawberry.ID = strawberry.field(
        description="An id of the budget object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    minute_remaining: int | None = strawberry.field(
        description="Calls that are left in the present minute. Null: unknown."
    )
    day_remaining: int | None = strawberry.field(
        description="Calls that are left in Xero's rolling day of 24 hours. Null: unknown."
    )
    day_limit: int | None = strawberry.field(
        description="Calls that the app's plan at Xero allows in a day, such as 1,000 or 5,000. Null:"
        " unknown."
    )
    limited_until: datetime | None = strawberry.field(
        description="Tandem makes no call before this time, because a limit is used up. Null: calls are"
        " possible."
    )


@batch("CallBudget.of_tenant")
async def _budgets(tx: Tx, tenants: Sequence[UUID]) -> dict[UUID, call_budget.CallBudget]:
    return await call_budget.find_many(tx, tenants)


@strawberry.type(description="How many links and invoices of an organisation fail for one reason.")
class FailureCount:
    code: SyncFailureCode = strawberry.field(description="The reason that they have in common.")
    count: int = strawberry.field(description="The number of links and invoices with this reason.")


@strawberry.type(description="The state of an organisation in numbers, as of this request.")
class SyncSummary:
    id: strawberry.ID = strawberry.field(
        description="An id of the summary object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    linked: int = strawberry.field(
        description="The number of active links: SYNCED, PENDING, FAILING and CONFLICT together."
    )
    open_issues: int = strawberry.field(description="The number of match issues that wait for a person.")
    unsynced: int = strawberry.field(
        description="The number of links that a person ended with unsync and that nobody has dismissed."
    )
    failing: int = strawberry.field(description="The number of links in state FAILING.")
    failing_invoices: int = strawberry.field(
        description="The number of invoices whose sync state is FAILING."
    )
    pending_changes: int = strawberry.field(
        description="The number of links with values of the practice that Xero does not have yet."
    )
    failures: list[FailureCount] = strawberry.field(
        description="How many links and invoices have each failure code. BROKEN links count here, although"
        " `failing` leaves them out."
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
        linked=having(*ACTIVE_STATES),
        open_issues=open_issues,
        unsynced=having("UNSYNCED"),
        failing=having("FAILING"),
        failing_invoices=sum(row["n"] for row in failing),
        pending_changes=sum(row["due"] for row in links),
        failures=[FailureCount(code=SyncFailureCode(code), count=n) for code, n in sorted(codes.items())],
    )


@strawberry.type(
    description="A change of so many contacts at once that a person must say whether it was meant. It"
    " counts contacts that were archived, merged or forgotten, or lost a value."
)
class MassChange:
    side: Side = strawberry.field(description="The side on which the change was made.")
    changed: int = strawberry.field(description="The number of linked contacts that the change affects.")
    of: int = strawberry.field(
        description="The number of linked contacts in the organisation, for comparison."
    )
    since: datetime = strawberry.field(
        description="When Tandem paused the organisation because of the change."
    )

    @classmethod
    def of_row(cls, held: Mapping[str, Any]) -> Self:
        return cls(
            side=Side(held["side"]),
            changed=held["changed"],
            of=held["of"],
            since=datetime.fromisoformat(held["since"]),
        )


@strawberry.type(
    description="A Xero organisation (Xero also says tenant) that is or was connected to the workspace."
)
class XeroOrganisation(Node):
    row: strawberry.Private[Mapping[str, Any]]
    name: str = strawberry.field(description="The organisation's name in Xero.")
    tenant_id: strawberry.ID = strawberry.field(description="Xero's own id of the organisation (tenantId).")
    base_currency: str = strawberry.field(
        description="The ISO 4217 code in which Xero keeps the books. Blank until Tandem has read the"
        " organisation's details."
    )
    timezone: str = strawberry.field(
        description="The organisation's time zone by its name in the tz database, such as Pacific/Auckland."
    )
    health: ConnectionHealth = strawberry.field(
        description="Whether Tandem can read from and write to Xero at this moment."
    )
    contact_sync: ContactSyncSettings = strawberry.field(
        description="How contacts are kept in step, and when Xero was last read."
    )
    invoice_sync: InvoiceSyncSettings = strawberry.field(
        description="Whether and how the practice's invoices go to this organisation."
    )
    health_message: str | None = strawberry.field(
        description="Why `health` is not HEALTHY and what to do, for people to read. If it is HEALTHY: null, or that Xero"
        " no longer announces changes."
    )

    mass_change: MassChange | None = strawberry.field(
        description="The mass change that waits for decideMassChange, while `health` is PAUSED. Null: none."
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
            health_message=_health_message(row),
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
        description="What startContactSync, or another filter in updateContactSync, would do with the"
        " contacts read so far. It changes nothing. Reading begins when the organisation is connected;"
        " `complete` says when it is done."
    )
    async def contact_sync_preview(
        self,
        info: Info[Context, None],
        contact_filter: Annotated[
            XeroContactFilter,
            strawberry.argument(description="The filter to try. It need not be the one in force."),
        ],
    ) -> ContactSyncPreview | None:
        return await contact_sync_preview(info.context, self.row["id"], contact_filter)

    @strawberry.field(
        description="The organisation's chart of accounts, sorted by code. Without `filter`: the active"
        " accounts."
    )
    async def accounts(
        self,
        info: Info[Context, None],
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
        filter: Annotated[
            XeroAccountFilter | None,
            strawberry.argument(description="Which accounts to list. Left out: the active ones."),
        ] = strawberry.UNSET,
    ) -> XeroAccountConnection:
        page = asked(first, after, last, before)
        return await catalogue.accounts(info.context, self.row["id"], page, filter)

    @strawberry.field(description="The organisation's tax rates in Xero, archived ones too, sorted by name.")
    async def tax_rates(self, info: Info[Context, None]) -> list[XeroTaxRate]:
        found: list[XeroTaxRate] = await load(info.context, "XeroTaxRates.of_organisation", self.row["id"])
        return found

    @strawberry.field(
        description="What setInvoiceSync with this start date would newly send to Xero. It changes nothing."
    )
    async def invoice_sync_preview(
        self,
        info: Info[Context, None],
        start_date: Annotated[
            date,
            strawberry.argument(
                description="The start date to try: the first issue date whose invoices would go to Xero."
            ),
        ],
    ) -> InvoiceSyncPreview | None:
        return await invoice_sync_preview(info.context, self.row["id"], start_date)

    @strawberry.field(description="How many calls to Xero are left. Null until Xero's first answer.")
    async def call_budget(self, info: Info[Context, None]) -> CallBudget | None:
        found: call_budget.CallBudget | None = await load(
            info.context, "CallBudget.of_tenant", self.row["tenant_id"]
        )
        if found is None:
            return None
        return CallBudget(
            id=ids.encode("CallBudget", self.row["id"]),
            minute_remaining=found.minute_remaining,
            day_remaining=found.day_remaining,
            day_limit=found.day_limit,
            limited_until=found.limited_until or self._limited_until(),
        )

    def _limited_until(self) -> datetime | None:
        """The end of a limit that Tandem itself keeps: the calls of the day are used up, without an answer of Xero that says
        so."""
        until: datetime | None = self.row["limited_until"]
        return until if self.health is ConnectionHealth.RATE_LIMITED else None

    @strawberry.field(description="The import that is running, or else the last one. Null if there was none.")
    async def import_progress(self, info: Info[Context, None]) -> "ImportProgress | None":
        found: ImportProgress | None = await load(
            info.context, "ImportProgress.of_organisation", self.row["id"]
        )
        return found

    @strawberry.field(
        description="The organisation's links, issues and failures in numbers, as of this request."
    )
    async def summary(self, info: Info[Context, None]) -> SyncSummary:
        found: SyncSummary = await load(info.context, "SyncSummary", self.row["id"])
        return found


def _health_message(row: Mapping[str, Any]) -> str | None:
    if row["health_now"] == ConnectionHealth.HEALTHY and row["webhooks_silent"]:
        return WEBHOOK_OFF
    message: str | None = row["health_message"] if row["health_now"] == row["health"] else None
    return message


@batch("XeroOrganisation", node="XeroOrganisation")
async def _organisations(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, XeroOrganisation]:
    rows = await tx.rows(
        f"select *, {AT_THIS_MOMENT} as health_now, {WEBHOOKS_SILENT} as webhooks_silent from organisation"
        " where workspace_id = :ws and id = any(:ids)",
        ids=list(keys),
    )
    return by_id(rows, XeroOrganisation.of)


@strawberry.type(
    description="One import of an organisation's contacts. Live events carry it under the same id, so that"
    " caches update it in place."
)
class ImportProgress(Node):
    organisation_key: strawberry.Private[UUID]
    phase: ImportPhase = strawberry.field(description="Whether the import reads, matches or is over.")
    done: int = strawberry.field(
        description="Steps of this phase that are done, for a progress bar. The count begins at 0 again"
        " with each phase."
    )
    total: int | None = strawberry.field(
        description="Steps of this phase in all. Null while that is unknown."
    )
    full_matches: int = strawberry.field(
        description="Xero contacts that this import linked, because name and email were equal."
    )
    conflicts: int = strawberry.field(description="Match issues that this import opened.")
    created: int = strawberry.field(
        description="Practice contacts that this import created from Xero contacts."
    )
    skipped: int = strawberry.field(
        description="Xero contacts that were left out: excluded by the filter, archived, or decided by a"
        " person before. Known at the end."
    )
    finished: bool = strawberry.field(description="Whether the import has ended.")
    started_at: datetime = strawberry.field(description="When the import began.")
    finished_at: datetime | None = strawberry.field(description="When the import ended. Null while it runs.")

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

    @strawberry.field(description="The organisation whose contacts are imported.")
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
