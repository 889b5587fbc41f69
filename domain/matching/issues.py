"""Match issues: the decisions of a person, and which open issues are evaluated again when a contact changes.

A decision of a person is kept, and is never made again automatically. Locks are taken in this order: organisation,
contacts, links, issues.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from sqlmodel import col, select

from domain import activity, bulk
from domain.activity import Change
from domain.connection import organisation_copy
from domain.connection.organisation_copy import OrganisationCopy
from domain.contacts import edits as contact_edits
from domain.decisions import kept_apart, reimport_marks
from domain.fields.merge import Winner
from domain.links import ending
from domain.links import link as links
from domain.links import starting as link_starting
from domain.links.starting import Pair
from domain.matching import both_sides, candidates, issue_review, near_duplicates, reasons
from domain.matching import plan as matching_plan
from domain.mirror import xero_contacts
from domain.problems import Code, Refused, not_found, refuse, stale
from domain.tables import (
    ActivityKind,
    EventKind,
    LinkOrigin,
    MatchIssue,
    MatchIssueState,
    MatchResolution,
    SyncedField,
)
from domain.tx import Tx

MAX_ROUNDS = 5


@dataclass(frozen=True)
class Outcome:
    """The result of a decision. `activity_id` is the history entry with the changes. `also_closed`: other issues that ended
    because of the decision."""

    issue_id: UUID
    link_id: UUID | None = None
    activity_id: UUID | None = None
    deleted_link_ids: tuple[UUID, ...] = ()
    also_closed: tuple[UUID, ...] = ()
    changes: tuple[Change, ...] = field(default=())


async def confirm(
    tx: Tx,
    issue_id: UUID,
    contact_id: UUID,
    *,
    version: int | None = None,
    contact_version: int | None = None,
    keep_practice: Sequence[SyncedField] = (),
) -> Outcome:
    """Link the issue's Xero contact with this contact, which need not be a candidate.

    Xero's values overwrite the contact's, except the fields in `keep_practice`.
    """
    issue, organisation = await _lock_organisation(tx, issue_id)
    contact = await contact_edits.lock(tx, contact_id, "contactId")
    issue = await _open(tx, issue, version)
    if contact_version is not None and contact_version != contact.version:
        raise stale("contact", "contactVersion")
    if issue.merged and (kept := await both_sides.find_link(tx, issue, contact_id)):
        issue_review.resolve(tx, issue, MatchResolution.CONFIRMED, kept, "was confirmed")
        return Outcome(issue_id, kept)
    if contact.archived_at is not None:
        raise refuse(
            Code.WRONG_STATE, "This contact is archived. Bring it back with updateContact first.", "contactId"
        )
    if await both_sides.is_linked(tx, organisation.id, contact_id):
        raise refuse(
            Code.ALREADY_LINKED,
            "This contact is linked in this organisation already. Unsync that link first, or choose another contact.",
            "contactId",
        )
    await both_sides.require_free_xero_contact(tx, organisation.id, issue.xero_contact_id)
    gone = await ending.end_contradicting(tx, organisation.id, contact_id, issue.xero_contact_id)
    winners = dict.fromkeys(keep_practice, Winner.PRACTICE)
    pair = Pair(
        contact_id, issue.xero_contact_id, LinkOrigin.CONFIRMED, Winner.XERO, winners, named_by="contactId"
    )
    [started] = await link_starting.start(tx, organisation, [pair])
    issue_review.resolve(tx, issue, MatchResolution.CONFIRMED, started.link_id, "was confirmed")
    also = await _evaluate(tx, contact_id, but=issue_id)
    return Outcome(issue_id, started.link_id, started.activity_id, gone, also)


async def create_separate(tx: Tx, issue_id: UUID, *, version: int | None = None) -> Outcome:
    """Create a separate contact from Xero's data. Every candidate shown is kept apart from the Xero contact."""
    issue, organisation = await _lock_organisation(tx, issue_id)
    issue = await _open(tx, issue, version)
    await both_sides.require_free_xero_contact(tx, organisation.id, issue.xero_contact_id)
    await tx.run(
        "insert into set_apart (workspace_id, organisation_id, xero_contact_id, contact_id, at)"
        " select :ws, x.organisation_id, x.xero_contact_id, c.contact_id, :now from match_candidate c"
        " join xero_contact x on x.workspace_id = :ws and x.id = :xero"
        " where c.workspace_id = :ws and c.issue_id = :issue on conflict do nothing",
        xero=issue.xero_contact_id, issue=issue_id,
    )  # fmt: skip
    rows = await xero_contacts.read(tx, [issue.xero_contact_id])
    [started] = await matching_plan.create_from_xero(tx, organisation, list(rows.values()), None)
    gone = await ending.end_contradicting(tx, organisation.id, started.pair.contact_id, issue.xero_contact_id)
    issue.created_contact_id = started.pair.contact_id
    issue_review.resolve(
        tx, issue, MatchResolution.CREATED_SEPARATE, started.link_id, "got a contact of its own"
    )
    also = await _evaluate(tx, started.pair.contact_id, but=issue_id)
    return Outcome(issue_id, started.link_id, started.activity_id, gone, also)


