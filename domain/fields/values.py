"""The values of a contact and of an invoice on both sides, without any wire format. Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from msgspec import UNSET, UnsetType

from domain.fields.phones import PhoneParts
from domain.tables import AmountsAre, PaymentKind, SyncedField, XeroContactStatus

Blankable = str | UnsetType | None
# Controls, format characters and lone surrogates. A letter that Python's tables do not know yet (Cn) is visible.
INVISIBLE = {"Cc", "Cf", "Cs"}
# Letters and signs that look like a space: the fillers of Hangul, and the Braille pattern without dots.
FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Marks without a width of their own: the grapheme joiner, inherent vowels of Khmer, and variation selectors.
WIDTHLESS = frozenset(
    map(
        chr, (0x34F, 0x17B4, 0x17B5, *range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
    )
)


def clean(value: object) -> str | None:
    """The text trimmed, without NUL, which PostgreSQL cannot hold. None for a blank, such as a text of invisible
    characters or of fillers."""
    text = value.replace("\x00", "").strip() if isinstance(value, str) else ""
    return text if text and ((text.isascii() and text.isprintable()) or any(map(_is_seen, text))) else None


def _is_seen(c: str) -> bool:
    return (
        not c.isspace()
        and c not in FILLERS
        and c not in WIDTHLESS
        and unicodedata.category(c) not in INVISIBLE
    )


@dataclass(frozen=True)
class PostalAddress:
    """An address. Its parts are trimmed; a blank part is None; blank lines are left out. A blank address is None."""

    lines: tuple[str, ...] = ()
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None
    attention_to: str | None = None

    def as_json(self) -> Mapping[str, object]:
        """The address in the form of a JSON column."""
        return {
            "lines": list(self.lines),
            "city": self.city,
            "region": self.region,
            "postalCode": self.postal_code,
            "country": self.country,
            "attentionTo": self.attention_to,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object] | None) -> "PostalAddress | None":
        """The inverse of `as_json`; None for an address whose parts are all blank."""
        if not value:
            return None
        lines = value.get("lines")
        address = cls(
            tuple(filter(None, map(clean, lines))) if isinstance(lines, list | tuple) else (),
            clean(value.get("city")),
            clean(value.get("region")),
            clean(value.get("postalCode")),
            clean(value.get("country")),
            clean(value.get("attentionTo")),
        )
        return None if address == _BLANK else address


_BLANK = PostalAddress()
# A value of a synced field: as the practice holds it, and as Xero holds it. None is blank.
Value = str | PostalAddress | None
XeroValue = str | PhoneParts | PostalAddress | None


@dataclass(frozen=True)
class XeroNumbers:
    """CompanyNumber, TaxNumber and AccountNumber of a Xero contact, and `tax_type`, Xero's own word for the kind of the tax
    number. None is blank."""

    company: str | None = None
    tax: str | None = None
    account: str | None = None
    tax_type: str | None = None


@dataclass(frozen=True)
class SeenContact:
    """A contact as one answer of Xero's showed it, asked for at `seen_at`. `warnings`: of an answer to a write, what Xero
    remarked about it.

    `values`: the synced fields; the answer said nothing about a field that is absent here. UNSET says the same of the
    other members."""

    xero_contact_id: UUID
    values: Mapping[SyncedField, XeroValue]
    first_name: Blankable
    last_name: Blankable
    contact_number: Blankable
    is_customer: bool | UnsetType
    is_supplier: bool | UnsetType
    status: XeroContactStatus | UnsetType
    merged_to: UUID | UnsetType | None
    updated_at: datetime | UnsetType
    seen_at: datetime
    warnings: tuple[str, ...] = ()
    numbers: XeroNumbers | UnsetType = UNSET


@dataclass(frozen=True)
class SeenLine:
    """A line of an invoice as Xero shows it; None for an absent member. A discount of 0 is None. `tracking` holds the
    members of Xero's tracking categories by Xero's names."""

    line_id: UUID | None
    description: str | None
    quantity: Decimal | None
    unit_price: Decimal | None
    account_code: str | None
    account_id: UUID | None
    tax_type: str | None
    amount: Decimal | None
    tax_amount: Decimal | None
    discount_rate: Decimal | None = None
    discount_amount: Decimal | None = None
    item_code: str | None = None
    tracking: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class SeenPayment:
    """A payment or credit that reduces the amount due. Several allocations of one credit note are one."""

    xero_id: UUID
    kind: PaymentKind
    paid_on: date
    amount: Decimal
    reference: str | None


@dataclass(frozen=True)
class SeenInvoice:
    """An invoice as one answer of Xero's showed it, asked for at `seen_at`. UNSET: the answer said nothing.

    `status` is Xero's own word. `amount_paid`: payments and all credits that are allocated to it. `warnings`: of an
    answer to a write, what Xero remarked about it."""

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
    warnings: tuple[str, ...] = ()
