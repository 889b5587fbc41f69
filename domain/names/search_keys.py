"""The keys that are stored with a contact so that matching and searching find it. Pure; every writer uses this module.

`name_key` and `email_key` are the rule's. `match_name` (by trigrams) and `match_keys` (equal ones) only bring contacts
together to be compared: they decide nothing.
"""

from collections.abc import Sequence
from typing import TypedDict

from domain.fields.synced import Values, shown
from domain.fields.values import PostalAddress
from domain.names.similarity import Details, keys_of, make_ready
from domain.names.similarity.contacts import contact_keys
from domain.names.similarity.names import prepare
from domain.names.text_keys import VERSION, email_key, name_key, search_key
from domain.tables import SyncedField


class Columns(TypedDict):
    """The columns of `contact` that hold its keys."""

    name_key: str
    email_key: str | None
    search_key: str
    match_name: str
    match_keys: list[str]
    key_version: int


def columns(
    name: str | None,
    email: str | None,
    phone: str | None,
    address: PostalAddress | None,
    made_up: str | None = None,
    *,
    identifiers: Sequence[str] = (),
) -> Columns:
    """The keys of a contact with these values. `made_up`: the name that people see if there is none; people find the contact
    by it, and nothing is matched by it. `identifiers`: see domain.fields.identifiers.keys_of."""
    match_name, match_keys = lookup(details(name or "", email, phone, address, identifiers))
    return {
        "name_key": name_key(name) or "",
        "email_key": email_key(email),
        "search_key": search_key(name or made_up, email, phone),
        "match_name": match_name,
        "match_keys": match_keys,
        "key_version": VERSION,
    }


def of_values(values: Values, made_up: str | None = None, *, identifiers: Sequence[str]) -> Columns:
    """The keys of a contact that holds these values. `made_up` as in `columns`."""
    name, email, phone = (
        shown(values[field])
        for field in (SyncedField.NAME, SyncedField.BILLING_EMAIL, SyncedField.PRIMARY_PHONE)
    )
    return columns(name, email, phone, address_of(values), made_up, identifiers=identifiers)


def lookup(contact: Details) -> tuple[str, list[str]]:
    """The keys by which the contact is found and finds others. Phones are compared by their last digits, without regard to
    the country."""
    keys = keys_of(contact.name) | contact_keys(make_ready(contact))
    return prepare(contact.name).plain, sorted(keys)


def details(
    name: str,
    email: str | None,
    phone: str | None,
    address: PostalAddress | None,
    identifiers: Sequence[str] = (),
) -> Details:
    held = address or PostalAddress()
    return Details(
        name, email, phone, " ".join(held.lines) or None, held.city, held.region, held.postal_code,
        identifiers=tuple(identifiers),
    )  # fmt: skip


def address_of(values: Values) -> PostalAddress | None:
    held = values[SyncedField.BILLING_ADDRESS]
    return held if isinstance(held, PostalAddress) else None
