"""The contacts of one organisation: Xero's record of each, and the indexes that its rules need."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

import msgspec

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
GDPRREQUEST = "GDPRREQUEST"

PHONE_TYPES = ("DDI", "DEFAULT", "FAX", "MOBILE")
ADDRESS_TYPES = ("STREET", "POBOX")


class Phone(msgspec.Struct, frozen=True, omit_defaults=True):
    number: str = ""
    area: str = ""
    country: str = ""


class Address(msgspec.Struct, frozen=True, omit_defaults=True):
    """`lines` holds up to four; the other fields are blank if they are not set."""

    lines: tuple[str, ...] = ()
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    attention_to: str = ""


class Person(msgspec.Struct, frozen=True, omit_defaults=True):
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    include_in_emails: bool = False


class Contact(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Replace a contact by ContactBook.put: the indexes need the old state. Only the two flags are changed in
    place."""

    id: str
    name: str
    updated: datetime
    status: str = ACTIVE
    number: str = ""
    account_number: str = ""
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    company_number: str = ""
    tax_number: str = ""
    bank_account: str = ""
    phones: dict[str, Phone] = {}
    addresses: dict[str, Address] = {}
    persons: tuple[Person, ...] = ()
    is_customer: bool = False
    is_supplier: bool = False
    merged_to: str | None = None
    other: dict[str, Any] = {}
    """Fields that Tandem leaves alone (DefaultCurrency, PaymentTerms …), as they were sent."""


def comparable_name(name: str) -> str:
    """The key of name uniqueness: without case; accents count."""
    return name.casefold()


class ContactBook:
    """Contacts by id, with indexes of active names and of all contact numbers.

    Contacts are replaced, never changed in place. `put` stores the new state and updates the indexes; it
    checks no rule. Sorted lists are kept until the next `put`. With a `lag`, reads show the state of so long
    ago.
    """

    def __init__(self, contacts: Iterable[Contact] = ()) -> None:
        self._by_id: dict[str, Contact] = {}
        self._by_name: dict[str, str] = {}
        self._by_number: dict[str, str] = {}
        self._sorted: dict[tuple[str, bool], list[Contact]] = {}
        self._former: dict[str, list[Contact]] = {}
        self.lag = timedelta()
        for contact in contacts:
            self.put(contact)

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[Contact]:
        return iter(self._by_id.values())

    def find(self, contact_id: str) -> Contact | None:
        return self._by_id.get(contact_id.lower())

    def find_by_number(self, number: str) -> Contact | None:
        return self._find_at(self._by_number, number)

    def find_active_by_name(self, name: str) -> Contact | None:
        return self._find_at(self._by_name, comparable_name(name))

    def find_by_id_or_number(self, key: str) -> Contact | None:
        return self.find(key) or self.find_by_number(key)

    def put(self, contact: Contact) -> None:
        """Store a new contact, or the new state of a stored one."""
        self._keep_former(contact.id)
        self._unindex(contact.id)
        self._by_id[contact.id] = contact
        if contact.status == ACTIVE:
            self._by_name[comparable_name(contact.name)] = contact.id
        if contact.number:
            self._by_number[contact.number] = contact.id
        self._sorted.clear()

    def visible(self, now: datetime) -> "ContactBook":
        """The contacts that a read shows: this book, or with a lag a book without changes that are too
        recent."""
        if not self.lag:
            return self
        shown = []
        for contact in self:
            states = [contact, *reversed(self._former.get(contact.id, []))]
            shown += [state for state in states if state.updated <= now - self.lag][:1]
        return ContactBook(shown)

    def put_flags(self, contact: Contact, *, is_customer: bool, is_supplier: bool) -> None:
        """Set flags, as invoices do. UpdatedDateUTC and the order of contacts stay, as in Xero."""
        contact.is_customer = is_customer
        contact.is_supplier = is_supplier

    def sorted_by(self, field: str, *, descending: bool) -> list[Contact]:
        """All contacts ordered by an attribute: text without case, ties in order of creation. Do not change the result."""
        key = (field, descending)
        if key not in self._sorted:
            self._sorted[key] = sorted(
                self._by_id.values(), key=lambda c: _sort_key(getattr(c, field)), reverse=descending
            )
        return self._sorted[key]

    def _keep_former(self, contact_id: str) -> None:
        old = self._by_id.get(contact_id)
        if not self.lag:
            self._former.clear()
        elif old is not None:
            self._former.setdefault(contact_id, []).append(old)

    def _find_at(self, index: dict[str, str], key: str) -> Contact | None:
        contact_id = index.get(key)
        return None if contact_id is None else self._by_id[contact_id]

    def _unindex(self, contact_id: str) -> None:
        old = self._by_id.get(contact_id)
        if old is None:
            return
        if self._by_name.get(comparable_name(old.name)) == contact_id:
            del self._by_name[comparable_name(old.name)]
        if self._by_number.get(old.number) == contact_id:
            del self._by_number[old.number]


def _sort_key(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