async def ignore(tx: Tx, issue_id: UUID, *, version: int | None = None) -> Outcome:
    issue, _ = await _lock_organisation(tx, issue_id)
    issue_review.resolve(tx, await _open(tx, issue, version), MatchResolution.IGNORED, None, "is ignored")
    return Outcome(issue_id)


async def reopen(tx: Tx, issue_id: UUID, *, version: int | None = None) -> Outcome:
    """Take back IGNORED or CREATED_SEPARATE. The link of the separate contact is deleted; the contact becomes a candidate.

    From now on only a person matches this Xero contact.
    """
    issue, organisation = await _lock_organisation(tx, issue_id)
    issue = await _lock(tx, issue, version)
    if issue.resolution not in (MatchResolution.IGNORED, MatchResolution.CREATED_SEPARATE):
        raise refuse(
            Code.WRONG_STATE,
            "Only an issue that ended as IGNORED or CREATED_SEPARATE can be reopened.",
            "issueId",
        )
    gone: UUID | None = None
    if issue.resolution is MatchResolution.CREATED_SEPARATE:
        gone = await _unmake(tx, issue)
    await both_sides.require_free_xero_contact(tx, organisation.id, issue.xero_contact_id)
    former = await tx.ids(
        "select contact_id from match_candidate where workspace_id = :ws and issue_id = :issue",
        issue=issue_id,
    )
    kept = former + ([issue.created_contact_id] if issue.created_contact_id else [])
    await kept_apart.forget_apart(tx, organisation.id, issue.xero_contact_id, kept)
    await reimport_marks.lift(tx, organisation.id, issue.xero_contact_id)
    fitting = await issue_review.find_candidates(tx, organisation, issue.xero_contact_id, kept)
    if not fitting:
        raise refuse(
            Code.WRONG_STATE,
            "None of the issue's candidates exists any more, so there is nothing to decide.",
            "issueId",
        )
    issue.state, issue.resolution, issue.reopened = MatchIssueState.OPEN, None, True
    issue.resolved_at = issue.resolved_by = issue.link_id = None
    reasons.give(issue, candidates.reason(fitting))
    await issue_review.set_candidates(tx, issue, fitting)
    entry = activity.record(
        tx,
        ActivityKind.ISSUE_OPENED,
        "A decision was taken back.",
        organisation=organisation.id,
        issue=issue_id,
    )
    return Outcome(issue_id, None, entry, (gone,) if gone else ())


@asynccontextmanager
async def evaluating(tx: Tx) -> AsyncIterator[set[UUID]]:
    """Surround a change of contacts. The caller adds the ids of the changed contacts to the set.

    At the end, the open issues that these contacts began or ceased to fit are evaluated again. The locks of all
    organisations are taken first.
    """
    for organisation_id in await tx.ids(
        "select id from organisation where workspace_id = :ws and started_at is not null order by id"
    ):
        await xero_contacts.lock(tx, organisation_id)
    touched: set[UUID] = set()
    yield touched
    await evaluate_contacts(tx, list(touched))


class Touching(Protocol):
    """The result of an action. `contact_ids` are the contacts that began or ceased to fit an issue."""

    @property
    def contact_ids(self) -> tuple[UUID, ...]: ...


Item = TypeVar("Item")
Acted = TypeVar("Acted", bound=Touching)


async def each(
    tx: Tx,
    rows: Sequence[Item],
    act: Callable[[Item], Awaitable[Acted]],
    *,
    link_ids: Sequence[UUID] = (),
    contact_ids: Sequence[UUID] = (),
) -> list[Acted | Refused]:
    """Do a person's action for each row. A refused row leaves the others done.

    All locks are taken first, in their order. At the end, the open issues of all contacts that were changed are
    evaluated again.
    """
    async with evaluating(tx) as touched:
        await links.lock_all(tx, link_ids, contact_ids)
        results = await bulk.each(tx, rows, act)
        for result in results:
            if not isinstance(result, Refused):
                touched.update(result.contact_ids)
    return results


