"""Evaluate open match issues again: link, end, create a contact, or refresh the candidates for a person.

The caller holds the organisation's lock. domain.matching.issues decides which issues are evaluated, and when.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from sqlmodel import col, select

from domain import activity
from domain.connection.organisation_copy import OrganisationCopy
from domain.fields.identifiers import sql_differing
from domain.matching import candidates, reasons
from domain.matching import plan as matching_plan
from domain.matching.candidates import Candidate, ShownCandidate
from domain.tables import (
    ACTIVE,
    ActivityKind,
    EventKind,
    MatchCandidate,
    MatchIssue,
    MatchIssueReason,
    MatchIssueState,
    MatchResolution,
)
from domain.tx import Tx


class _Outcome(NamedTuple):
    xero_contact_id: UUID
    outcome: str


class _OfPerson(NamedTuple):
    """A mirror row whose issue only a person may decide. `included`: the organisation's filter includes the row. `marked`: no
    import may bring the contact back."""

    status: str
    included: bool
    marked: bool


class _ActiveLink(NamedTuple):
    id: UUID
    linked_at: datetime


async def evaluate(tx: Tx, organisation: OrganisationCopy, xero_ids: Sequence[UUID]) -> set[UUID]:
    """Evaluate the open issues of these Xero contacts again, by the rules of an import.

    A full match links. An issue without a candidate becomes a new contact. An excluded or archived Xero contact ends
    its issue. Otherwise the candidates are refreshed. A person decides issues that a person reopened, and issues of
    merges.

    Returns the contacts that were linked, created or dropped as candidates: other issues may depend on them.
    """
    await _open_returned(tx, organisation, xero_ids)
    statement = (
        select(MatchIssue)
        .where(
            col(MatchIssue.workspace_id) == tx.workspace,
            col(MatchIssue.organisation_id) == organisation.id,
            col(MatchIssue.state) == MatchIssueState.OPEN,
            col(MatchIssue.xero_contact_id).in_(list(xero_ids)),
        )
        .order_by(col(MatchIssue.id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = (await tx.session.scalars(statement)).all()
    by_person = [issue for issue in found if issue.reopened or issue.merged]
    for issue in by_person:
        await _evaluate_for_person(tx, organisation, issue)
    return await _evaluate_open(tx, organisation, [issue for issue in found if issue not in by_person])


async def _evaluate_open(tx: Tx, organisation: OrganisationCopy, found: Sequence[MatchIssue]) -> set[UUID]:
    if not found:
        return set()
    open_issues = {issue.xero_contact_id: issue for issue in found}
    plan = matching_plan.plan(organisation.matching_filter, "x.id = any(:ids)")
    bound = {"organisation": organisation.id, "run": None, "ids": list(open_issues)}
    outcomes = await tx.read(_Outcome, f"with {plan} select xero_contact_id, outcome from outcome", **bound)
    fits = await tx.read(
        candidates.Fit,
        f"with {plan} select {candidates.FIT} from fitting f"
        " join xero_contact x on x.workspace_id = :ws and x.id = f.xid",
        **bound,
    )
    ranked = await candidates.rank(tx, organisation, fits)
    held = await _held_candidates(tx, [issue.id for issue in found])
    ended = {row.xero_contact_id: row.outcome for row in outcomes}
    let_go: set[UUID] = set()
    for xero_id, issue in open_issues.items():
        fitting = ranked.get(xero_id, [])
        before = held.get(issue.id, [])
        if ended.get(xero_id) == "CONFLICT" and fitting:
            await _renew(tx, issue, before, fitting)
        else:
            resolve(tx, issue, MatchResolution.OBSOLETE, None, "needs no decision any more")
            fitting = []
        let_go |= {one.contact_id for one in before} - {one.fit.cid for one in fitting}
    await tx.session.flush()
    await matching_plan.full_matches(tx, organisation, None, list(open_issues), quiet=False)
    await matching_plan.creations(tx, organisation, None, list(open_issues), quiet=False)
    linked = await tx.ids(
        "update match_issue i set link_id = l.id from sync_link l where i.workspace_id = :ws and i.id = any(:issues)"
        " and i.state = 'RESOLVED' and l.workspace_id = :ws and l.xero_contact_id = i.xero_contact_id"
        f" and l.organisation_id = i.organisation_id and l.state in {ACTIVE}"
        " returning l.contact_id",
        issues=[issue.id for issue in open_issues.values()],
    )
    return let_go | set(linked)


async def _evaluate_for_person(tx: Tx, organisation: OrganisationCopy, issue: MatchIssue) -> None:
    """Evaluate an issue that only a person may decide. The issue ends if nothing is left to decide.

    Otherwise its candidates are refreshed. Candidates that a person was shown stay while they exist. An issue of a
    merge gets no new candidates.
    """
    xero = await tx.read_one(
        _OfPerson,
        f"select x.status, {_included(organisation)} as included,"
        " exists (select 1 from reimport_mark m where m.workspace_id = :ws and m.organisation_id = :organisation"
        " and m.xero_contact_id = x.xero_contact_id) as marked"
        " from xero_contact x where x.workspace_id = :ws and x.id = :id",
        organisation=organisation.id, id=issue.xero_contact_id,
    )  # fmt: skip
    link = await tx.read_one(
        _ActiveLink,
        "select id, linked_at from sync_link where workspace_id = :ws and organisation_id = :organisation"
        f" and xero_contact_id = :id and state in {ACTIVE}",
        organisation=organisation.id, id=issue.xero_contact_id,
    )  # fmt: skip
    held = (await _held_candidates(tx, [issue.id])).get(issue.id, [])
    kept = [one.contact_id for one in held]
    fitting = await find_candidates(tx, organisation, issue.xero_contact_id, kept)
    if issue.merged:
        fitting = [one for one in fitting if one.fit.cid in kept]
        over = len(fitting) < 2 or xero is None or xero.marked or xero.status != "ACTIVE"
        decided = link is not None and link.linked_at > issue.created_at
    else:
        over, decided = xero is None or not xero.included, link is not None
    if over or decided:
        link_id = link.id if link and decided else None
        resolve(tx, issue, MatchResolution.OBSOLETE, link_id, "needs no decision any more")
        await tx.session.flush()
    elif fitting:
        await _renew(tx, issue, held, fitting)


async def _open_returned(tx: Tx, organisation: OrganisationCopy, xero_ids: Sequence[UUID]) -> None:
    """Reopen the issues that a person had reopened before, if their Xero contacts are included again.

    Such an issue ended because its Xero contact was archived or excluded. Still only a person may match it.
    """
    opened = await tx.ids(
        "update match_issue i set state = 'OPEN', resolution = null, resolved_at = null, resolved_by = null,"
        " link_id = null, version = version + 1 where i.workspace_id = :ws and i.id in"
        " (select distinct on (x.id) r.id from match_issue r join xero_contact x on x.workspace_id = :ws"
        "  and x.id = r.xero_contact_id where r.workspace_id = :ws and r.organisation_id = :organisation"
        f"  and r.reopened and r.resolution = 'OBSOLETE' and x.id = any(:ids) and {_included(organisation)}"
        "  and not exists (select 1 from match_issue o where o.workspace_id = :ws and o.xero_contact_id = x.id"
        "   and (o.state = 'OPEN' or o.created_at > r.created_at))"
        "  and not exists (select 1 from sync_link l where l.workspace_id = :ws and l.xero_contact_id = x.id"
        "   and l.organisation_id = :organisation) order by x.id, r.created_at desc) returning i.id",
        organisation=organisation.id, ids=list(xero_ids),
    )  # fmt: skip
    for issue_id in opened:
        activity.record(
            tx, ActivityKind.ISSUE_OPENED, "A Xero contact is included again. Only a person may match it.",
            organisation=organisation.id, issue=issue_id,
        )  # fmt: skip
        tx.publish(EventKind.MATCH_ISSUE, issue_id, organisation=organisation.id)


async def _renew(
    tx: Tx, issue: MatchIssue, held: Sequence[ShownCandidate], fitting: Sequence[Candidate]
) -> None:
    before = {one.contact_id: one for one in held}
    now = {one.contact_id: one for one in candidates.shown_candidates(fitting)}
    same = before == now
    reason = candidates.reason(fitting) if not issue.merged else MatchIssueReason.AMBIGUOUS
    if not same or reasons.of(issue) is not reason:
        reasons.give(issue, reason)
        await set_candidates(tx, issue, fitting)


async def offer_both(
    tx: Tx, organisation: OrganisationCopy, xero_id: UUID, contact_ids: Sequence[UUID]
) -> None:
    """Offer these contacts in one issue for the survivor of a merge, in addition to the candidates that the issue has
    already.

    Nothing happens if fewer than two of the contacts are in use.
    """
    await tx.session.flush()
    issue = await find_open(tx, organisation.id, xero_id)
    held = await _held_candidates(tx, [issue.id]) if issue else {}
    offered = {*contact_ids, *(one.contact_id for shown in held.values() for one in shown)}
    fitting = await find_candidates(tx, organisation, xero_id, list(offered))
    fitting = [one for one in fitting if one.fit.cid in offered]
    if len(fitting) < 2:
        return
    if issue is None:
        issue = MatchIssue(
            workspace_id=tx.workspace, id=uuid4(), organisation_id=organisation.id, xero_contact_id=xero_id,
            reason=MatchIssueReason.AMBIGUOUS, state=MatchIssueState.OPEN, score=0, merged=True, created_at=tx.now,
        )  # fmt: skip
        tx.session.add(issue)
        await tx.session.flush()
        activity.record(
            tx, ActivityKind.ISSUE_OPENED, "Two linked contacts were merged in Xero. A person decides which link stays.",
            organisation=organisation.id, issue=issue.id,
        )  # fmt: skip
    issue.merged = True
    reasons.give(issue, MatchIssueReason.AMBIGUOUS)
    await set_candidates(tx, issue, fitting)


async def follow_merges(tx: Tx, organisation: OrganisationCopy, merges: Mapping[UUID, UUID]) -> None:
    """Move the issues of earlier merges to the survivors of these merges (loser: survivor, mirror's ids)."""
    for loser_id in await tx.ids(
        "select xero_contact_id from match_issue where workspace_id = :ws and organisation_id = :organisation"
        " and xero_contact_id = any(:losers) and state = 'OPEN' and merged order by id",
        organisation=organisation.id, losers=list(merges),
    ):  # fmt: skip
        await _follow_merge(tx, organisation, loser_id, merges[loser_id])


async def _follow_merge(tx: Tx, organisation: OrganisationCopy, loser_id: UUID, survivor_id: UUID) -> None:
    issue = await find_open(tx, organisation.id, loser_id)
    if issue is None or not issue.merged:
        return
    held = [one.contact_id for one in (await _held_candidates(tx, [issue.id])).get(issue.id, [])]
    resolve(tx, issue, MatchResolution.OBSOLETE, None, "was merged again")
    await offer_both(tx, organisation, survivor_id, held)


async def find_open(tx: Tx, organisation_id: UUID, xero_id: UUID) -> MatchIssue | None:
    found = await tx.session.scalars(
        select(MatchIssue)
        .where(
            col(MatchIssue.workspace_id) == tx.workspace,
            col(MatchIssue.organisation_id) == organisation_id,
            col(MatchIssue.xero_contact_id) == xero_id,
            col(MatchIssue.state) == MatchIssueState.OPEN,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def _held_candidates(tx: Tx, issues: Sequence[UUID]) -> dict[UUID, list[ShownCandidate]]:
    rows = await tx.session.scalars(
        select(MatchCandidate)
        .where(MatchCandidate.workspace_id == tx.workspace, col(MatchCandidate.issue_id).in_(issues))
        .execution_options(populate_existing=True)
    )
    held: dict[UUID, list[ShownCandidate]] = {}
    for row in rows:
        one = ShownCandidate(
            row.contact_id,
            row.score,
            row.name_matches,
            row.email_matches,
            row.evidence,
            row.confidence,
            row.sure,
        )
        held.setdefault(row.issue_id, []).append(one)
    return held


async def find_candidates(
    tx: Tx, organisation: OrganisationCopy, xero_id: UUID, kept: Sequence[UUID]
) -> list[Candidate]:
    """Contacts that fit by name or email now, and the former candidates in `kept`, best first."""
    fits = await tx.read(
        candidates.Fit,
        "select x.id as xid, x.name as xero_name, c.id as cid, coalesce(c.name_key = x.name_key, false) as nm,"
        " coalesce(c.email_key = x.email_key, false) as em, l.id as link_id,"
        f" {sql_differing('x.identifier_keys', 'c.identifier_keys')} as differs,"
        " x.identifier_keys && c.identifier_keys as num"
        " from xero_contact x join contact c on c.workspace_id = :ws and c.archived_at is null"
        " and (c.name_key = x.name_key or c.email_key = x.email_key or c.id = any(:kept))"
        " left join sync_link l on l.workspace_id = :ws and l.contact_id = c.id and l.organisation_id = :organisation"
        f" and l.state in {ACTIVE}"
        " where x.workspace_id = :ws and x.id = :xero order by nm desc, em desc, c.id limit 25",
        organisation=organisation.id, xero=xero_id, kept=list(kept),
    )  # fmt: skip
    return (await candidates.rank(tx, organisation, fits)).get(xero_id, [])


async def set_candidates(tx: Tx, issue: MatchIssue, fitting: Sequence[Candidate]) -> None:
    await tx.run("delete from match_candidate where workspace_id = :ws and issue_id = :id", id=issue.id)
    await candidates.insert_candidates(tx, {issue.id: fitting})
    issue.score = float(fitting[0].score)
    issue.version += 1
    await tx.session.flush()
    tx.publish(EventKind.MATCH_ISSUE, issue.id, organisation=issue.organisation_id)


def resolve(tx: Tx, issue: MatchIssue, resolution: MatchResolution, link_id: UUID | None, verb: str) -> None:
    issue.state, issue.resolution, issue.link_id = MatchIssueState.RESOLVED, resolution, link_id
    issue.resolved_at, issue.resolved_by = tx.now, tx.actor.as_json()
    issue.version += 1
    activity.record(
        tx,
        ActivityKind.ISSUE_RESOLVED,
        f"A Xero contact {verb}.",
        organisation=issue.organisation_id,
        issue=issue.id,
        link=link_id,
    )
    tx.publish(EventKind.MATCH_ISSUE, issue.id, organisation=issue.organisation_id)
    tx.publish(EventKind.CONNECTION, issue.organisation_id, organisation=issue.organisation_id)


def _included(organisation: OrganisationCopy) -> str:
    return matching_plan.included(organisation.matching_filter)
