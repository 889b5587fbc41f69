"""The practice's invoices: the only writer of what a person sets in `invoice` and `invoice_line`.

DRAFT → APPROVED → AWAITING_PAYMENT → PAID, or VOIDED. DRAFT and APPROVED can be edited, and AWAITING_PAYMENT while it is
known that Xero has no such invoice (FAILING, no delivery open); an approved one must stay fit to be sent. PAID follows
from what Xero shows.

Values come by the schema's names, as Python types: UUIDs for ids, `date`, `Decimal`, enums of `domain.tables`; `lines` is
a list of mappings with id, kind, description, quantity, unitPrice, serviceTypeId, taxRateId. All that is wrong with the
input is refused at once, each problem at its path, as ('lines', '3', 'quantity').
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.problems import Problem, Refused
from domain.tables import Invoice, InvoiceStatus
from domain.tx import Tx

LINES = 500


class Action(StrEnum):
    """InvoiceAction of the schema."""

    UPDATE = "UPDATE"
    APPROVE = "APPROVE"
    SEND = "SEND"
    VOID = "VOID"
    SETTLE_CHANGE = "SETTLE_CHANGE"
    RETRY = "RETRY"


class Decision(StrEnum):
    """InvoiceChangeDecision of the schema."""

    VOID_HERE = "VOID_HERE"
    REISSUE = "REISSUE"
    ACCEPT = "ACCEPT"
    KEEP_APART = "KEEP_APART"


@dataclass(frozen=True)
class PreviewLine:
    amount: Decimal
    tax_amount: Decimal
    account_code: str | None
    tax_type: str | None


@dataclass(frozen=True)
class Preview:
    """`problems`: rows of code, message, subjects ('TaxRate:id') and remedy. `refusals`: the user errors."""

    lines: list[PreviewLine]
    subtotal: Decimal
    tax_total: Decimal
    total: Decimal
    problems: list[dict[str, Any]]
    refusals: list[Problem]


async def find(tx: Tx, invoice_id: UUID) -> Invoice | None:
    return await tx.session.get(Invoice, (tx.workspace, invoice_id))


async def create(tx: Tx, given: Mapping[str, Any], idempotency_key: str | None = None) -> Invoice:
    """A DRAFT. Without a number one is drawn. With a key that was used within 24 hours for the same input, the invoice
    that it made then. An archived service type or tax rate is refused on a new line."""
    raise NotImplementedError


async def update(
    tx: Tx, invoice_id: UUID, given: Mapping[str, Any], *, version: int | None = None
) -> Invoice:
    """Change what `given` names: contactId, reference, issueDate, dueDate, amountsAre, lines. `lines` stand for all lines;
    one that names the id of a line of this invoice keeps it."""
    raise NotImplementedError


async def approve(tx: Tx, invoice_id: UUID, *, version: int | None = None) -> Invoice:
    """DRAFT becomes APPROVED; an approved one is given as it is. Refused: another currency than the organisation's
    (CURRENCY_MISMATCH); a line whose amount needs a third decimal, no lines, a negative total (INVALID)."""
    raise NotImplementedError


async def send(tx: Tx, invoice_id: UUID, *, version: int | None = None, bulk: bool = False) -> Invoice:
    """APPROVED becomes AWAITING_PAYMENT, due to go to Xero by the same transaction, or waiting with the reason why. One
    that was sent is given as it is."""
    raise NotImplementedError


async def void(tx: Tx, invoice_id: UUID, *, version: int | None = None) -> Invoice:
    """VOIDED here at once, and due to be voided in Xero. Refused (HAS_PAYMENTS) where Xero has shown a payment or credit
    on it."""
    raise NotImplementedError


async def settle_change(
    tx: Tx, invoice_id: UUID, decision: Decision, *, version: int | None = None
) -> tuple[Invoice, Invoice | None]:
    """Answers CHANGED_IN_XERO; gives the invoice and the replacement of a REISSUE, which is sent at once."""
    raise NotImplementedError


async def retry(tx: Tx, invoice_ids: Sequence[UUID], organisation_id: UUID | None = None) -> int:
    """Try again now what failed: the named ones, and all of the organisation. Gives how many. One that is UNCERTAIN is
    looked up now, and never sent anew before that is known."""
    raise NotImplementedError


async def many(
    tx: Tx, what: InvoiceStatus, rows: Sequence[tuple[UUID, int | None]]
) -> list[Invoice | Refused]:
    """approve (APPROVED) or send (AWAITING_PAYMENT) each row on its own; all are locked first."""
    raise NotImplementedError


async def create_many(
    tx: Tx, rows: Sequence[tuple[Mapping[str, Any], str | None]]
) -> list[Invoice | Refused]:
    """Each with its idempotency key, each on its own."""
    raise NotImplementedError


async def preview(tx: Tx, given: Mapping[str, Any]) -> Preview:
    """What it would come to and what would keep it from Xero, as far as it is typed; saves nothing."""
    raise NotImplementedError


async def problems(tx: Tx, invoice_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """What would keep each from Xero if it were sent now; empty once it is there."""
    raise NotImplementedError


def allowed(invoice: Invoice | Mapping[str, Any]) -> list[Action]:
    """What may be done with it in its status."""
    raise NotImplementedError


def differences(invoice: Invoice | Mapping[str, Any]) -> list[dict[str, str | None]]:
    """While CHANGED_IN_XERO: field, practice, xero."""
    raise NotImplementedError
