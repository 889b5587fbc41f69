"""The digest of a snapshot. The mirror row knows a contact again by the digest that Xero shows unchanged: nothing of the row but the
time of the snapshot is then computed or written."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import UNSET

from domain.fields.values import SeenContact
from domain.names.text_keys import VERSION
from domain.tx import Tx

# Fewer contacts are mostly changed ones, and the statement would find none.
MANY = 100
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


class Known(NamedTuple):
    id: UUID
    xero_contact_id: UUID


def digest(contact: SeenContact, country: str | None) -> str:
    """Of all that the snapshot shows, and of what the mirror row makes of it: the version of the keys, and the `country` in which
    official numbers are read."""
    shown = replace(contact, updated_at=UNSET, seen_at=_ANY_TIME, warnings=())
    stamp = None if contact.updated_at is UNSET else contact.updated_at.isoformat()
    return blake2b(msgspec.json.encode((VERSION, country, stamp, shown)), digest_size=16).hexdigest()


async def find_known(
    tx: Tx, organisation: UUID, contacts: Sequence[SeenContact], digests: Mapping[UUID, str]
) -> list[Known]:
    """The mirror rows that the snapshots leave as they are. Stores the times of these snapshots in the rows.

    The stamp and the flags are compared besides: the version of Tandem before changes them and leaves the digest. A row that is in
    doubt, or that Xero did not show, is none of these.
    """
    if len(contacts) < MANY:
        return []
    whole = [
        one
        for one in contacts
        if isinstance(one.updated_at, datetime)
        and isinstance(one.is_customer, bool)
        and isinstance(one.is_supplier, bool)
    ]
    return await tx.read(
        Known,
        "update xero_contact x set seen_at = greatest(x.seen_at, n.seen_at) from unnest(cast(:ids as uuid[]),"
        " cast(:digests as text[]), cast(:stamps as timestamptz[]), cast(:customers as boolean[]), cast(:suppliers as boolean[]),"
        " cast(:times as timestamptz[])) n (id, digest, updated_at, is_customer, is_supplier, seen_at)"
        " where x.workspace_id = :ws and x.organisation_id = :organisation and x.xero_contact_id = n.id"
        " and x.shown_digest = n.digest and x.updated_at = n.updated_at and x.is_customer = n.is_customer"
        " and x.is_supplier = n.is_supplier and x.doubted_at is null and x.missing_since is null"
        " returning x.id, x.xero_contact_id",
        organisation=organisation, ids=[one.xero_contact_id for one in whole],
        digests=[digests[one.xero_contact_id] for one in whole], stamps=[one.updated_at for one in whole],
        customers=[one.is_customer for one in whole], suppliers=[one.is_supplier for one in whole],
        times=[one.seen_at for one in whole],
    )  # fmt: skip
