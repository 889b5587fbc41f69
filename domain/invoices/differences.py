"""What an invoice holds in Xero, as `xero_base` and `xero_shown` keep it, and how two such states differ.

A state is a mapping by the schema's names of fields; amounts are texts, `lines` a list of mappings. Values are Xero's own, so
that nothing is compared across the mapping of accounts and tax rates.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import UNSET

from domain.fields.values import SeenInvoice, SeenLine
from domain.invoices.eligibility import GONE
from domain.tables import Invoice, InvoiceSyncState
from domain.tx import Tx

# What is compared, in the order in which people read it.
_FIELDS = ("status", "number", "reference", "contact", "issueDate", "dueDate", "currency", "amountsAre", "lines",
           "subtotal", "taxTotal", "total")  # fmt: skip


def snapshot(seen: SeenInvoice) -> dict[str, Any]:
    """What of the invoice can be edited in Xero, in the form of `xero_base`, amounts as text. What Xero left out is left out."""
    found: dict[str, Any] = {
        "number": seen.number,
        "reference": seen.reference,
        "contact": seen.contact_id,
        "issueDate": seen.issue_date,
        "dueDate": seen.due_date,
        "currency": seen.currency,
        "amountsAre": seen.amounts_are,
        "subtotal": seen.subtotal,
        "taxTotal": seen.tax_total,
        "total": seen.total,
    }
    told: dict[str, Any] = {name: _plain(value) for name, value in found.items() if value is not UNSET}
    if seen.status is not UNSET:
        told["status"] = "VOIDED" if seen.status in GONE else "AUTHORISED"
    if seen.lines is not UNSET:
        told["lines"] = [_line(line) for line in seen.lines]
    return {"status": "AUTHORISED", **told}


def _line(line: SeenLine) -> dict[str, Any]:
    return {
        "id": _plain(line.line_id), "description": line.description, "quantity": _plain(line.quantity),
        "unitPrice": _plain(line.unit_price), "account": _plain(line.account_id) or line.account_code,
        "accountCode": line.account_code, "taxType": line.tax_type, "amount": _plain(line.amount),
        "taxAmount": _plain(line.tax_amount), "discountRate": _plain(line.discount_rate),
        "discountAmount": _plain(line.discount_amount), "itemCode": line.item_code,
        "tracking": [dict(one) for one in line.tracking],
    }  # fmt: skip


def _plain(value: Any) -> str | None:
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return None if value in (None, "") else str(value)


def differing(base: Mapping[str, Any], shown: Mapping[str, Any]) -> list[str]:
    """The fields that differ."""
    return [
        name
        for name in _FIELDS
        if name in shown and _same_for(name, base.get(name)) != _same_for(name, shown[name])
    ]


# Of a line. An account is told by its id, as its code can be edited. Xero shows one discount now as a rate and now as an
# amount; what it takes off is in the line's amount. Item code and tracking change nothing that the practice holds.
_NOT_COMPARED = ("id", "accountCode", "discountRate", "discountAmount", "itemCode", "tracking")


def _same_for(name: str, value: Any) -> Any:
    if name != "lines" or value is None:
        return value
    return [{key: part for key, part in line.items() if key not in _NOT_COMPARED} for line in value]


def differences(invoice: Invoice, names: Mapping[str, str]) -> list[dict[str, str | None]]:
    """The differences while CHANGED_IN_XERO: field, practice, xero. `names` are of contacts, from `contact_names`."""
    if invoice.sync_state is not InvoiceSyncState.CHANGED_IN_XERO:
        return []
    base, shown = invoice.xero_base or {}, invoice.xero_shown or {}
    return [
        {
            "field": name,
            "practice": invoice.status if name == "status" else in_one_line(name, base.get(name), names),
            "xero": in_one_line(name, shown[name], names),
        }
        for name in differing(base, shown)
    ]


async def contact_names(
    tx: Tx, organisation_id: UUID | None, base: Mapping[str, Any] | None, shown: Mapping[str, Any] | None
) -> dict[str, str]:
    """The names of both contacts in Xero, by Xero's ids, if they are not the same contact."""
    contacts = {(base or {}).get("contact"), (shown or base or {}).get("contact")}
    if len(contacts) < 2:
        return {}
    rows = await tx.rows(
        "select xero_contact_id, name from xero_contact where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:ids)",
        organisation=organisation_id, ids=[UUID(one) for one in contacts if one],
    )  # fmt: skip
    return {str(row["xero_contact_id"]): row["name"] for row in rows if row["name"]}


def in_one_line(name: str, value: Any, names: Mapping[str, str]) -> str | None:
    if name == "contact":
        return names.get(value) or value
    if name != "lines":
        return value if value is None else str(value)
    return "; ".join(_told_line(line) for line in value or ())


def _told_line(line: Mapping[str, Any]) -> str:
    """One line of an invoice, as 'Advice: 3 × 33.33 less 50 % = 50, tax 7.5 (200, OUTPUT2)'."""
    if line["quantity"] is None and line["unitPrice"] is None:
        return f"{line['description']} (text only)"
    less = ""
    if line.get("discountAmount"):
        less = f" less {line['discountAmount']}"
    elif line.get("discountRate"):
        less = f" less {line['discountRate']} %"
    return (
        f"{line['description']}: {line['quantity']} × {line['unitPrice']}{less} = {line['amount']},"
        f" tax {line['taxAmount']} ({line['accountCode']}, {line['taxType']})"
    )