async def linked(tx: Tx, organisation_id: UUID, xero_contact_id: UUID, link_id: UUID) -> None:
    """Resolve the open issue of this Xero contact: a person has linked the Xero contact elsewhere."""
    issue = await issue_review.find_open(tx, organisation_id, xero_contact_id)
    if issue is not None:
        issue_review.resolve(tx, issue, MatchResolution.CONFIRMED, link_id, "was linked by hand")
        await tx.session.flush()


class _Offering(NamedTuple):
    """An open issue that offers a contact. `others`: the issue has other candidates too."""

    organisation_id: UUID
    xero_contact_id: UUID
    reopened: bool
    name_matches: bool
    others: bool


async def contact_goes(tx: Tx, contact_id: UUID, *, reimport: bool) -> dict[UUID, list[UUID]]:
    """Prepare the deletion of a contact. Returns the Xero contacts, by organisation, whose issues to evaluate afterwards.

    An open issue ends if this contact is its only candidate, and fitted by name or was the reason for a reopening. Its
    Xero contact then gets a re-import mark, so that the next import does not bring back what a person deleted. With
    `reimport`, no mark is set.
    """
    rows = await tx.read(
        _Offering,
        "select i.organisation_id, i.xero_contact_id, i.reopened, c.name_matches, exists (select 1 from"
        " match_candidate o where o.workspace_id = :ws and o.issue_id = i.id and o.contact_id <> :contact) as others"
        " from match_candidate c join match_issue i on i.workspace_id = :ws and i.id = c.issue_id and i.state = 'OPEN'"
        " where c.workspace_id = :ws and c.contact_id = :contact order by i.id",
        contact=contact_id,
    )
    to_evaluate: dict[UUID, list[UUID]] = {}
    for row in rows:
        if row.others or not (row.reopened or (row.name_matches and not reimport)):
            to_evaluate.setdefault(row.organisation_id, []).append(row.xero_contact_id)
            continue
        if not reimport:
            await reimport_marks.mark(tx, row.organisation_id, [row.xero_contact_id])
        issue = await issue_review.find_open(tx, row.organisation_id, row.xero_contact_id)
        if issue is not None:
            issue_review.resolve(tx, issue, MatchResolution.OBSOLETE, None, "lost its only candidate")
    await tx.session.flush()
    return to_evaluate


async def evaluate_contacts(tx: Tx, ids: Sequence[UUID]) -> None:
    """Evaluate the open issues that these contacts fit or fitted. The next run looks up near-duplicates again."""
    if not ids:
        return
    xeros = await _fitting_issues(tx, ids)
    for organisation_id in xeros:
        await near_duplicates.rescore(tx, await organisation_copy.get(tx, organisation_id), ids)
    await near_duplicates.request_lookups(tx, ids)
    await evaluate_all(tx, xeros)


async def _evaluate(tx: Tx, contact_id: UUID, but: UUID) -> tuple[UUID, ...]:
    """`evaluate_contacts` after a decision. Returns the other issues that ended, without the issue `but`."""
    before = dict(tx.events)
    await evaluate_contacts(tx, [contact_id])
    changed = [
        UUID(subject)
        for (kind, subject), event in tx.events.items()
        if kind is EventKind.MATCH_ISSUE and event is not before.get((kind, subject))
    ]
    found = await tx.session.scalars(
        select(MatchIssue.id)
        .where(
            MatchIssue.workspace_id == tx.workspace,
            col(MatchIssue.id).in_(changed),
            MatchIssue.id != but,
            MatchIssue.state == MatchIssueState.RESOLVED,
        )
        .order_by(col(MatchIssue.id))
    )
    return tuple(found)


async def evaluate_sharing(
    tx: Tx, organisation: OrganisationCopy, keys: Sequence[str], but: Sequence[UUID]
) -> None:
    """Evaluate the open issues of the Xero contacts that have one of these names or emails, except those in `but`.

    Another contact began or ceased to share the key, and a full match must be the only one on both sides.
    """
    xeros = await tx.ids(
        "select i.xero_contact_id from match_issue i join xero_contact x on x.workspace_id = :ws"
        " and x.id = i.xero_contact_id where i.workspace_id = :ws and i.organisation_id = :organisation"
        " and i.state = 'OPEN' and (x.name_key = any(:keys) or x.email_key = any(:keys)) and x.id <> all(:but)",
        organisation=organisation.id, keys=list(keys), but=list(but),
    )  # fmt: skip
    await evaluate_all(tx, {organisation.id: xeros})


