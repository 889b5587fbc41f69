"""Mutations of match issues: what a person decides."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.auth.tokens import require
from api.context import Context
from api.mutations.payloads import Payload, UserError, given, rows_told, too_many, write
from api.relay import ids
from api.relay.loaders import load
from api.schema.activity import ValueChange
from api.schema.issues import MatchIssue
from api.schema.links import SyncLink
from domain import bulk
from domain.matching import issues
from domain.matching.issues import Outcome
from domain.problems import Problem, Refused
from domain.tables import Scope, SyncedField
from domain.tx import Tx

_WRITE = "Needs WRITE."


@strawberry.input(description="A match to confirm.")
class ConfirmMatchInput:
    issue_id: strawberry.ID = strawberry.field(description="The match issue's.")
    contact_id: strawberry.ID = strawberry.field(description="Whom it matches, candidate or not.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The issue's that was seen: STALE_VERSION if it has moved on."
    )
    contact_version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The contact's that was seen: STALE_VERSION if it has moved on."
    )
    keep_practice: list[SyncedField] = strawberry.field(
        default_factory=list, description="Fields for which the practice's value holds instead of Xero's."
    )


@strawberry.input(description="Which match issue.")
class MatchIssueInput:
    issue_id: strawberry.ID = strawberry.field(description="The match issue's.")
    version: int | None = strawberry.field(
        default=strawberry.UNSET, description="The one that was seen: STALE_VERSION if it has moved on."
    )


@strawberry.input(description="Decisions, at most one an issue and 500 together.")
class ResolveMatchIssuesInput:
    confirm: list[ConfirmMatchInput] = strawberry.field(
        default_factory=list, description="Issues to confirm, each with its contact."
    )
    create_separate: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Issues that get a contact of their own."
    )
    ignore: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Issues to leave alone until they are reopened."
    )


@strawberry.type(description="What became of one match issue.")
class MatchPayload(Payload):
    issue_id: strawberry.ID = strawberry.field(description="The input's, also where it was refused.")
    issue: MatchIssue | None = strawberry.field(description="As it stands now, also where it was refused.")
    link: SyncLink | None = strawberry.field(description="What was linked.")
    deleted_link_ids: list[strawberry.ID] = strawberry.field(description="Links that are gone.")
    changes: list[ValueChange] = strawberry.field(description="The values that moved.")


@strawberry.type(description="One result an issue.")
class ResolveMatchIssuesPayload(Payload):
    results: list[MatchPayload] = strawberry.field(
        description="For `confirm`, then `createSeparate`, then `ignore`, each in the order of the input."
    )


Decision = Callable[[Tx], Awaitable[Outcome]]


def _confirming(input: ConfirmMatchInput) -> Decision:
    async def decide(tx: Tx) -> Outcome:
        return await issues.confirm(
            tx,
            ids.take("MatchIssue", input.issue_id, "issueId"),
            ids.take("Contact", input.contact_id, "contactId"),
            version=given(input.version),
            contact_version=given(input.contact_version),
            keep_practice=input.keep_practice,
        )

    return decide


def _deciding(
    rule: Callable[..., Awaitable[Outcome]], issue_id: strawberry.ID, version: int | None = None
) -> Decision:
    async def decide(tx: Tx) -> Outcome:
        return await rule(tx, ids.take("MatchIssue", issue_id, "issueId"), version=given(version))

    return decide


async def _payload(
    context: Context, issue_id: strawberry.ID, outcome: Outcome | None, errors: list[UserError]
) -> MatchPayload:
    key = ids.find("MatchIssue", issue_id)
    event = outcome.activity_id if outcome else None
    loading: list[Any] = [
        load(context, name, wanted) if wanted else None
        for name, wanted in (
            ("MatchIssue", key),
            ("SyncLink", outcome.link_id if outcome else None),
            ("ActivityEvent", event),
        )
    ]
    issue, link, activity = [await one if one else None for one in loading]
    return MatchPayload(
        issue_id=issue_id,
        issue=issue,
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
    """All organisations and contacts are locked first, in the one order of locks."""
    async with issues.judging(tx):
        await tx.rows(
            "select id from contact where workspace_id = :ws and id = any(:ids) order by id for update",
            ids=list(contacts),
        )
        return await bulk.each(tx, decisions, lambda decide: decide(tx))


def _place(result: Outcome | Refused, at: tuple[str, ...]) -> list[UserError]:
    """Where rows are bare ids, the row itself is the place."""
    if isinstance(result, Refused) and at[0] != "confirm":
        result = Refused([Problem(one.code, one.message) for one in result.problems])
    return rows_told(result, *at)


@strawberry.type
class MatchIssueMutations:
    @strawberry.mutation(
        description="Links the two. Xero's values overwrite the practice's for the synced fields, unless `keepPractice`"
        f" names some. Any unlinked contact will do, candidate or not. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def confirm_match(self, info: Info[Context, None], input: ConfirmMatchInput) -> MatchPayload | None:
        return await _one(info.context, input.issue_id, _confirming(input))

    @strawberry.mutation(
        description=f"A practice contact of its own from Xero's data; the pair is never offered again. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def create_separate_contact(
        self, info: Info[Context, None], input: MatchIssueInput
    ) -> MatchPayload | None:
        decide = _deciding(issues.create_separate, input.issue_id, input.version)
        return await _one(info.context, input.issue_id, decide)

    @strawberry.mutation(
        description=f"Many at once, each on its own: one that fails leaves the others done. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def resolve_match_issues(
        self, info: Info[Context, None], input: ResolveMatchIssuesInput
    ) -> ResolveMatchIssuesPayload | None:
        context = info.context
        rows = [
            *((one.issue_id, _confirming(one), ("confirm", str(n))) for n, one in enumerate(input.confirm)),
            *(
                (one, _deciding(issues.create_separate, one), ("createSeparate", str(n)))
                for n, one in enumerate(input.create_separate)
            ),
            *((one, _deciding(issues.ignore, one), ("ignore", str(n))) for n, one in enumerate(input.ignore)),
        ]
        errors = too_many(len(rows))
        if errors:
            return ResolveMatchIssuesPayload(results=[], user_errors=errors)
        contacts = [key for one in input.confirm if (key := ids.find("Contact", one.contact_id))]
        outcome = await write(context, lambda tx: _all(tx, [decide for _, decide, _ in rows], contacts))
        loading = [
            _payload(context, issue_id, result if isinstance(result, Outcome) else None, _place(result, at))
            for (issue_id, _, at), result in zip(rows, outcome.done or [], strict=True)
        ]
        return ResolveMatchIssuesPayload(results=await asyncio.gather(*loading), user_errors=[])

    @strawberry.mutation(
        description="Takes back an IGNORED or a CREATED_SEPARATE: the link that was made goes; the contact that was"
        f" made stays, as a candidate. {_WRITE}",
        extensions=[require(Scope.WRITE)],
    )
    async def reopen_match_issue(
        self, info: Info[Context, None], input: MatchIssueInput
    ) -> MatchPayload | None:
        return await _one(
            info.context, input.issue_id, _deciding(issues.reopen, input.issue_id, input.version)
        )
