"""Xero's limits of the synced fields: lengths as Xero's API states them, counted as Xero counts. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from email_validator import EmailNotValidError, validate_email

from domain.fields.phones import PhoneParts
from domain.fields.synced import SYNCED, Kind, Synced, Values, as_xero
from domain.fields.values import PostalAddress, Value, XeroValue
from domain.problems import Code, Problem, Refused
from domain.tables import SyncedField

ADDRESS_LINES = 4
LINE = 500
_TEXT = 255
_PHONE = {"number": ("PhoneNumber", 50), "area": ("PhoneAreaCode", 10), "country": ("PhoneCountryCode", 20)}
_ADDRESS = {
    "city": ("City", 255),
    "region": ("Region", 255),
    "postal_code": ("PostalCode", 50),
    "country": ("Country", 50),
    "attention_to": ("AttentionTo", 255),
}
_COUNTRY = re.compile(r"[A-Za-z ]*")


class ViolationReason(StrEnum):
    REQUIRED = "REQUIRED"
    TOO_LONG = "TOO_LONG"
    INVALID = "INVALID"


@dataclass(frozen=True)
class XeroViolation:
    """A value that Xero would refuse. `part` is Xero's name of the member that breaks the rule.

    `limit` is the longest that Xero accepts; for the lines of an address, the highest number of lines.
    """

    field: SyncedField
    reason: ViolationReason
    part: str
    limit: int | None = None

    @property
    def says(self) -> str:
        """The violation in words for people."""
        if self.part == "AddressLines":
            return f"Xero takes at most {self.limit} lines in an address. Join some of them."
        if self.reason is ViolationReason.TOO_LONG:
            return f"Xero takes at most {self.limit} characters in {self.part}, and counts an emoji as two. Shorten it."
        one = SYNCED[self.field]
        if self.reason is ViolationReason.REQUIRED:
            return f"Xero needs a {one.words}. Give the contact one."
        return one.forbidden_says or _INVALID.get(one.kind) or f"Xero does not take this {self.part}."


_INVALID = {
    Kind.EMAIL: "Xero does not take this email address. It takes only letters without accents, and needs a dot in the"
    " domain.",
    Kind.ADDRESS: "Xero takes only the letters A to Z and spaces in a country. Spell it so.",
}


def violations(
    field: SyncedField, value: Value, region: str | None, held: XeroValue = None
) -> list[XeroViolation]:
    """Every reason for which Xero would refuse the practice's value. `region` is the organisation's country. `held` is
    Xero's value."""
    one, sent = SYNCED[field], as_xero(field, value, region, held)
    if isinstance(sent, PostalAddress):
        return _in_address(one, sent, held if isinstance(held, PostalAddress) else PostalAddress())
    if isinstance(sent, PhoneParts):
        return _in_phone(one, sent)
    return _in_email(one, sent) if one.kind is Kind.EMAIL else _in_text(one, sent)


def _in_phone(one: Synced, parts: PhoneParts) -> list[XeroViolation]:
    return [
        XeroViolation(one.field, ViolationReason.TOO_LONG, part, limit)
        for name, (part, limit) in _PHONE.items()
        if _length(getattr(parts, name)) > limit
    ]


def _in_text(one: Synced, text: str | None) -> list[XeroViolation]:
    if not text:
        return [XeroViolation(one.field, ViolationReason.REQUIRED, one.member)] if one.required else []
    if _length(text) > _TEXT:
        return [XeroViolation(one.field, ViolationReason.TOO_LONG, one.member, _TEXT)]
    refused = one.forbidden is not None and one.forbidden.search(text)
    return [XeroViolation(one.field, ViolationReason.INVALID, one.member)] if refused else []


def _in_email(one: Synced, email: str | None) -> list[XeroViolation]:
    if not email:
        return []
    if _length(email) > _TEXT:
        return [XeroViolation(one.field, ViolationReason.TOO_LONG, one.member, _TEXT)]
    invalid = XeroViolation(one.field, ViolationReason.INVALID, one.member)
    try:
        checked = validate_email(
            email, check_deliverability=False, allow_smtputf8=False, globally_deliverable=False
        )
    except EmailNotValidError:
        return [invalid]
    # Xero accepts no umlauts, not even in the domain.
    return [] if email.isascii() and "." in checked.domain else [invalid]


def _in_address(one: Synced, address: PostalAddress, theirs: PostalAddress) -> list[XeroViolation]:
    """The violations in an address. A part equal to the part that Xero holds passes: Xero has accepted it."""
    parts = [(f"AddressLine{n}", LINE, line) for n, line in enumerate(address.lines[:ADDRESS_LINES], 1)]
    parts += [
        (part, limit, getattr(address, name) or "")
        for name, (part, limit) in _ADDRESS.items()
        if getattr(address, name) != getattr(theirs, name)
    ]
    found = [
        XeroViolation(one.field, ViolationReason.TOO_LONG, part, limit)
        for part, limit, text in parts
        if _length(text) > limit
    ]
    if address.country != theirs.country and not _COUNTRY.fullmatch(address.country or ""):
        found.append(XeroViolation(one.field, ViolationReason.INVALID, "Country"))
    if len(address.lines) > ADDRESS_LINES:
        found.append(XeroViolation(one.field, ViolationReason.TOO_LONG, "AddressLines", ADDRESS_LINES))
    return found


def _length(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True)
class XeroEnd:
    """The receiver of the values: the organisation's country, and the values that Xero holds now."""

    region: str | None
    held: Mapping[SyncedField, XeroValue]


def check_fit(values: Values, ends: Sequence[XeroEnd], *path: str) -> None:
    """Refuse (TOO_LONG, INVALID) values of a practice contact that Xero would refuse.

    `path` is the place in the input that the problems name, if it is not the values themselves.
    """
    problems = {
        Problem(
            Code.TOO_LONG if one.reason is ViolationReason.TOO_LONG else Code.INVALID,
            f"{one.says} Change the contact first." if path else one.says,
            path or (SYNCED[field].api_name,),
        ): None
        for end in ends
        for field, value in values.items()
        for one in violations(field, value, end.region, end.held.get(field))
    }
    if problems:
        raise Refused(list(problems))
