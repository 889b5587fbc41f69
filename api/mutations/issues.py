"""Mutations by which a person decides match issues."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.declared import mutation
from api.mutations.payloads import MOST_ROWS, Payload, UserError, given, row_errors, write, wrong_count
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ValueChange
from api.schema.issues import MatchIssue
from api.schema.links import SyncLink
from api.schema.organisations import XeroOrganisation
from api.schema.refs import ACTIVITY_EVENT, MATCH_ISSUE, SYNC_LINK, XERO_ORGANISATION
from domain import bulk
from domain.contacts import edits as contact_edits
from domain.matching import issues
from domain.matching import sure as sure_matches
from domain.matching.issues import Outcome
from domain.matching.sure import SureMatch
from domain.problems import Code, Problem, Refused
from domain.tables import MatchIssueState, Scope, SyncedField
from domain.tx import Tx


@strawberry.input(description="A match issue, and the practice contact that is the same client.")
class ConfirmMatchInput:
    issue_id: strawberry.ID = strawberry.field(description="The id of the match issue to decide.")
    contact_id: strawberry.ID = strawberry.field(
        description="The practice contact to link. It need not be a candidate, but must be free in this"
        " organisation."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The issue's `version` that the person saw. If the issue has changed since, the"
        " mutation is refused (STALE_VERSION). Left out: no check.",
    )
    contact_version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The contact's `version` that the person saw. If the contact has changed since, the"
        " mutation is refused (STALE_VERSION). Left out: no check.",
    )
    keep_practice: list[SyncedField] = strawberry.field(
        default_factory=list,
        description="Fields whose practice value is kept and sent to Xero. For all others Xero's value"
        " overwrites the practice's.",
    )


@strawberry.input(description="Which match issue to decide, and the version that the person saw.")
class MatchIssueInput:
    issue_id: strawberry.ID = strawberry.field(description="The global id of the match issue to decide.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the issue has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )


@strawberry.input(
    description="The organisation whose sure match issues to confirm, and how many a person has seen."
)
class ConfirmSureInput:
    organisation_id: strawberry.ID = strawberry.field(
        description="The organisation whose open issues are meant; issues of other organisations stay as they are."
    )
    count: int = strawberry.field(
        description="The `count` of `sureMatchesPreview`. If there are more or fewer sure issues now, nothing is confirmed"
        " (STALE_VERSION)."
    )


@strawberry.input(
    description="Decisions about many match issues: at most one for each issue, and at most 500 together."
)
class ResolveMatchIssuesInput:
    confirm: list[ConfirmMatchInput] = strawberry.field(
        default_factory=list, description="Issues to confirm, each with its practice contact."
    )
    create_separate: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Ids of issues whose Xero contact becomes a new practice contact."
    )
    ignore: list[strawberry.ID] = strawberry.field(
        default_factory=list,
        description="Ids of issues whose Xero contact is neither linked nor imported, until the issue is"
        " reopened.",
    )
    confirm_sure: ConfirmSureInput | None = strawberry.field(
        default=strawberry.UNSET,
        description="Confirms the open issues of the organisation whose best candidate is sure, at most 500 of them in one"
        " call: with more, read the preview and call again. Give no other decision in the same call.",
    )


@strawberry.type(description="The answer to a decision about one match issue.")
class MatchPayload(Payload):
    issue_id: strawberry.ID = strawberry.field(
        description="The id that the input gave, also if the decision was refused."
    )
    closed_issue_id: strawberry.ID | None = strawberry.field(
        description="The id of the issue if this decision closed it, for caches that remove a row by it. Null if the"
        " decision was refused, or if the issue is open now."
    )
    also_closed_issue_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of other issues that this decision closed, because the contact was their last free candidate."
        " A client removes these issues from its cache. Empty if the decision was refused."
    )
    issue: MatchIssue | None = strawberry.field(
        description="The issue after the mutation; unchanged if it was refused. Null if the id is unknown."
    )
    organisation: XeroOrganisation | None = strawberry.field(
        description="The organisation of the issue, whose `summary` counts the open issues and links after the decision."
        " Null if the id is unknown."
    )
    link: SyncLink | None = strawberry.field(
        description="The link that the decision made. Null if it made none."
    )
    deleted_link_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of links that the decision deleted, for removal from caches."
    )
    changes: list[ValueChange] = strawberry.field(
        description="The values that were overwritten or filled in. restoreValue can bring lost ones back."
    )


@strawberry.type(description="The answer to decisions about many match issues.")
class ResolveMatchIssuesPayload(Payload):
    results: list[MatchPayload] = strawberry.field(
        description="One result for each decision: those of `confirm`, then `createSeparate`, then"
        " `ignore`, each in the order of the input."
    )


Decision = Callable[[Tx], Awaitable[Outcome]]


def _confirming(input: ConfirmMatchInput) -> Decision:
    async def decide(tx: Tx) -> Outcome:
        return await issues.confirm(
            tx,
            ids.get("MatchIssue", input.issue_id, "issueId"),
            ids.get("Contact", input.contact_id, "contactId"),
            version=given(input.version),
            contact_version=given(input.contact_version),
            keep_practice=input.keep_practice,
        )

    return decide


def _deciding(
    rule: Callable[..., Awaitable[Outcome]], issue_id: strawberry.ID, version: int | None = None
) -> Decision:
    async def decide(tx: Tx) -> Outcome:
        return await rule(tx, ids.get("MatchIssue", issue_id, "issueId"), version=given(version))

    return decide


async def _payload(
    context: Context, issue_id: strawberry.ID, outcome: Outcome | None, errors: list[UserError]
) -> MatchPayload:
    key = ids.find("MatchIssue", issue_id)
    issue_loading = load(context, MATCH_ISSUE, key) if key else None
    link_loading = load(context, SYNC_LINK, outcome.link_id) if outcome and outcome.link_id else None
    event_loading = (
        load(context, ACTIVITY_EVENT, outcome.activity_id) if outcome and outcome.activity_id else None
    )
    issue = await issue_loading if issue_loading else None
    link = await link_loading if link_loading else None
    activity = await event_loading if event_loading else None
    return MatchPayload(
        issue_id=issue_id,
        closed_issue_id=issue_id if outcome and issue and issue.state is MatchIssueState.RESOLVED else None,
        also_closed_issue_ids=[ids.encode("MatchIssue", other) for other in outcome.also_closed]
        if outcome
        else [],
        issue=issue,
        organisation=await load(context, XERO_ORGANISATION, issue.row.organisation_id) if issue else None,
        link=link,
        deleted_link_ids=[ids.encode("SyncLink", gone) for gone in outcome.deleted_link_ids]
        if outcome
        else [],
        changes=activity.changes if activity else [],
        user_errors=errors,
    )


async def _one(context: Context, issue_id: strawberry.ID, decide: Decision) -> MatchPayload:
    outcome = await write(context, decide)
    return await _payload(context, issue_id, outcome.done, outcome.errors)


async def _all(tx: Tx, decisions: Sequence[Decision], contacts: Sequence[UUID]) -> list[Outcome | Refused]:
    """Carry out each decision on its own, after all organisations and contacts have been locked, in the order of locks."""
    async with issues.evaluating(tx):
        await contact_edits.lock_all(tx, contacts)
        return await bulk.each(tx, decisions, lambda decide: decide(tx))


def _place(result: Outcome | Refused, at: tuple[str, ...]) -> list[UserError]:
    """The errors of a decision. In lists of bare ids the path ends with the row: there is no field below it."""
    if isinstance(result, Refused) and at[0] != "confirm":
        result = Refused([Problem(one.code, one.message) for one in result.problems])
    return row_errors(result, *at)


async def _confirm_sure(
    context: Context, input: ResolveMatchIssuesInput, sure: ConfirmSureInput
) -> ResolveMatchIssuesPayload:
    if input.confirm or input.create_separate or input.ignore:
        error = UserError(
            code=Code.INVALID,
            message="Give `confirmSure` alone: the count that a person has seen holds for no other decision.",
            path=["confirmSure"],
        )
        return ResolveMatchIssuesPayload(results=[], user_errors=[error])

    async def confirm(tx: Tx) -> list[tuple[SureMatch, Outcome | Refused]]:
        organisation = ids.get("XeroOrganisation", sure.organisation_id, "confirmSure", "organisationId")
        matches = await sure_matches.claim(tx, organisation, sure.count, MOST_ROWS)
        decisions = [
            partial(issues.confirm, issue_id=one.issue_id, contact_id=one.contact_id, version=one.version)
            for one in matches
        ]
        return list(zip(matches, await _all(tx, decisions, [one.contact_id for one in matches]), strict=True))

    outcome = await write(context, confirm)
    loading = [
        _payload(
            context,
            ids.encode("MatchIssue", match.issue_id),
            result if isinstance(result, Outcome) else None,
            row_errors(result),
        )
        for match, result in outcome.done or []
    ]
    return ResolveMatchIssuesPayload(results=await asyncio.gather(*loading), user_errors=outcome.errors)


@strawberry.type
class MatchIssueMutations:
    @mutation(
        Scope.WRITE,
        "Links the Xero contact of a match issue to a practice contact. Xero's values overwrite the"
        " practice's, except for the fields in `keepPractice`.",
    )
    async def confirm_match(self, info: Info[Context, None], input: ConfirmMatchInput) -> MatchPayload | None:
        return await _one(info.context, input.issue_id, _confirming(input))

    @mutation(
        Scope.WRITE,
        "Creates a new practice contact from the Xero contact of a match issue, and links the two. The"
        " candidates are never offered for it again.",
    )
    async def create_separate_contact(
        self, info: Info[Context, None], input: MatchIssueInput
    ) -> MatchPayload | None:
        decide = _deciding(issues.create_separate, input.issue_id, input.version)
        return await _one(info.context, input.issue_id, decide)

    @mutation(
        Scope.WRITE,
        "Decides many match issues. Each decision succeeds or is refused on its own.",
    )
    async def resolve_match_issues(
        self, info: Info[Context, None], input: ResolveMatchIssuesInput
    ) -> ResolveMatchIssuesPayload | None:
        context = info.context
        if (sure := given(input.confirm_sure)) is not None:
            return await _confirm_sure(context, input, sure)
        rows = [
            *((one.issue_id, _confirming(one), ("confirm", str(n))) for n, one in enumerate(input.confirm)),
            *(
                (one, _deciding(issues.create_separate, one), ("createSeparate", str(n)))
                for n, one in enumerate(input.create_separate)
            ),
            *((one, _deciding(issues.ignore, one), ("ignore", str(n))) for n, one in enumerate(input.ignore)),
        ]
        errors = wrong_count(len(rows))
        if errors:
            return ResolveMatchIssuesPayload(results=[], user_errors=errors)
        contacts = [key for one in input.confirm if (key := ids.find("Contact", one.contact_id))]
        outcome = await write(context, lambda tx: _all(tx, [decide for _, decide, _ in rows], contacts))
        loading = [
            _payload(context, issue_id, result if isinstance(result, Outcome) else None, _place(result, at))
            for (issue_id, _, at), result in zip(rows, outcome.done or [], strict=True)
        ]
        return ResolveMatchIssuesPayload(results=await asyncio.gather(*loading), user_errors=[])

    @mutation(
        Scope.WRITE,
        "Takes back IGNORED or CREATED_SEPARATE. The link that was made is deleted; the contact that was"
        " made stays and becomes a candidate.",
    )
    async def reopen_match_issue(
        self, info: Info[Context, None], input: MatchIssueInput
    ) -> MatchPayload | None:
        return await _one(
            info.context, input.issue_id, _deciding(issues.reopen, input.issue_id, input.version)
        )
