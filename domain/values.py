"""What both sides hold of a contact, free of any wire format. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UnsetType

from domain.phones import PhoneParts
from domain.tables import XeroContactStatus

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
