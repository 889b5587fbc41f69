"""The candidates of a match issue: the contacts that fit a mirror row, ranked, with the evidence that people see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from domain.connection.organisation_copy import OrganisationCopy
from domain.matching import comparison
from domain.matching.sure import sure_of
from domain.names.similarity import Comparison
from domain.tables import MatchCandidate, MatchIssueReason
from domain.tx import Tx

MOST_CANDIDATES = 10


class Fit(NamedTuple):
    """A contact that fits a mirror row. `nm`: the name is equal. `em`: the email is equal. `link_id`: the contact's active
    link in the organisation. `differs`: two valid official numbers of one kind differ. `num`: an official number is equal."""

    xid: UUID
    cid: UUID
    nm: bool
    em: bool
    link_id: UUID | None
    differs: bool
    num: bool
    xero_name: str


# Columns of a row `f` of the plan's `fitting`, with its mirror row `x`.
FIT = "f.xid, f.cid, f.nm, f.em, f.link_id, f.differs, f.num, x.name as xero_name"


@dataclass(frozen=True)
class Candidate:
    """`sure`: the candidate may be confirmed without a look, as far as its issue shows (domain.matching.sure)."""

    fit: Fit
    score: float
    evidence: list[str]
    confidence: float
    sure: bool


class ShownCandidate(NamedTuple):
    """A candidate as the columns of `match_candidate` hold it."""

    contact_id: UUID
    score: float
    name_matches: bool
    email_matches: bool
    evidence: list[str]
    confidence: float
    sure: bool


def reason(candidates: Sequence[Candidate]) -> MatchIssueReason:
    """The reason by the contacts that fit by name, email or official number. Near-duplicates beside them change no reason."""
    fits = [one.fit for one in candidates]
    if not any(fit.nm or fit.em for fit in fits):
        return MatchIssueReason.SIMILAR
    fits = [fit for fit in fits if fit.nm or fit.em or fit.num]
    equal = [fit for fit in fits if fit.nm and fit.em]
    if len(equal) == 1 and equal[0].differs and equal[0].link_id is None:
        return MatchIssueReason.IDENTIFIER_DIFFERS
    first = fits[0]
    if len(fits) > 1 or first.link_id is not None or (first.nm and first.em):
        return MatchIssueReason.AMBIGUOUS
    return MatchIssueReason.NAME_ONLY if first.nm else MatchIssueReason.EMAIL_ONLY


async def rank(tx: Tx, organisation: OrganisationCopy, fits: Sequence[Fit]) -> dict[UUID, list[Candidate]]:
    """The candidates of each mirror row with score and evidence: best first, and of equal scores linked ones last."""
    compared = await comparison.compare_pairs(tx, organisation, {(fit.xid, fit.cid) for fit in fits})
    by_xero: dict[UUID, list[Fit]] = {}
    for fit in fits:
        if (fit.xid, fit.cid) in compared:
            by_xero.setdefault(fit.xid, []).append(fit)
    return {
        xid: _ranked([(fit, compared[xid, fit.cid]) for fit in fitting]) for xid, fitting in by_xero.items()
    }


def _ranked(found: Sequence[tuple[Fit, Comparison]]) -> list[Candidate]:
    best = sure_of([(fit.cid, how, fit.link_id is not None) for fit, how in found])
    candidates = [
        Candidate(fit, how.score, list(how.evidence), how.confidence, fit.cid == best) for fit, how in found
    ]
    candidates.sort(key=lambda one: (-one.score, one.fit.link_id is not None, one.fit.cid))
    return candidates


def shown_candidates(candidates: Sequence[Candidate]) -> list[ShownCandidate]:
    """The candidates that the issue shows, the best first."""
    return [
        ShownCandidate(
            one.fit.cid, float(one.score), one.fit.nm, one.fit.em, one.evidence, one.confidence, one.sure
        )
        for one in candidates[:MOST_CANDIDATES]
    ]


async def insert_candidates(tx: Tx, by_issue: Mapping[UUID, Sequence[Candidate]]) -> None:
    rows = [
        {"workspace_id": tx.workspace, "issue_id": issue_id, **shown._asdict()}
        for issue_id, candidates in by_issue.items()
        for shown in shown_candidates(candidates)
    ]
    await tx.insert(MatchCandidate, rows)