async def evaluate_filter(tx: Tx, organisation_id: UUID) -> None:
    """Evaluate after a change of the filter. The issue of an excluded Xero contact ends.

    An issue that a person had reopened comes back if its Xero contact is included again.
    """
    await xero_contacts.lock(tx, organisation_id)
    xeros = await tx.ids(
        "select xero_contact_id from match_issue where workspace_id = :ws and organisation_id = :organisation"
        " and (state = 'OPEN' or reopened)",
        organisation=organisation_id,
    )
    await evaluate_all(tx, {organisation_id: xeros})


async def evaluate_all(tx: Tx, xeros: Mapping[UUID, Sequence[UUID]]) -> None:
    """Evaluate the open issues of these Xero contacts, by organisation, and then the issues that the results touch.

    The rounds end after MAX_ROUNDS.
    """
    for _ in range(MAX_ROUNDS):
        touched: set[UUID] = set()
        for organisation_id, ids in xeros.items():
            if ids:
                touched |= await issue_review.evaluate(
                    tx, await organisation_copy.get(tx, organisation_id), ids
                )
        xeros = await _fitting_issues(tx, list(touched))
        if not xeros:
            return


class _Asking(NamedTuple):
    """The columns of an open issue that its evaluation needs."""

    organisation_id: UUID
    xero_contact_id: UUID


async def _fitting_issues(tx: Tx, ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The Xero contacts, by organisation, whose open issues these contacts fit or fitted."""
    if not ids:
        return {}
    rows = await tx.read(
        _Asking,
        "select distinct i.organisation_id, i.xero_contact_id from match_issue i"
        " join xero_contact x on x.workspace_id = :ws and x.id = i.xero_contact_id"
        " where i.workspace_id = :ws and i.state = 'OPEN' and ("
        " exists (select 1 from match_candidate c where c.workspace_id = :ws and c.issue_id = i.id"
        "         and c.contact_id = any(:ids))"
        " or exists (select 1 from contact p where p.workspace_id = :ws and p.id = any(:ids)"
        "            and (p.name_key = x.name_key or p.email_key = x.email_key)))",
        ids=list(ids),
    )
    by_organisation: dict[UUID, list[UUID]] = {}
    for row in rows:
        by_organisation.setdefault(row.organisation_id, []).append(row.xero_contact_id)
    return by_organisation


async def evaluate(tx: Tx, organisation: OrganisationCopy, xero_ids: Sequence[UUID]) -> None:
    """`evaluate_all` for one organisation."""
    await evaluate_all(tx, {organisation.id: xero_ids})


async def _lock_organisation(tx: Tx, issue_id: UUID) -> tuple[MatchIssue, OrganisationCopy]:
    """Lock the issue's organisation. The issue itself is not locked."""
    issue = await tx.session.get(MatchIssue, (tx.workspace, issue_id))
    if issue is None:
        raise Refused([not_found("match issue", "issueId")])
    await xero_contacts.lock(tx, issue.organisation_id)
    return issue, await organisation_copy.get(tx, issue.organisation_id)


async def _lock(tx: Tx, issue: MatchIssue, version: int | None) -> MatchIssue:
    await tx.session.refresh(issue, with_for_update=True)
    if version is not None and version != issue.version:
        raise stale("match issue")
    return issue


async def _open(tx: Tx, issue: MatchIssue, version: int | None) -> MatchIssue:
    await tx.session.refresh(issue, with_for_update=True)
    if issue.state is not MatchIssueState.OPEN:
        raise refuse(
            Code.ALREADY_DECIDED,
            "This match issue is closed already. Read the list of issues again.",
            "issueId",
        )
    return await _lock(tx, issue, version)


async def _unmake(tx: Tx, issue: MatchIssue) -> UUID:
    held = await links.lock_links(tx, [issue.link_id]) if issue.link_id else []
    link = next(iter(held), None)
    if link is None or not links.is_active(link) or link.contact_id != issue.created_contact_id:
        raise refuse(
            Code.WRONG_STATE,
            "The link that this decision made was changed or deleted since. Use unsync on the contact's link instead.",
            "issueId",
        )
    link_id = link.id
    issue.link_id = None
    await tx.session.flush()
    await ending.remove(tx, link_id, "A separate contact was taken back.")
    return link_id
