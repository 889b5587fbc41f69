"""The keys that are stored with a contact so that matching and searching find it. Pure; every writer uses this module.

`name_key` and `email_key` are the rule's. `match_name` (by trigrams) and `match_keys` (equal ones) only bring contacts
together to be compared: they decide nothing.
"""

from collections.abc import Mapping
from typing import Any

from domain.fields.synced import Values, shown, stored
from domain.names.similarity import Details, keys_of, make_ready
from domain.names.similarity.contacts import contact_keys
from domain.names.similarity.names import prepare
from domain.names.text_keys import VERSION, email_key, name_key, search_key
from domain.tables import SyncedField


def columns(
    name: str, email: str | None, phone: str | None, address: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The keys of a contact with these values, by column. `address` as it is stored."""
    match_name, match_keys = lookup(details(name, email, phone, address))
    return {
        "name_key": name_key(name) or "",
        "email_key": email_key(email),
        "search_key": search_key(name, email, phone),
        "match_name": match_name,
        "match_keys": match_keys,
        "key_version": VERSION,
    }


def of_values(values: Values) -> dict[str, Any]:
    """The keys of a contact that holds these values, by column."""
    name, email, phone = (
        shown(values[field])
        for field in (SyncedField.NAME, SyncedField.BILLING_EMAIL, SyncedField.PRIMARY_PHONE)
    )
    return columns(name or "", email, phone, as_address(stored(values[SyncedField.BILLING_ADDRESS])))


def lookup(contact: Details) -> tuple[str, list[str]]:
    """The keys by which the contact is found and finds others. Phones are compared by their last digits, whatever the country."""
    keys = keys_of(contact.name) | contact_keys(make_ready(contact))
    return prepare(contact.name).plain, sorted(keys)


def details(name: str, email: str | None, phone: str | None, address: Mapping[str, Any] | None) -> Details:
    held = address or {}
    return Details(
        name, email, phone, " ".join(held.get("lines") or ()) or None, held.get("city"), held.get("region"),
        held.get("postalCode"),
    )  # fmt: skip


def as_address(stored: object) -> Mapping[str, Any] | None:
    return stored if isinstance(stored, Mapping) else None
