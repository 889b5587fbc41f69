"""The catalogue: Xero's accounts, tax rates and lock dates as last seen. Mappings choose from it.

A row stays when Xero does not list it any more, because mappings and lines name it; the row is not active then.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain.connection import held_invoices, poll_schedule
from domain.invoices import waiting as waiting_invoices
from domain.names.text_keys import search_key
from domain.tables import EventKind, Organisation
from domain.tx import Tx

DAILY = timedelta(hours=24)
WHILE_INVOICES_WAIT = timedelta(hours=1)


@dataclass(frozen=True)
class SeenAccount:
    account_id: UUID
    code: str | None
    name: str
    account_class: str
    account_type: str
    tax_type: str | None
    system_account: str | None
    active: bool


@dataclass(frozen=True)
class SeenTaxRate:
    """A tax rate. `effective_rate`: 15 is 15 %."""

    tax_type: str
    name: str
    effective_rate: Decimal
    active: bool
    can_apply_to_revenue: bool
    can_apply_to_expenses: bool


@dataclass(frozen=True)
class Catalogue:
    """The whole catalogue, read at once. A lock date that is not set is None."""

    accounts: Sequence[SeenAccount]
    tax_rates: Sequence[SeenTaxRate]
    period_lock_date: date | None
    year_lock_date: date | None


async def show(tx: Tx, organisation_id: UUID, seen: Catalogue, asked: datetime | None = None) -> None:
    """Store the catalogue in the mirror. Invoices that failed because of the old catalogue become due and are checked again.

    A read that was requested after `asked` stays due.
    """
    await held_invoices.lock_setup(tx, organisation_id, change=True)
    await _show_accounts(tx, organisation_id, seen.accounts)
    await _show_tax_rates(tx, organisation_id, seen.tax_rates)
    waiting = await waiting_invoices.release(tx, organisation_id, waiting_invoices.CATALOGUE_CODES)
    await tx.run(
        "update organisation set period_lock_date = :period, year_lock_date = :year, catalogue_read_at = :now,"
        " catalogue_due_at = least(cast(:now as timestamptz) + :pause,"
        " case when catalogue_due_at between cast(:asked as timestamptz) and cast(:now as timestamptz) + :soon"
        " then greatest(catalogue_due_at, cast(:now as timestamptz) + :by_hand) end)"
        " where workspace_id = :ws and id = :id",
        id=organisation_id, asked=asked or tx.now, period=seen.period_lock_date, year=seen.year_lock_date,
        pause=WHILE_INVOICES_WAIT if waiting else DAILY, soon=poll_schedule.LONGEST, by_hand=poll_schedule.BY_HAND,
    )  # fmt: skip
    tx.publish(EventKind.CONNECTION, organisation_id, organisation=organisation_id)


async def postpone(tx: Tx, organisation_id: UUID, pause: timedelta) -> None:
    """Put the read off: the catalogue could not be read. The read is due again after `pause`."""
    await tx.run(
        "update organisation set catalogue_due_at = cast(:now as timestamptz) + :pause"
        " where workspace_id = :ws and id = :id",
        id=organisation_id, pause=pause,
    )  # fmt: skip


async def wanted_after_failure(tx: Tx, organisation_id: UUID) -> None:
    """Request a read, because Xero refused an account, tax rate or lock date that the mirror allows.

    The read is due now, or one hour after the last read, so that not every refusal reads the catalogue.
    """
    organisation = await tx.session.get(Organisation, (tx.workspace, organisation_id), populate_existing=True)
    read = organisation.catalogue_read_at if organisation else None
    at = max(tx.now, read + WHILE_INVOICES_WAIT) if read else tx.now
    await waiting_invoices.catalogue_wanted(tx, organisation_id, at)


async def _show_accounts(tx: Tx, organisation_id: UUID, seen: Sequence[SeenAccount]) -> None:
    rows = [{**_plain(one), "search_key": search_key(one.code, one.name)} for one in seen]
    await tx.run(
        "insert into xero_account (workspace_id, id, organisation_id, account_id, code, name, account_class,"
        " account_type, tax_type, system_account, active, search_key)"
        " select :ws, gen_random_uuid(), :organisation, r.account_id, r.code, r.name, r.account_class, r.account_type,"
        " r.tax_type, r.system_account, r.active, r.search_key from jsonb_to_recordset(cast(:rows as jsonb)) as r("
        " account_id uuid, code text, name text, account_class text, account_type text, tax_type text,"
        " system_account text, active boolean, search_key text)"
        " on conflict (workspace_id, organisation_id, account_id) do update set code = excluded.code,"
        " name = excluded.name, account_class = excluded.account_class, account_type = excluded.account_type,"
        " tax_type = excluded.tax_type, system_account = excluded.system_account, active = excluded.active,"
        " search_key = excluded.search_key",
        organisation=organisation_id, rows=json.dumps(rows),
    )  # fmt: skip
    await tx.run(
        "update xero_account set active = false where workspace_id = :ws and organisation_id = :organisation"
        " and active and not account_id = any(:ids)",
        organisation=organisation_id, ids=[one.account_id for one in seen],
    )  # fmt: skip


async def _show_tax_rates(tx: Tx, organisation_id: UUID, seen: Sequence[SeenTaxRate]) -> None:
    await tx.run(
        "insert into xero_tax_rate (workspace_id, id, organisation_id, tax_type, name, effective_rate, active,"
        " can_apply_to_revenue, can_apply_to_expenses)"
        " select :ws, gen_random_uuid(), :organisation, r.tax_type, r.name, r.effective_rate, r.active,"
        " r.can_apply_to_revenue, r.can_apply_to_expenses from jsonb_to_recordset(cast(:rows as jsonb)) as r("
        " tax_type text, name text, effective_rate numeric, active boolean, can_apply_to_revenue boolean,"
        " can_apply_to_expenses boolean)"
        " on conflict (workspace_id, organisation_id, tax_type) do update set name = excluded.name,"
        " effective_rate = excluded.effective_rate, active = excluded.active,"
        " can_apply_to_revenue = excluded.can_apply_to_revenue, can_apply_to_expenses = excluded.can_apply_to_expenses",
        organisation=organisation_id, rows=json.dumps([_plain(one) for one in seen]),
    )  # fmt: skip
    await tx.run(
        "update xero_tax_rate set active = false where workspace_id = :ws and organisation_id = :organisation"
        " and active and not tax_type = any(:kinds)",
        organisation=organisation_id, kinds=[one.tax_type for one in seen],
    )  # fmt: skip


def _plain(seen: SeenAccount | SeenTaxRate) -> dict[str, object]:
    return {
        name: str(value) if isinstance(value, UUID | Decimal) else value
        for name, value in asdict(seen).items()
    }
