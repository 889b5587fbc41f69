"""What both sides hold of a contact, free of any wire format. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import UnsetType

from domain.fields.phones import PhoneParts
from domain.tables import AmountsAre, PaymentKind, XeroContactStatus

Blankable = str | UnsetType | None


def clean(value: object) -> str | None:
    """Trimmed, None for blank, without the NUL that PostgreSQL cannot hold."""
    text = value.replace("\x00", "").strip() if isinstance(value, str) else ""
    return text or None


@dataclass(frozen=True)
class PostalAddress:
    """Parts are trimmed, and None where blank; blank lines are left out. Never wholly blank: that is None."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    attention_to: str | None = None

    def as_json(self) -> dict[str, Any]:
        """As the columns `billing_address` hold it."""
        return {
            "lines": list(self.lines),
            "city": self.city,
            "region": self.region,
            "postalCode": self.postal_code,
            "country": self.country,
            "attentionTo": self.attention_to,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any] | None) -> "PostalAddress | None":
        given = value or {}
        address = cls(
            tuple(line for line in map(clean, given.get("lines") or ()) if line),
            *(clean(given.get(name)) for name in ("city", "region", "postalCode", "country", "attentionTo")),
        )
        return None if address == cls() else address


@dataclass(frozen=True)
class SeenContact:
    """A contact as one answer of Xero's showed it, asked for at `seen_at`. UNSET: the answer said nothing."""

    xero_contact_id: UUID
    name: Blankable
    first_name: Blankable
    last_name: Blankable
    email: Blankable
    phone: PhoneParts | UnsetType | None
    billing_address: PostalAddress | UnsetType | None
    contact_number: Blankable
    is_customer: bool | UnsetType
    is_supplier: bool | UnsetType
    status: XeroContactStatus | UnsetType
    merged_to: UUID | UnsetType | None
    updated_at: datetime | UnsetType
    seen_at: datetime


@dataclass(frozen=True)
class SeenLine:
    """A line of an invoice as Xero shows it; None for what it did not say."""

    line_id: UUID | None
    description: str | None
    quantity: Decimal | None
    unit_price: Decimal | None
    account_code: str | None
    account_id: UUID | None
    tax_type: str | None
    amount: Decimal | None
    tax_amount: Decimal | None


@dataclass(frozen=True)
class SeenPayment:
    """What took something off an invoice; several allocations of one credit note are one."""

    xero_id: UUID
    kind: PaymentKind
    paid_on: date
    amount: Decimal
    reference: str | None


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice as one answer of Xero's showed it, asked for at `seen_at`. UNSET: the answer said nothing.

    `status` is Xero's own word. `amount_paid`: payments and all credits that are allocated to it."""

    xero_invoice_id: UUID
    status: str | UnsetType
    number: Blankable
    reference: Blankable
    url: Blankable
    contact_id: UUID | UnsetType
    issue_date: date | UnsetType
    due_date: date | UnsetType
    currency: str | UnsetType
    amounts_are: AmountsAre | UnsetType
    lines: tuple[SeenLine, ...] | UnsetType
    subtotal: Decimal | UnsetType
    tax_total: Decimal | UnsetType
    total: Decimal | UnsetType
    amount_paid: Decimal | UnsetType
    payments: tuple[SeenPayment, ...] | UnsetType
    updated_at: datetime | UnsetType
    seen_at: datetime
