"""The plan of a match, and the passes of an import that carry it out, a set at a time.

A full match is the only one on both sides: exactly one active practice contact and exactly one included active Xero
contact have this name and this billing email, and neither is linked in the organisation. Any other fit becomes a match
issue. A Xero contact without a fit becomes a new contact. The number of statements grows with pages, not with contacts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID, uuid4

from domain import activity
from domain.connection import restored
from domain.connection.organisation_copy import OrganisationCopy
from domain.decisions import kept_apart
from domain.fields import identifiers
from domain.fields.identifiers import sql_differing
from domain.fields.merge import Winner, policy_winner
from domain.fields.synced import columns, shown, xero_values
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.matching import reasons
from domain.matching.candidates import FIT, Candidate, Fit, insert_candidates, rank, reason
from domain.mirror import xero_contacts
from domain.names import search_keys
from domain.names.classification import classify
from domain.names.made_up import made_up_name
from domain.names.similarity import LIKELY, SIMILAR
from domain.tables import (
    ACTIVE,
    ActivityKind,
    Contact,
    ContactKind,
    EventKind,
    IdentifierKind,
    LinkOrigin,
    MatchIssue,
    MatchIssueState,
    SyncedField,
    XeroContact,
    XeroContactFilter,
)
from domain.tx import Tx

INCLUDED = {
    XeroContactFilter.CUSTOMERS_ONLY: "{x}.is_customer",
    XeroContactFilter.SUPPLIERS_AND_CUSTOMERS: "({x}.is_customer or {x}.is_supplier)",
}


def included(contact_filter: XeroContactFilter, x: str = "x") -> str:
    """SQL condition: the mirror row is active, Xero still shows it, and the filter includes it. After a restore also: Tandem made
    the Xero contact after the backup."""
    there = f"{x}.status = 'ACTIVE' and {x}.missing_since is null"
    if contact_filter is XeroContactFilter.ALL:
        return f"({there})"
    let_in = INCLUDED[contact_filter].format(x=x)
    return f"({there} and ({let_in} or {restored.lost_push(x)}))"


def plan(contact_filter: XeroContactFilter, scope: str) -> str:
    """SQL of the plan for the mirror rows x that `scope` selects, as CTEs.

    `outcome` holds (xero_contact_id, outcome, contact_id of a full match). `fitting` holds the candidates: nm says that
    the name is equal, em that the email is equal, num that an official number is equal. Unlinked near-duplicates fit too:
    all of them beside a contact that fits by name or email, and by themselves if the organisation holds near-duplicates back;
    their nm and em are false. Linked rows are left out. SKIPPED means excluded, archived, or decided by a person before.

    The statement binds :ws, :organisation and :run. Contacts that the import :run created do not count as the practice's.
    `differs`: two valid official numbers of one kind differ, so the pair is no full match. The look-ups are lateral with a
    limit, because hundreds of contacts may share one email.
    """
    x2 = included(contact_filter, "x2")
    return f"""
    scope as materialized (
        select x.id, x.xero_contact_id as xero_id, x.name_key, x.email_key, x.identifier_keys,
               ({included(contact_filter)} and not exists (
                    select 1 from sync_link k where k.workspace_id = :ws and k.xero_contact_id = x.id
                       and k.organisation_id = :organisation and k.state not in {ACTIVE})
                and not exists (
                    select 1 from match_issue i where i.workspace_id = :ws and i.xero_contact_id = x.id
                       and (i.resolution in ('IGNORED', 'CREATED_SEPARATE')
                            or i.reopened and (i.state = 'OPEN' or i.resolution = 'OBSOLETE')))
                and not exists (
                    select 1 from reimport_mark r where r.workspace_id = :ws and r.organisation_id = :organisation
                       and r.xero_contact_id = x.xero_contact_id)
               ) as free
          from xero_contact x
         where x.workspace_id = :ws and x.organisation_id = :organisation and {scope}
           and not exists (
                select 1 from sync_link l where l.workspace_id = :ws and l.xero_contact_id = x.id
                   and l.organisation_id = :organisation and l.state in {ACTIVE})
    ),
    pair as materialized (
        select s.id as xid, c.id as cid, c.nm, c.em, c.link_id, s.name_key, s.email_key,
               {sql_differing("s.identifier_keys", "c.identifier_keys")} as differs,
               s.identifier_keys && c.identifier_keys as num
          from scope s cross join lateral (
            (select c.id, true as nm, coalesce(c.email_key = s.email_key, false) as em, l.id as link_id,
                    c.identifier_keys
               from contact c
               left join sync_link l on l.workspace_id = :ws and l.contact_id = c.id
                    and l.organisation_id = :organisation and l.state in {ACTIVE}
              where c.workspace_id = :ws and c.name_key = s.name_key and c.archived_at is null
                and (cast(:run as uuid) is null or c.created_by_run is distinct from cast(:run as uuid))
              order by coalesce(c.email_key = s.email_key, false) desc, l.id is not null, c.id limit 25)
            union all
            (select c.id, false, true, l.id, c.identifier_keys
               from contact c
               left join sync_link l on l.workspace_id = :ws and l.contact_id = c.id
                    and l.organisation_id = :organisation and l.state in {ACTIVE}
              where c.workspace_id = :ws and c.email_key = s.email_key and c.archived_at is null
                and c.name_key is distinct from s.name_key
                and (cast(:run as uuid) is null or c.created_by_run is distinct from cast(:run as uuid))
              order by l.id is not null, c.id limit 25)
          ) c
         where s.free and not exists (
                select 1 from set_apart a where a.workspace_id = :ws and a.organisation_id = :organisation
                   and a.xero_contact_id = s.xero_id and a.contact_id = c.id)
    ),
    ruled as materialized (
        select p.*, case when nm and em then 1.0 when nm then 0.7 else 0.5 end as score
          from pair p
         where nm or link_id is null
            or not exists (select 1 from pair q where q.xid = p.xid and (q.nm or q.link_id is null))
    ),
    "full" as materialized (
        select f.xid, f.cid from ruled f
         where f.nm and f.em and f.link_id is null and not f.differs
           and (select count(*) from (select 1 from contact c where c.workspace_id = :ws and c.name_key = f.name_key
                    and c.email_key = f.email_key and c.archived_at is null
                    and (cast(:run as uuid) is null or c.created_by_run is distinct from cast(:run as uuid))
                    limit 2) n) = 1
           and (select count(*) from (select 1 from xero_contact x2 where x2.workspace_id = :ws
                    and x2.organisation_id = :organisation and x2.name_key = f.name_key
                    and x2.email_key = f.email_key and {x2} limit 2) n) = 1
    ),
    alike as materialized (
        select s.id as xid, a.contact_id as cid, false as nm, false as em, cast(null as uuid) as link_id, s.name_key,
               s.email_key, false as differs, s.identifier_keys && c.identifier_keys as num, a.score,
               s.id in (select p.xid from pair p)
                or o.hold_similar and max(a.score) over (partition by s.id) >= {SIMILAR} as shown
          from scope s
          join organisation o on o.workspace_id = :ws and o.id = :organisation
          join likeness a on a.workspace_id = :ws and a.xero_contact_id = s.id and a.score >= {LIKELY}
          join contact c on c.workspace_id = :ws and c.id = a.contact_id and c.archived_at is null
               and (cast(:run as uuid) is null or c.created_by_run is distinct from cast(:run as uuid))
         where s.free and (s.id, c.id) not in (select p.xid, p.cid from pair p)
           and c.id not in (select f.cid from "full" f)
           and not exists (
                select 1 from sync_link l where l.workspace_id = :ws and l.contact_id = c.id
                   and l.organisation_id = :organisation and l.state in {ACTIVE})
           and not exists (
                select 1 from set_apart a where a.workspace_id = :ws and a.organisation_id = :organisation
                   and a.xero_contact_id = s.xero_id and a.contact_id = c.id)
    ),
    fitting as materialized (
        select * from ruled
        union all
        select xid, cid, nm, em, link_id, name_key, email_key, differs, num, score from alike where shown
    ),
    outcome as materialized (
        select s.id as xero_contact_id, f.cid as contact_id,
               case when not s.free then 'SKIPPED' when f.xid is not null then 'FULL_MATCH'
                    when s.id in (select g.xid from fitting g) then 'CONFLICT' else 'NO_MATCH'
               end as outcome
          from scope s left join "full" f on f.xid = s.id
    )"""


class _Match(NamedTuple):
    xero_contact_id: UUID
    contact_id: UUID


async def full_matches(
    tx: Tx, organisation: OrganisationCopy, run: UUID | None, ids: Sequence[UUID], *, quiet: bool
) -> int:
    """Link the full matches among the mirror rows. Returns their number."""
    found = await tx.read(
        _Match,
        f"with {plan(organisation.matching_filter, 'x.id = any(:ids)')}"
        " select xero_contact_id, contact_id from outcome where outcome = 'FULL_MATCH'",
        organisation=organisation.id, run=run, ids=list(ids),
    )  # fmt: skip
    winner = policy_winner(organisation.conflict_policy)
    # The keys of name and email are equal: under ASK, a difference in case or spacing asks nobody.
    equal = dict.fromkeys(
        (SyncedField.NAME, SyncedField.BILLING_EMAIL), Winner.XERO if winner is Winner.NOBODY else winner
    )
    pairs = [Pair(row.contact_id, row.xero_contact_id, LinkOrigin.FULL_MATCH, winner, equal) for row in found]
    await _publish_issues(
        tx, organisation, await link_starting.start(tx, organisation, pairs, quiet=quiet), quiet=quiet
    )
    return len(pairs)


async def issues(
    tx: Tx, organisation: OrganisationCopy, run: UUID | None, ids: Sequence[UUID], *, quiet: bool
) -> int:
    """Open an issue for each of the mirror rows that has candidates but no full match. Returns their number."""
    rows = await tx.read(
        Fit,
        f"with {plan(organisation.matching_filter, 'x.id = any(:ids)')}"
        f" select {FIT} from fitting f join outcome o on o.xero_contact_id = f.xid"
        " join xero_contact x on x.workspace_id = :ws and x.id = f.xid"
        " where o.outcome = 'CONFLICT' and not exists (select 1 from match_issue i where i.workspace_id = :ws"
        " and i.xero_contact_id = f.xid and i.state = 'OPEN') order by f.xid",
        organisation=organisation.id, run=run, ids=list(ids),
    )  # fmt: skip
    by_xero = await rank(tx, organisation, rows)
    if not by_xero:
        return 0
    made = [_issue(tx, organisation, xid, fitting) for xid, fitting in by_xero.items()]
    await tx.insert(MatchIssue, [one.columns for one in made])
    await insert_candidates(tx, {one.id: by_xero[one.xero_contact_id] for one in made})
    await activity.record_all(tx, [one.entry for one in made])
    for one in [] if quiet else made:
        tx.publish(EventKind.MATCH_ISSUE, one.id, organisation=organisation.id)
    return len(made)


@dataclass(frozen=True)
class _NewIssue:
    """`columns`: the row in `match_issue`."""

    id: UUID
    xero_contact_id: UUID
    columns: Mapping[str, object]
    entry: activity.Entry


def _issue(tx: Tx, organisation: OrganisationCopy, xid: UUID, candidates: Sequence[Candidate]) -> _NewIssue:
    issue_id, why, first = uuid4(), reason(candidates), candidates[0]
    known, finer = reasons.stored(why)
    columns = {
        "workspace_id": tx.workspace, "id": issue_id, "organisation_id": organisation.id, "xero_contact_id": xid,
        "reason": known, "finer_reason": finer, "state": MatchIssueState.OPEN, "score": float(first.score), "reopened": False,
        "created_at": tx.now, "version": 1,
    }  # fmt: skip
    message = f"{first.fit.xero_name} in Xero needs a decision ({why.replace('_', ' ').lower()})."
    entry = activity.Entry(ActivityKind.ISSUE_OPENED, message, organisation=organisation.id, issue=issue_id)
    return _NewIssue(issue_id, xid, columns, entry)


class Unmatched(NamedTuple):
    """A mirror row that fits no contact. `seen`: its near-duplicates have been looked up since any contact changed."""

    id: UUID
    seen: bool


async def creations(
    tx: Tx, organisation: OrganisationCopy, run: UUID | None, ids: Sequence[UUID], *, quiet: bool
) -> int:
    """Create a practice contact for each of the mirror rows without a fit, and link the two. Returns their number.

    If near-duplicates are held back, a Xero contact whose near-duplicates have not been looked up yet is skipped, and a
    new run is requested. Outside a run, the look-up must be later than the last change of any contact.
    """
    rows = await tx.read(
        Unmatched,
        f"with {plan(organisation.matching_filter, 'x.id = any(:ids)')}"
        " select x.id, x.looked_at is not null and (cast(:run as uuid) is not null"
        "  or coalesce(x.looked_at > (select max(c.updated_at) from contact c where c.workspace_id = :ws), true)) as seen"
        " from outcome o join xero_contact x on x.workspace_id = :ws and x.id = o.xero_contact_id"
        " where o.outcome = 'NO_MATCH' order by x.id",
        organisation=organisation.id, run=run, ids=list(ids),
    )  # fmt: skip
    unseen = {row.id for row in rows if organisation.hold_similar and not row.seen}
    await xero_contacts.request_lookup(tx, organisation.id, organisation.contact_filter, list(unseen))
    unmatched = await xero_contacts.read(tx, [row.id for row in rows if row.id not in unseen])
    started = await create_from_xero(tx, organisation, list(unmatched.values()), run, quiet=quiet)
    await _publish_issues(tx, organisation, started, quiet=quiet)
    return len(unmatched)


async def _publish_issues(
    tx: Tx, organisation: OrganisationCopy, started: Sequence[link_starting.Started], *, quiet: bool
) -> None:
    """Store the new link at the last obsolete issue of its Xero contact, so that clients see what became of the issue."""
    changed = await tx.ids(
        "update match_issue i set link_id = f.link_id, version = version + 1 from unnest(cast(:xeros as uuid[]),"
        " cast(:links as uuid[])) f(xero_id, link_id) where i.workspace_id = :ws and i.xero_contact_id = f.xero_id"
        " and i.resolution = 'OBSOLETE' and i.link_id is null and not exists (select 1 from match_issue later"
        "  where later.workspace_id = :ws and later.xero_contact_id = f.xero_id and later.created_at > i.created_at)"
        " returning i.id",
        xeros=[one.pair.xero_contact_id for one in started], links=[one.link_id for one in started],
    )  # fmt: skip
    for issue_id in [] if quiet else changed:
        tx.publish(EventKind.MATCH_ISSUE, issue_id, organisation=organisation.id)


async def create_from_xero(
    tx: Tx,
    organisation: OrganisationCopy,
    rows: Sequence[XeroContact],
    run: UUID | None,
    *,
    quiet: bool = False,
) -> list[link_starting.Started]:
    """Create contacts from mirror rows, classified and with the default contact type, and link each with its Xero contact."""
    if not rows:
        return []
    made = [contact_from_xero(tx, row, organisation.default_contact_type_id, run) for row in rows]
    await tx.insert(Contact, [one.columns for one in made])
    came = [
        activity.Entry(
            ActivityKind.CONTACT_CREATED,
            f"{one.name} came from Xero.",
            organisation=organisation.id,
            contact=one.id,
        )
        for one in made
    ]
    await activity.record_all(tx, came)
    pairs = [
        Pair(one.id, row.id, LinkOrigin.CREATED_FROM_XERO, Winner.XERO)
        for one, row in zip(made, rows, strict=True)
    ]
    started = await link_starting.start(tx, organisation, pairs, quiet=quiet)
    await kept_apart.contacts_came(tx, [one.id for one in made])
    return started


@dataclass(frozen=True)
class NewContact:
    """`columns`: the row in `contact`."""

    id: UUID
    name: str
    columns: Mapping[str, object]


def contact_from_xero(tx: Tx, row: XeroContact, contact_type_id: UUID | None, run: UUID | None) -> NewContact:
    """A Xero contact without a name gets a made-up one, which a person reviews."""
    values = xero_values(row)
    own, email = shown(values[SyncedField.NAME]), shown(values[SyncedField.BILLING_EMAIL])
    name = own or made_up_name(row.first_name, row.last_name, email)
    found = classify(own or "", row.first_name, row.last_name, email)
    # The number in one organisation's books says nothing in others.
    numbers = [
        one for one in identifiers.of_stored(row.identifiers) if one.kind is not IdentifierKind.ACCOUNT_NUMBER
    ]
    contact_id = uuid4()
    made: dict[str, object] = {
        "workspace_id": tx.workspace, "id": contact_id, **columns(values), "name": name, "name_made_up": own is None,
        "first_name": row.first_name,
        "last_name": row.last_name, "kind": ContactKind(found.kind), "confidence": found.confidence,
        "reasons": list(found.reasons), "needs_review": found.needs_review or own is None, "contact_type_id": contact_type_id,
        "created_at": tx.now, "updated_at": tx.now, "version": 1, **search_keys.of_values(values, name, identifiers=identifiers.keys_of(numbers)),
        "identifiers": [one.as_json() for one in numbers], "identifier_keys": identifiers.keys_of(numbers),
        "field_times": dict.fromkeys(SyncedField, tx.now.isoformat()), "created_by_run": run,
    }  # fmt: skip
    return NewContact(contact_id, name, made)


async def preview(tx: Tx, organisation: UUID, contact_filter: XeroContactFilter) -> dict[str, int]:
    """The number of unlinked mirror rows for each outcome. Nothing is written."""
    rows = await tx.read(
        _Counted,
        f"with {plan(contact_filter, 'true')} select outcome, count(*) as n from outcome group by outcome",
        organisation=organisation, run=None,
    )  # fmt: skip
    return {row.outcome: row.n for row in rows}


class _Counted(NamedTuple):
    outcome: str
    n: int


class PlannedRow(NamedTuple):
    """The outcome of an import for a Xero contact. `contact_id`: the contact of a full match."""

    name_key: str
    xero_contact_id: UUID
    outcome: str
    contact_id: UUID | None


async def preview_rows(
    tx: Tx,
    organisation: UUID,
    contact_filter: XeroContactFilter,
    outcomes: Sequence[str],
    *,
    after: tuple[str, UUID] | None,
    before: tuple[str, UUID] | None = None,
    limit: int,
    backward: bool = False,
) -> list[PlannedRow]:
    """A page of the plan by name. `after` and `before` are (name_key, id).

    Empty `outcomes` mean all outcomes. `backward` returns the last rows, in reverse order.
    """
    low, high = after or ("", UUID(int=0)), before or (None, None)
    down = "desc" if backward else "asc"
    return await tx.read(
        PlannedRow,
        f"with {plan(contact_filter, 'true')}"
        " select coalesce(x.name_key, '') as name_key, o.xero_contact_id, o.outcome, o.contact_id from outcome o"
        " join xero_contact x on x.workspace_id = :ws and x.id = o.xero_contact_id"
        " where (coalesce(x.name_key, ''), x.id) > (:low_key, cast(:low_id as uuid))"
        " and (cast(:high_key as text) is null or (coalesce(x.name_key, ''), x.id) < (:high_key, cast(:high_id as uuid)))"
        " and (cardinality(cast(:outcomes as text[])) = 0 or o.outcome = any(:outcomes))"
        f" order by coalesce(x.name_key, '') {down}, x.id {down} limit :limit",
        organisation=organisation, run=None, outcomes=list(outcomes), limit=limit,
        low_key=low[0], low_id=low[1], high_key=high[0], high_id=high[1],
    )  # fmt: skip
