"""Xero organisations: their connection, their settings, their numbers and their imports."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, NamedTuple, Self, TypedDict
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import batch, load_later
from api.relay.node import Node
from api.relay.paging import After, Before, First, Last, asked
from api.relay.rows import columns
from api.schema import catalogue
from api.schema.catalogue import XeroAccountConnection, XeroAccountFilter, XeroTaxRate
from api.schema.issues import sure_matches_preview
from api.schema.mappings import InvoiceSyncPreview, InvoiceSyncSettings, invoice_sync_preview
from api.schema.preview import ContactSyncPreview, contact_sync_preview
from api.schema.refs import (
    CONTACT_TYPE,
    IMPORT_PROGRESS,
    IMPORT_PROGRESS_OF_ORGANISATION,
    SYNC_SUMMARY,
    XERO_ORGANISATION,
    XERO_TAX_RATES_OF_ORGANISATION,
    ContactTypeRef,
    SureMatchesPreviewRef,
)
from api.schema.summary import CallBudget, SyncSummary, call_budget_of
from domain.connection.health import AT_THIS_MOMENT, RIGHTS_SAY, WEBHOOK_OFF, WEBHOOKS_SILENT
from domain.tables import (
    ConflictPolicy,
    ConnectionHealth,
    ImportPhase,
    Side,
    XeroContactFilter,
)
from domain.tx import Reader


class StoredMassChange(TypedDict):
    """A mass change in the form in which domain.inbound.mass_change stores it."""

    side: str
    changed: int
    of: int
    since: str


class OrganisationRow(NamedTuple):
    """`health_now`: what people see as the health at this moment. `webhooks_silent`: contacts changed in Xero without an
    announcement, so the webhook is probably switched off. `rights_say`: which rights are missing, for people."""

    id: UUID
    tenant_id: UUID
    name: str
    base_currency: str
    timezone: str
    health: str
    health_now: str
    webhooks_silent: bool
    health_message: str | None
    rights_say: str | None
    limited_until: datetime | None
    started_at: datetime | None
    contact_filter: str | None
    default_contact_type_id: UUID | None
    conflict_policy: str
    hold_similar: bool
    last_polled_at: datetime | None
    last_full_scan_at: datetime | None
    last_webhook_at: datetime | None
    mass_change: StoredMassChange | None
    invoice_sync: bool
    invoice_start_date: date | None
    revenue_account_id: UUID | None
    expense_account_id: UUID | None


class ImportRow(NamedTuple):
    id: UUID
    organisation_id: UUID
    phase: str
    done: int
    total: int | None
    full_matches: int
    conflicts: int
    created: int
    skipped: int
    started_at: datetime
    finished_at: datetime | None


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
    def default_contact_type(self, info: Info[Context, None]) -> ContactTypeRef | None:
        if self.type_key is None:
            return None
        return load_later(info.context, CONTACT_TYPE, self.type_key)


@strawberry.type(
    description="A change that is so large that a person must say whether it was meant: at least 20 linked"
    " contacts, and more than 30 % of them, within 10 minutes. It counts contacts that were archived,"
    " merged or forgotten, lost a value, or all got the same value."
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
    def of_row(cls, held: StoredMassChange) -> Self:
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
    row: strawberry.Private[OrganisationRow]
    name: str = strawberry.field(
        description="The organisation's name in Xero. 'Xero organisation' until Tandem knows it."
    )
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
    def of(cls, row: OrganisationRow) -> Self:
        return cls(
            id=ids.encode("XeroOrganisation", row.id),
            mass_change=MassChange.of_row(row.mass_change) if row.mass_change else None,
            row=row,
            name=row.name,
            tenant_id=strawberry.ID(str(row.tenant_id)),
            base_currency=row.base_currency,
            timezone=row.timezone,
            health=ConnectionHealth(row.health_now),
            health_message=_health_message(row),
            contact_sync=ContactSyncSettings(
                id=ids.encode("ContactSyncSettings", row.id),
                type_key=row.default_contact_type_id,
                started_at=row.started_at,
                contact_filter=XeroContactFilter(row.contact_filter) if row.contact_filter else None,
                conflict_policy=ConflictPolicy(row.conflict_policy),
                hold_similar=row.hold_similar,
                last_polled_at=row.last_polled_at,
                last_full_scan_at=row.last_full_scan_at,
                last_webhook_at=row.last_webhook_at,
            ),
            invoice_sync=InvoiceSyncSettings.of(row),
        )

    @strawberry.field(
        description="The expected result of startContactSync, or of another filter in updateContactSync, for"
        " the contacts read so far. This query changes nothing. Reading begins when the organisation is connected;"
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
        return await contact_sync_preview(info.context, self.row.id, contact_filter)

    @strawberry.field(
        description="The expected result of `confirmSure` of resolveMatchIssues for this organisation. This"
        " query changes nothing."
    )
    async def sure_matches_preview(self, info: Info[Context, None]) -> SureMatchesPreviewRef:
        found: SureMatchesPreviewRef = await sure_matches_preview(info.context, self.row.id)
        return found

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
        return await catalogue.accounts(info.context, self.row.id, page, filter)

    @strawberry.field(description="The organisation's tax rates in Xero, archived ones too, sorted by name.")
    def tax_rates(self, info: Info[Context, None]) -> list[XeroTaxRate]:
        return load_later(info.context, XERO_TAX_RATES_OF_ORGANISATION, self.row.id)

    @strawberry.field(
        description="The invoices that setInvoiceSync with this start date would newly send to Xero. This query"
        " changes nothing."
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
        return await invoice_sync_preview(info.context, self.row.id, start_date)

    @strawberry.field(description="How many calls to Xero are left. Null until Xero's first answer.")
    async def call_budget(self, info: Info[Context, None]) -> CallBudget | None:
        return await call_budget_of(info.context, self.row.id, self.row.tenant_id, self._limited_until())

    def _limited_until(self) -> datetime | None:
        """The end of a limit that Tandem itself keeps: the calls of the day are used up, without an answer of Xero that says
        so."""
        until: datetime | None = self.row.limited_until
        return until if self.health is ConnectionHealth.RATE_LIMITED else None

    @strawberry.field(description="The import that is running, or else the last one. Null if there was none.")
    def import_progress(self, info: Info[Context, None]) -> "ImportProgress | None":
        return load_later(info.context, IMPORT_PROGRESS_OF_ORGANISATION, self.row.id)

    @strawberry.field(
        description="The organisation's links, issues and failures in numbers, as of this request."
    )
    def summary(self, info: Info[Context, None]) -> SyncSummary:
        return load_later(info.context, SYNC_SUMMARY, self.row.id)


def _health_message(row: OrganisationRow) -> str | None:
    if row.health_now == ConnectionHealth.HEALTHY and row.webhooks_silent:
        return WEBHOOK_OFF
    own = row.health_message if row.health_now == row.health else None
    return " ".join(filter(None, (own, row.rights_say))) or None


@batch(XERO_ORGANISATION, node="XeroOrganisation")
async def _organisations(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, XeroOrganisation]:
    shown = {"health_now": AT_THIS_MOMENT, "rights_say": RIGHTS_SAY, "webhooks_silent": WEBHOOKS_SILENT}
    rows = await tx.read(
        OrganisationRow,
        f"select {columns(OrganisationRow, 'organisation', **shown)} from organisation"
        " where workspace_id = :ws and id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: XeroOrganisation.of(row) for row in rows}


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
    conflicts: int = strawberry.field(
        description="Match issues that this import opened for a person to decide."
    )
    created: int = strawberry.field(
        description="Practice contacts that this import created from Xero contacts."
    )
    skipped: int = strawberry.field(
        description="Xero contacts that were left out: excluded by the filter, archived, or decided by a"
        " person before. Known at the end."
    )
    finished: bool = strawberry.field(description="Whether the import has ended. Its counts are final then.")
    started_at: datetime = strawberry.field(description="When the import began to read from Xero.")
    finished_at: datetime | None = strawberry.field(description="When the import ended. Null while it runs.")

    @classmethod
    def of(cls, row: ImportRow) -> Self:
        return cls(
            id=ids.encode("ImportProgress", row.id),
            organisation_key=row.organisation_id,
            phase=ImportPhase(row.phase),
            done=row.done,
            total=row.total,
            full_matches=row.full_matches,
            conflicts=row.conflicts,
            created=row.created,
            skipped=row.skipped,
            finished=row.finished_at is not None,
            started_at=row.started_at,
            finished_at=row.finished_at,
        )

    @strawberry.field(description="The organisation whose contacts are imported.")
    def organisation(self, info: Info[Context, None]) -> XeroOrganisation:
        return load_later(info.context, XERO_ORGANISATION, self.organisation_key)


@batch(IMPORT_PROGRESS, node="ImportProgress")
async def _imports(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ImportProgress]:
    rows = await tx.read(
        ImportRow,
        f"select {columns(ImportRow, 'r')} from import_run r where r.workspace_id = :ws and r.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: ImportProgress.of(row) for row in rows}


@batch(IMPORT_PROGRESS_OF_ORGANISATION)
async def _last_imports(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, ImportProgress]:
    rows = await tx.read(
        ImportRow,
        f"select distinct on (r.organisation_id) {columns(ImportRow, 'r')} from import_run r"
        " where r.workspace_id = :ws and r.purpose = 'IMPORT' and r.organisation_id = any(:ids)"
        " order by r.organisation_id, r.finished_at is null desc, r.started_at desc",
        ids=list(keys),
    )
    return {row.organisation_id: ImportProgress.of(row) for row in rows}
