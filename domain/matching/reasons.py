"""How the reason of a match issue is stored, so that the version before can read it while a rolling upgrade runs.

A reason that a release adds is stored in two columns: `reason` has a reason that the version before knows, and
`finer_reason` has the new one. A version reads `finer_reason` where it knows that value, and else `reason`. So no row stops
a version that does not know a reason: to that version the issue has the older reason. A finer reason counts only together
with the older reason of NEWER, because the version before changes `reason` alone.
"""

from domain.tables import MatchIssue, MatchIssueReason

Reason = MatchIssueReason
# Each reason that a release added, with the reason that a version without it reads. A row here stays for good.
NEWER = {Reason.IDENTIFIER_DIFFERS: Reason.AMBIGUOUS}


def stored(reason: MatchIssueReason) -> tuple[MatchIssueReason, str | None]:
    """The columns `reason` and `finer_reason` of an issue with this reason."""
    older = NEWER.get(reason)
    return (reason, None) if older is None else (older, str(reason))


def of(issue: MatchIssue) -> MatchIssueReason:
    return next(
        (
            newer
            for newer, older in NEWER.items()
            if (issue.reason, issue.finer_reason) == (older, str(newer))
        ),
        issue.reason,
    )


def give(issue: MatchIssue, reason: MatchIssueReason) -> None:
    issue.reason, issue.finer_reason = stored(reason)


def sql(i: str) -> str:
    """SQL: `of` for a row `i` of match_issue."""
    whens = " ".join(
        f"when {i}.reason = '{older}' and {i}.finer_reason = '{newer}' then '{newer}'"
        for newer, older in NEWER.items()
    )
    return f"(case {whens} else {i}.reason end)"
