"""Match issues whose best candidate is sure: a person confirms them together, after a preview.

`sure_of` decides within one issue. `SURE` adds what only the tables know: no other open issue claims the contact, the
contact is free, and no person reopened the issue.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlmodel import col, select

from domain.connection import organisation_copy
from domain.fields.synced import practice_values, readable_xero_values, same
from domain.mirror import xero_contacts
from domain.names.similarity import Comparison
from domain.problems import Code, counted, refuse
from domain.tables import ACTIVE, Contact, SyncedField
from domain.tx import Tx

# If a second candidate is at least so likely, a person must decide about the issue.
RIVAL = 0.1
SAMPLE = 10
_PAGE = 1000
Key = TypeVar("Key", bound=Hashable)

# SQL condition: the candidate m of the issue i may be confirmed without a look.
SURE = f"""(m.sure and i.state = 'OPEN' and not i.reopened and not i.merged
    and not exists (select 1 from sync_link sl where sl.workspace_id = :ws and sl.contact_id = m.contact_id
        and sl.organisation_id = i.organisation_id and sl.state in {ACTIVE})
    and not exists (select 1 from match_candidate om join match_issue oi on oi.workspace_id = :ws and oi.id = om.issue_id
        and oi.state = 'OPEN' and oi.organisation_id = i.organisation_id
        where om.workspace_id = :ws and om.contact_id = m.contact_id and om.issue_id <> i.id and om.confidence >= {RIVAL}))"""


def sure_of(candidates: Sequence[tuple[Key, Comparison, bool]]) -> Key | None:
    """The candidate that is sure, of (key, comparison, whether it is linked already); None if a person must look.

    The best candidate is sure by itself, free, and without a rival.
    """
    ranked = sorted(candidates, key=lambda one: -one[1].confidence)
    if not ranked:
        return None
    (key, best, blocked), *others = ranked
    rivals = any(one.confidence >= RIVAL for _, one, _ in others)
    return key if best.sure and not blocked and not rivals else None


class SureMatch(NamedTuple):
    """An open issue, its version, and the contact that would be confirmed."""

    issue_id: UUID
    version: int
    contact_id: UUID
    xero_contact_id: UUID


@dataclass(frozen=True)
class Preview:
    """The effect of confirming all sure issues. `overwritten` counts the practice's values that Xero's would replace."""

    count: int
    overwritten: int
    sample: Sequence[UUID]


class _Count(NamedTuple):
    n: int


async def count(tx: Tx, organisation_id: UUID) -> int:
    found = await tx.read_one(
        _Count,
        "select count(*) as n from match_issue i join match_candidate m on m.workspace_id = :ws and m.issue_id = i.id"
        f" where i.workspace_id = :ws and i.organisation_id = :organisation and {SURE}",
        organisation=organisation_id,
    )
    return found.n if found else 0


async def page(
    tx: Tx,
    organisation_id: UUID,
    limit: int,
    after: UUID = UUID(int=0),  # noqa: B008
) -> list[SureMatch]:
    """The sure issues of an organisation by id."""
    return await tx.read(
        SureMatch,
        "select i.id as issue_id, i.version, m.contact_id, i.xero_contact_id from match_issue i"
        " join match_candidate m on m.workspace_id = :ws and m.issue_id = i.id"
        f" where i.workspace_id = :ws and i.organisation_id = :organisation and i.id > :after and {SURE}"
        " order by i.id limit :limit",
        organisation=organisation_id, after=after, limit=limit,
    )  # fmt: skip


async def preview(tx: Tx, organisation_id: UUID) -> Preview:
    """Read all sure issues of the organisation, a page at a time. Nothing is written."""
    number, overwritten, sample = 0, 0, list[UUID]()
    after = UUID(int=0)
    while found := await page(tx, organisation_id, _PAGE, after):
        number += len(found)
        sample += [one.issue_id for one in found[: SAMPLE - len(sample)]]
        overwritten += await _overwritten(tx, organisation_id, found)
        after = found[-1].issue_id
    return Preview(number, overwritten, sample)


async def _overwritten(tx: Tx, organisation_id: UUID, matches: Sequence[SureMatch]) -> int:
    organisation = await organisation_copy.get(tx, organisation_id)
    found = await tx.session.scalars(
        select(Contact).where(
            col(Contact.workspace_id) == tx.workspace,
            col(Contact.id).in_([one.contact_id for one in matches]),
        )
    )
    ours = {row.id: practice_values(row) for row in found}
    mirrored = await xero_contacts.read(tx, [one.xero_contact_id for one in matches])
    region, lost = organisation.country_code, 0
    for one in matches:
        practice, xero = ours[one.contact_id], readable_xero_values(mirrored[one.xero_contact_id])
        lost += sum(
            practice[field] is not None and not same(field, practice[field], xero[field], region)
            for field in SyncedField
        )
    return lost


MOST_RELATED = 10


class _Related(NamedTuple):
    issue_id: UUID
    other_id: UUID


async def related_issues(tx: Tx, issue_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """For each issue the other open issues that share a candidate, or whose Xero contact a candidate is linked with."""
    rows = await tx.read(
        _Related,
        "select k.id as issue_id, o.id as other_id from unnest(cast(:ids as uuid[])) k(id) cross join lateral ("
        " select j.id from match_issue j where j.workspace_id = :ws and j.state = 'OPEN' and j.id <> k.id and j.id in ("
        "  select b.issue_id from match_candidate a join match_candidate b on b.workspace_id = :ws"
        "   and b.contact_id = a.contact_id where a.workspace_id = :ws and a.issue_id = k.id"
        "  union select x.id from match_candidate a join sync_link l on l.workspace_id = :ws and l.contact_id = a.contact_id"
        f"   and l.state in {ACTIVE} join match_issue x on x.workspace_id = :ws and x.xero_contact_id = l.xero_contact_id"
        "   where a.workspace_id = :ws and a.issue_id = k.id)"
        f" order by j.created_at, j.id limit {MOST_RELATED}) o",
        ids=list(issue_ids),
    )
    found: dict[UUID, list[UUID]] = {key: [] for key in issue_ids}
    for row in rows:
        found[row.issue_id].append(row.other_id)
    return found


async def claim(tx: Tx, organisation_id: UUID, seen: int, limit: int) -> list[SureMatch]:
    """The first sure issues, if there are still as many as the person has seen. Refused otherwise."""
    now = await count(tx, organisation_id)
    if now != seen:
        raise refuse(
            Code.STALE_VERSION,
            f"{counted(now, 'issue is', 'issues are')} sure now, not {seen}. Read the preview again, then give its count.",
            "confirmSure", "count",
        )  # fmt: skip
    return await page(tx, organisation_id, limit)
