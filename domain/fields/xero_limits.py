"""What Xero takes of the synced fields: lengths as its API states them, counted as its own platform counts. Pure."""

import re
from dataclasses import dataclass
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from domain.fields.phones import PhoneParts, split_phone
from domain.fields.values import PostalAddress
from domain.tables import SyncedField

ADDRESS_LINES = 4
_TEXT = 255
_PHONE = {"number": ("PhoneNumber", 50), "area": ("PhoneAreaCode", 10), "country": ("PhoneCountryCode", 20)}
_LINE = 500
_ADDRESS = {
    "city": ("City", 255),
    "region": ("Region", 255),
    "postal_code": ("PostalCode", 50),
    "country": ("Country", 50),
    "attention_to": ("AttentionTo", 255),
}
_COUNTRY = re.compile(r"[A-Za-z ]*")
_NOT_IN_A_NAME = re.compile(r"[<>\x00-\x08\x0e-\x1f\x7f]")


class UnfitReason(StrEnum):
    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    INVALID = "INVALID"


@dataclass(frozen=True)
class Unfit:
    """A value that Xero would refuse. `part` is Xero's name for what is at fault, `limit` its length there (or,
    for the lines of an address, how many)."""

    field: SyncedField
    reason: UnfitReason
    part: str
    limit: int | None = None

    @property
    def says(self) -> str:
        """What is wrong, for people."""
        if self.part == "AddressLines":
            return f"Xero takes at most {self.limit} lines in an address. Join some of them."
        if self.reason is UnfitReason.TOO_LONG:
            return f"Xero takes at most {self.limit} characters in {self.part}, and counts an emoji as two. Shorten it."
        return _WRONG.get((self.field, self.reason), f"Xero does not take this {self.part}.")


_WRONG = {
    (SyncedField.NAME, UnfitReason.REQUIRED): "Xero needs a name. Give the contact one.",
    (
        SyncedField.NAME,
        UnfitReason.INVALID,
    ): "Xero takes no < or > and no control characters in a name. Remove them.",
    (SyncedField.BILLING_EMAIL, UnfitReason.INVALID): "Xero does not take this email address. It takes only"
    " letters without accents, and needs a dot in the domain.",
    (
        SyncedField.BILLING_ADDRESS,
        UnfitReason.INVALID,
    ): "Xero takes only the letters A to Z and spaces in a country. Spell it so.",
}


def unfit(
    field: SyncedField,
    value: str | PostalAddress | None,
    region: str | None,
    held: PostalAddress | None = None,
) -> list[Unfit]:
    """All that is wrong with a value as the practice holds it; `region`: the organisation's country; `held`: the address
    that Xero has."""
    if field is SyncedField.BILLING_ADDRESS:
        return unfit_address(value if isinstance(value, PostalAddress) else None, held)
    text = value if isinstance(value, str) else None
    if field is SyncedField.NAME:
        return unfit_name(text)
    if field is SyncedField.BILLING_EMAIL:
        return unfit_email(text)
    return unfit_phone(split_phone(text, region))


def unfit_name(value: str | None) -> list[Unfit]:
    name = " ".join((value or "").split())
    if not name:
        return [Unfit(SyncedField.NAME, UnfitReason.REQUIRED, "Name")]
    if _length(name) > _TEXT:
        return [Unfit(SyncedField.NAME, UnfitReason.TOO_LONG, "Name", _TEXT)]
    return [Unfit(SyncedField.NAME, UnfitReason.INVALID, "Name")] if _NOT_IN_A_NAME.search(name) else []


def unfit_email(value: str | None) -> list[Unfit]:
    email = (value or "").strip()
    if not email:
        return []
    if _length(email) > _TEXT:
        return [Unfit(SyncedField.BILLING_EMAIL, UnfitReason.TOO_LONG, "EmailAddress", _TEXT)]
    invalid = Unfit(SyncedField.BILLING_EMAIL, UnfitReason.INVALID, "EmailAddress")
    try:
        checked = validate_email(
            email, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return [invalid]
    # Xero takes no umlauts, in the domain neither.
    return [] if email.isascii() and "." in checked.domain else [invalid]


def unfit_phone(parts: PhoneParts) -> list[Unfit]:
    return [
        Unfit(SyncedField.PRIMARY_PHONE, UnfitReason.TOO_LONG, part, limit)
        for name, (part, limit) in _PHONE.items()
        if _length(getattr(parts, name)) > limit
    ]


def unfit_address(address: PostalAddress | None, held: PostalAddress | None = None) -> list[Unfit]:
    """`held`: the address that Xero has. Of a part that Xero holds itself we do not know better than Xero what it takes."""
    if address is None:
        return []
    theirs = held or PostalAddress()
    parts = [(f"AddressLine{n}", _LINE, line) for n, line in enumerate(address.lines[:ADDRESS_LINES], 1)]
    parts += [
        (part, limit, getattr(address, name) or "")
        for name, (part, limit) in _ADDRESS.items()
        if getattr(address, name) != getattr(theirs, name)
    ]
    found = [
        Unfit(SyncedField.BILLING_ADDRESS, UnfitReason.TOO_LONG, part, limit)
        for part, limit, text in parts
        if _length(text) > limit
    ]
    if address.country != theirs.country and not _COUNTRY.fullmatch(address.country or ""):
        found.append(Unfit(SyncedField.BILLING_ADDRESS, UnfitReason.INVALID, "Country"))
    if len(address.lines) > ADDRESS_LINES:
        found.append(Unfit(SyncedField.BILLING_ADDRESS, UnfitReason.TOO_LONG, "AddressLines", ADDRESS_LINES))
    return found


def _length(text: str) -> int:
    """In UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
