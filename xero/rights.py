"""The rights that calls to Xero need: a scope of the consent, and the matching right of the Xero user who gave the consent.

Xero refuses a call without its right, and answers all other calls. So a missing right stops only the work that needs it.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Right(StrEnum):
    READ_CONTACTS = "READ_CONTACTS"
    WRITE_CONTACTS = "WRITE_CONTACTS"
    READ_INVOICES = "READ_INVOICES"
    WRITE_INVOICES = "WRITE_INVOICES"
    READ_SETTINGS = "READ_SETTINGS"

    @property
    def words(self) -> str:
        """The right in a sentence: read contacts."""
        return _WORDS[self]

    @property
    def scope(self) -> str:
        """The scope that an app of 2026 asks for."""
        return _SCOPES[self]


_WORDS = {
    Right.READ_CONTACTS: "read contacts",
    Right.WRITE_CONTACTS: "create and change contacts",
    Right.READ_INVOICES: "read invoices",
    Right.WRITE_INVOICES: "create and change invoices",
    Right.READ_SETTINGS: "read the organisation's details, accounts and tax rates",
}
_SCOPES = {
    Right.READ_CONTACTS: "accounting.contacts",
    Right.WRITE_CONTACTS: "accounting.contacts",
    Right.READ_INVOICES: "accounting.invoices",
    Right.WRITE_INVOICES: "accounting.invoices",
    Right.READ_SETTINGS: "accounting.settings.read",
}


def right_of(path: str, *, writes: bool) -> Right:
    """The right that a call needs. `path`: after /api.xro/2.0/, such as 'Contacts/T-1'."""
    match path.partition("/")[0]:
        case "Contacts":
            return Right.WRITE_CONTACTS if writes else Right.READ_CONTACTS
        case "Invoices":
            return Right.WRITE_INVOICES if writes else Right.READ_INVOICES
        case _:
            return Right.READ_SETTINGS


class Rights(Protocol):
    """Remembers the missing rights of one organisation."""

    def closed_until(self, right: Right) -> datetime | None:
        """Before this time no call that needs the right is sent. None: calls are sent."""

    async def deny(self, right: Right, why: str) -> datetime:
        """Record that Xero has refused a call for want of the right. Gives when to try again. `why` is for people."""
        ...

    async def grant(self, right: Right) -> None:
        """Record that Xero has carried out a call that needs the right."""
