"""The differences between an invoice in Xero now and the invoice on which both sides agreed.

Values are Xero's own, so that nothing is compared across the mapping of accounts and tax rates. Fields have the schema's
names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET

from domain.fields.values import SeenInvoice, SeenLine
from domain.invoices.eligibility import GONE
from domain.invoices.totals import discount_shown
from domain.tables import Invoice, InvoiceInXero, InvoiceSyncState, LineInXero
from domain.tx import Tx

# By the schema's names, in the order in which people read them: the members of InvoiceInXero.
_MEMBERS = {field.encode_name: field.name for field in msgspec.structs.fields(InvoiceInXero)}


@dataclass(frozen=True)
class Difference:
    """A field that was changed inside Xero: the value on which both sides had agreed, and Xero's value, in one line
    each."""

    field: str
    practice: str | None
    xero: str | None


def snapshot(seen: SeenInvoice) -> InvoiceInXero:
    """The fields of the invoice that a person can edit in Xero. A field that Xero left out is UNSET."""
    return InvoiceInXero(
        status="VOIDED" if seen.status in GONE else "AUTHORISED",
        number=seen.number,
        reference=seen.reference,
        contact=seen.contact_id,
        issue_date=seen.issue_date,
        due_date=seen.due_date,
        currency=seen.currency,
        amounts_are=seen.amounts_are,
        lines=UNSET if seen.lines is UNSET else tuple(_line(line) for line in seen.lines),
        subtotal=seen.subtotal,
        tax_total=seen.tax_total,
        total=seen.total,
    )


def _line(line: SeenLine) -> LineInXero:
    return LineInXero(
        id=line.line_id, description=line.description, quantity=line.quantity, unit_price=line.unit_price,
        account=str(line.account_id) if line.account_id else line.account_code, account_code=line.account_code,
        tax_type=line.tax_type, amount=line.amount, tax_amount=line.tax_amount, discount_rate=line.discount_rate,
        discount_amount=line.discount_amount, item_code=line.item_code,
        tracking=tuple(dict(one) for one in line.tracking),
    )  # fmt: skip


def merged(known: InvoiceInXero | None, news: InvoiceInXero | None) -> InvoiceInXero:
    """The fields of `known`, replaced by those of `news` that are set."""
    if known is None or news is None:
        return news or known or InvoiceInXero()
    told = {name: getattr(news, name) for name in _MEMBERS.values()}
    return msgspec.structs.replace(
        known, **{name: value for name, value in told.items() if value is not UNSET}
    )


def differing(base: InvoiceInXero, shown: InvoiceInXero) -> list[str]:
    """The fields that `shown` has and that differ."""
    return [
        field
        for field, name in _MEMBERS.items()
        if (now := getattr(shown, name)) is not UNSET and _compared(getattr(base, name)) != _compared(now)
    ]


def _compared(value: object) -> object:
    """The value without the members of a line that are not compared. An account is identified by its id, because its code
    can be edited. Xero shows one discount sometimes as a rate and sometimes as an amount; the line's amount includes it
    either way. Item code and tracking change nothing that the practice holds."""
    if value is UNSET:
        return None
    if not isinstance(value, tuple):
        return value
    return [
        msgspec.structs.replace(
            line, id=None, account_code=None, discount_rate=None, discount_amount=None, item_code=None, tracking=()
        )
        for line in value
    ]  # fmt: skip


def differences(invoice: Invoice, names: Mapping[UUID, str]) -> list[Difference]:
    """The differences while CHANGED_IN_XERO. `names` are of contacts, from `contact_names`."""
    if invoice.sync_state is not InvoiceSyncState.CHANGED_IN_XERO:
        return []
    base, shown = invoice.xero_base or InvoiceInXero(), invoice.xero_shown or InvoiceInXero()
    return [
        Difference(field, invoice.status if field == "status" else before, now)
        for field in differing(base, shown)
        for before, now in [both_in_one_line(base, shown, field, names)]
    ]


class _Named(NamedTuple):
    xero_contact_id: UUID
    name: str | None


async def contact_names(
    tx: Tx, organisation_id: UUID | None, base: InvoiceInXero | None, shown: InvoiceInXero | None
) -> dict[UUID, str]:
    """The names of both contacts in Xero, by Xero's ids, if they are not the same contact."""
    nothing = InvoiceInXero()
    contacts = {(base or nothing).contact, (shown or base or nothing).contact}
    if len(contacts) < 2:
        return {}
    rows = await tx.read(
        _Named,
        "select xero_contact_id, name from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[one for one in contacts if isinstance(one, UUID)],
    )  # fmt: skip
    return {row.xero_contact_id: row.name for row in rows if row.name}


def both_in_one_line(
    base: InvoiceInXero, shown: InvoiceInXero, field: str, names: Mapping[UUID, str]
) -> tuple[str | None, str | None]:
    """The two values of a field that differs, for people, so that the texts differ too. None: blank, or not known."""
    found = _in_one_line(base, field, names), _in_one_line(shown, field, names)
    if found[0] != found[1]:
        return found
    return _in_one_line(base, field, names, exact=True), _in_one_line(shown, field, names, exact=True)


def _in_one_line(
    state: InvoiceInXero, field: str, names: Mapping[UUID, str], *, exact: bool = False
) -> str | None:
    """`exact`: with Xero's ids, as two contacts may have one name, and two accounts one code after the other."""
    match getattr(state, _MEMBERS[field]):
        case tuple() as lines:
            return "; ".join(_told_line(line, exact=exact) for line in lines)
        case UUID() as contact:
            name = names.get(contact)
            return f"{name} ({contact})" if name and exact else name or str(contact)
        case Decimal() as amount:
            return _plain(amount)
        case date() as day:
            return day.isoformat()
        case str() as text:
            return str(text)
    return None


def _told_line(line: LineInXero, *, exact: bool) -> str:
    """One line of an invoice, as 'Advice: 3 × 33.33 less 50 % = 50, tax 7.5 (200, OUTPUT2)'. Members that Xero did not show
    are left out."""
    description = line.description or "No description"
    if line.quantity is None and line.unit_price is None:
        return f"{description} (text only)"
    zero = Decimal(0)
    rate, off = discount_shown(
        line.quantity or zero, line.unit_price or zero, line.amount or zero, line.discount_rate, line.discount_amount
    )  # fmt: skip
    less = "" if rate is None else f" less {_plain(rate)} %"
    if off is not None:
        less = f" less {_plain(off)}"
    quantity, price = _plain(line.quantity) or "no quantity", _plain(line.unit_price) or "no price"
    tax = "" if line.tax_amount is None else f", tax {_plain(line.tax_amount)}"
    account = f"{line.account_code} {line.account}" if exact and line.account else line.account_code
    booked = ", ".join(filter(None, (account, line.tax_type)))
    return (
        f"{description}: {quantity} × {price}{less} = {_plain(line.amount) or 'no amount'}{tax}"
        f"{f' ({booked})' if booked else ''}"
    )


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount.normalize():f}"
