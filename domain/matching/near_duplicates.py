"""Near-duplicates: practice contacts that are much like a Xero contact which has no full match.

The look-up has three steps, so that it holds no lock. `read_page` reads the practice contacts that come into question.
`compare` scores them, without a transaction. `store` writes the scores into the table `likeness`. The plan of a match
reads that table, and leaves out contacts that are linked by then. So all scores from LIKELY on are kept: the contacts that a
preview leaves out, because a full match takes them, must not crowd out others.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.matching import comparison
from domain.matching import plan as matching_plan
from domain.matching.name_index import NameIndex
from domain.mirror import xero_contacts
from domain.names import search_keys
from domain.names.similarity import LIKELY, Details, Ready, find_alike, make_ready
from domain.tables import ACTIVE, Likeness, XeroContactFilter
from domain.tx import Tx

MAX_COMPARED = 50  # contacts changed at once; if more have changed, all open issues get a new look-up
# SQL condition: the mirror row x, or any contact of the practice, has changed since the last look-up of x.
_CHANGED = "(x.looked_at is null or x.looked_at <= (select max(c.updated_at) from contact c where c.workspace_id = :ws))"
# SQL condition: _CHANGED, and the mirror row x has no active link.
LEFT = f"""{_CHANGED}
    and not exists (select 1 from sync_link l where l.workspace_id = :ws and l.xero_contact_id = x.id
        and l.organisation_id = :organisation and l.state in {ACTIVE})"""
Keys = tuple[str, list[str]]  # as domain.contacts.search_keys.lookup gives them


class _Near(NamedTuple):
    """A contact for the name at `place`, counted from 1."""

    place: int
    contact_id: UUID


class _Asked(NamedTuple):
    """A mirror row. `fits`: a contact fits by name or email, so that the row gets a match issue. `there`: the practice has any
    contact."""

    id: UUID
    fits: bool
    there: bool


class _Met(NamedTuple):
    organisation_id: UUID
    contact_filter: str
    xero_contact_id: UUID


class _Pair(NamedTuple):
    xero_contact_id: UUID
    contact_id: UUID


@dataclass(frozen=True)
class Lookup:
    """A mirror row as of `updated_at`, the keys of its look-up, and the practice contacts that the look-up found. `fits`: see
    _Asked."""

    xero_contact_id: UUID
    updated_at: datetime
    fits: bool
    contact: Details
    keys: Keys
    others: Mapping[UUID, Details]


@dataclass(frozen=True)
class Page:
    """The look-ups of one `read_page`, as of `at`. `region` is the country that phones are dialled from.
    `users`: see comparison.email_users."""

    lookups: Sequence[Lookup]
    at: datetime
    region: str | None
    users: comparison.Users


@dataclass(frozen=True)
class Found:
    xero_contact_id: UUID
    updated_at: datetime
    fits: bool
    keys: Keys
    scores: Mapping[UUID, float]


@dataclass(frozen=True)
class Compared:
    """The scores of a page of look-ups, as of `at`."""

    at: datetime
    found: Sequence[Found]


async def may_be_left(tx: Tx, organisation_id: UUID) -> bool:
    """Whether a contact of the mirror may need a look-up.

    None needs one while the practice has no contact, if each was looked up before: the mirror counts a contact that it
    sees first in an empty practice as looked up.
    """
    return bool(
        await tx.ids(
            "(select id from contact where workspace_id = :ws limit 1) union all"
            " (select id from xero_contact where workspace_id = :ws and organisation_id = :organisation"
            "  and looked_at is null limit 1)",
            organisation=organisation_id,
        )
    )


async def read_page(
    tx: Tx, organisation: OrganisationCopy, ids: Sequence[UUID], index: NameIndex | None = None
) -> Page:
    """Read the look-ups that these mirror rows need, each with the unlinked contacts that come into question.

    A mirror row needs a look-up if it has no full match, whatever the filter, and if the row or any contact of the
    practice has changed since its last look-up. With an `index` the contacts are as of the index: a later change may
    be missed, and causes another look-up.
    """
    needed = await tx.read(
        _Asked,
        f"with {matching_plan.plan(XeroContactFilter.ALL, 'x.id = any(:ids)')}"
        " select s.id, exists (select 1 from pair p where p.xid = s.id) as fits,"
        " exists (select 1 from contact c where c.workspace_id = :ws) as there from scope s"
        " join xero_contact x on x.workspace_id = :ws and x.id = s.id where s.free"
        f' and s.id not in (select f.xid from "full" f) and {_CHANGED}',
        organisation=organisation.id, run=None, ids=list(ids),
    )  # fmt: skip
    at = index.at if index else tx.now
    fits = {one.id for one in needed if one.fits}
    rows = await comparison.read_xero_contacts(tx, [one.id for one in needed])
    asked = [comparison.of_xero(row) for row in rows]
    if not any(one.there for one in needed):  # nothing can be near
        return Page(
            [
                Lookup(row.id, row.updated_at, row.id in fits, contact, ("", []), {})
                for row, contact in zip(rows, asked, strict=True)
            ],
            at,
            organisation.country_code,
            {},
        )
    keys = [search_keys.lookup(contact) for contact in asked]
    near = await _find_near(tx, organisation.id, keys, index)
    contacts = await comparison.read_contacts(tx, {key for found in near for key in found})
    users = await comparison.email_users(tx, organisation.id, [*rows, *contacts.values()])
    others = {key: comparison.of_contact(row) for key, row in contacts.items()}
    return Page(
        [
            Lookup(
                row.id, row.updated_at, row.id in fits, contact, by, {key: others[key] for key in found if key in others}
            )
            for row, contact, by, found in zip(rows, asked, keys, near, strict=True)
        ],
        at, organisation.country_code, users,
    )  # fmt: skip


async def _find_near(
    tx: Tx, organisation_id: UUID, keys: Sequence[Keys], index: NameIndex | None
) -> list[set[UUID]]:
    near: list[set[UUID]] = [set() for _ in keys]
    if not keys:
        return near
    names = [name for name, _ in keys]
    common = index.common if index else ()
    found = await tx.read(
        _Near,
        "select place, contact_id from door.similar_contacts(:organisation, :names, cast(:keys as jsonb))",
        organisation=organisation_id, names=[] if index else names,
        keys=json.dumps([[key for key in one if key not in common] for _, one in keys]),
    )  # fmt: skip
    for row in found:
        near[row.place - 1].add(row.contact_id)
    if index:
        nearest = await index.nearest(tx, names)
        linked = await _linked(tx, organisation_id, {key for found in nearest for key in found})
        for known, more in zip(near, nearest, strict=True):
            known |= set(more) - linked
    return near


async def _linked(tx: Tx, organisation_id: UUID, contact_ids: Collection[UUID]) -> set[UUID]:
    linked = await tx.ids(
        "select contact_id from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f" and contact_id = any(:ids) and state in {ACTIVE}",
        organisation=organisation_id, ids=list(contact_ids),
    )  # fmt: skip
    return set(linked)


def compare(page: Page) -> Compared:
    """Score each look-up. This takes milliseconds a contact: call it outside the event loop and without a transaction."""
    ready: dict[UUID, Ready] = {}
    for one in page.lookups:
        for key, other in one.others.items():
            if key not in ready:
                ready[key] = make_ready(other, page.region, page.users)
    return Compared(
        page.at,
        [
            Found(one.xero_contact_id, one.updated_at, one.fits, one.keys, _scores(one, page, ready))
            for one in page.lookups
        ],
    )


def _scores(asked: Lookup, page: Page, ready: Mapping[UUID, Ready]) -> dict[UUID, float]:
    if not asked.others:
        return {}
    one = make_ready(asked.contact, page.region, page.users)
    return find_alike(one, {key: ready[key] for key in asked.others}, LIKELY)


async def store(tx: Tx, compared: Compared) -> None:
    """Store the scores of the rows that have not changed since the look-up. The caller holds the organisation's lock.

    The next run of changes evaluates a row with an open issue again.
    """
    found = compared.found
    looked_at = await tx.ids(
        "update xero_contact x set looked_at = cast(:at as timestamptz), match_name = f.match_name,"
        " match_keys = f.match_keys, dirty = dirty or exists (select 1 from"
        " match_issue i where i.workspace_id = :ws and i.xero_contact_id = x.id and i.state = 'OPEN')"
        " from jsonb_to_recordset(cast(:found as jsonb))"
        " f(id uuid, updated_at timestamptz, match_name text, match_keys text[])"
        " where x.workspace_id = :ws and x.id = f.id and x.updated_at = f.updated_at returning x.id",
        at=compared.at, found=json.dumps([_lookup_row(one) for one in found]),
    )  # fmt: skip
    kept = set(looked_at)
    await tx.run(
        "delete from likeness where workspace_id = :ws and xero_contact_id = any(:ids)", ids=list(kept)
    )
    there = await comparison.read_contacts(tx, {key for one in found for key in one.scores})
    alike = [
        {"workspace_id": tx.workspace, "xero_contact_id": one.xero_contact_id, "contact_id": key, "score": score}
        for one in found if one.xero_contact_id in kept
        for key, score in one.scores.items() if key in there
    ]  # fmt: skip
    await tx.insert(Likeness, alike)


def _lookup_row(one: Found) -> dict[str, object]:
    name, keys = one.keys if one.scores or one.fits else (None, None)  # only where an issue may be open
    return {
        "id": str(one.xero_contact_id), "updated_at": one.updated_at.isoformat(), "match_name": name, "match_keys": keys,
    }  # fmt: skip


async def request_lookups(tx: Tx, contact_ids: Sequence[UUID]) -> None:
    """Request a look-up, by the next run, for each Xero contact that these new or changed contacts may be like.

    Only Xero contacts with an open issue count, if their keys would find one of these contacts now. A contact that fits by
    name or email is a candidate without a look-up. Nothing is compared here.
    """
    rows = await tx.read(
        _Met,
        "select i.organisation_id, o.contact_filter, i.xero_contact_id from match_issue i"
        " join organisation o on o.workspace_id = :ws and o.id = i.organisation_id"
        " join xero_contact x on x.workspace_id = :ws and x.id = i.xero_contact_id"
        " where i.workspace_id = :ws and i.state = 'OPEN' and not i.reopened and not i.merged"
        " and exists (select 1 from contact c where c.workspace_id = :ws and c.id = any(:ids) and c.archived_at is null"
        "  and not coalesce(c.name_key = x.name_key or c.email_key = x.email_key, false)"
        "  and (:many or x.match_name is null or similarity(c.match_name, x.match_name) >= 0.4"
        "       or c.match_keys && x.match_keys)"
        "  and not exists (select 1 from likeness a where a.workspace_id = :ws and a.xero_contact_id = x.id"
        "   and a.contact_id = c.id)"
        "  and not exists (select 1 from sync_link l where l.workspace_id = :ws and l.contact_id = c.id"
        f"   and l.organisation_id = i.organisation_id and l.state in {ACTIVE}))"
        " order by i.organisation_id, i.xero_contact_id",
        ids=list(contact_ids), many=len(contact_ids) > MAX_COMPARED,
    )  # fmt: skip
    for organisation_id, group in groupby(rows, key=lambda row: row.organisation_id):
        met = list(group)
        ids = [row.xero_contact_id for row in met]
        await xero_contacts.request_lookup(tx, organisation_id, met[0].contact_filter, ids)


async def rescore(tx: Tx, organisation: OrganisationCopy, contact_ids: Sequence[UUID]) -> None:
    """Score these changed contacts again, against the Xero contacts of the open issues that offer them."""
    pairs = await tx.read(
        _Pair,
        "select a.xero_contact_id, a.contact_id from likeness a join match_issue i on i.workspace_id = :ws"
        " and i.xero_contact_id = a.xero_contact_id and i.state = 'OPEN' and i.organisation_id = :organisation"
        " where a.workspace_id = :ws and a.contact_id = any(:ids)",
        organisation=organisation.id, ids=list(contact_ids),
    )  # fmt: skip
    compared = await comparison.compare_pairs(tx, organisation, pairs)
    for (xero, contact), one in compared.items():
        await tx.run(
            "update likeness set score = :score where workspace_id = :ws and xero_contact_id = :xero"
            " and contact_id = :contact",
            xero=xero, contact=contact, score=one.score,
        )  # fmt: skip
