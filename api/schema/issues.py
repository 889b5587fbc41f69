"""Match issues: questions to a person about which contact a Xero contact is."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.described import described
from api.relay.loaders import BatchName, batch, batch_in_transaction, load_known, load_later
from api.relay.node import Node
from api.relay.paging import MOST_FOUND, Asked, Counted, Direction, Edge, Key, Listing, Order, read
from api.relay.rows import columns
from api.schema.links import FieldDifference, differences
from api.schema.refs import (
    CONTACT,
    MATCH_ISSUE,
    SYNC_LINK,
    SYNC_LINK_ACTIVE,
    XERO_CONTACT,
    XERO_ORGANISATION,
    ContactRef,
    MatchIssueRef,
    SyncLinkRef,
    XeroContactRef,
    XeroOrganisationRef,
)
from api.schema.viewer import Actor, StoredActor
from domain.described import DescribedEnum
from domain.matching import reasons
from domain.matching.sure import SURE, preview, related_issues
from domain.names.text_keys import search_patterns
from domain.tables import MatchIssueReason, MatchIssueState, MatchResolution
from domain.tx import Reader, Tx


class IssueRow(NamedTuple):
    id: UUID
    organisation_id: UUID
    xero_contact_id: UUID
    reason: str
    state: str
    created_at: datetime
    resolved_at: datetime | None
    resolved_by: StoredActor | None
    resolution: str | None
    link_id: UUID | None
    version: int


class CandidateRow(NamedTuple):
    issue_id: UUID
    contact_id: UUID
    score: float
    name_matches: bool
    email_matches: bool
    evidence: list[str]
    confidence: float
    sure: bool
    organisation_id: UUID
    xero_contact_id: UUID


REASON = reasons.sql("i")
_COLUMNS = columns(IssueRow, "i", reason=REASON)


@strawberry.type(
    description="A practice contact that may be the same client as the Xero contact of the issue."
)
class MatchCandidate:
    row: strawberry.Private[CandidateRow]
    score: float = strawberry.field(
        description="How well the two fit, from 0 to 1. It ranks the candidates of an issue; it is not a"
        " probability."
    )
    name_matches: bool = strawberry.field(
        description="Whether the two names are equal apart from case and spaces."
    )
    email_matches: bool = strawberry.field(description="Whether the two emails are equal apart from case.")
    evidence: list[str] = strawberry.field(
        description="The evidence for and against a match, in words for a person."
    )
    confidence: float = strawberry.field(
        description="The probability that the two are one client, from 0 to 1. It was calibrated on lists that no"
        " training saw."
    )
    sure: bool = strawberry.field(
        description="Whether this candidate may be confirmed in bulk without a look: the names agree, at least one"
        " other field is equal, and nothing else in the open issues competes with it. Names alone are never sure."
    )

    @classmethod
    def of(cls, row: CandidateRow) -> Self:
        return cls(
            row=row,
            score=row.score,
            name_matches=row.name_matches,
            email_matches=row.email_matches,
            evidence=row.evidence,
            confidence=row.confidence,
            sure=row.sure,
        )

    @strawberry.field(description="The practice contact that is proposed.")
    def contact(self, info: Info[Context, None]) -> ContactRef:
        return load_later(info.context, CONTACT, self.row.contact_id)

    @strawberry.field(
        description="The active link that this contact already has in the organisation. Unsync that link"
        " before you confirm the candidate. Null: the contact is free."
    )
    def blocked_by(self, info: Info[Context, None]) -> SyncLinkRef | None:
        key = (self.row.organisation_id, self.row.contact_id)
        return load_later(info.context, SYNC_LINK_ACTIVE, key)

    @strawberry.field(
        description="The synced fields in which the two contacts differ. Confirming overwrites the"
        " practice's values with Xero's, unless `keepPractice` names the field."
    )
    async def differences(self, info: Info[Context, None]) -> list[FieldDifference]:
        loading = (
            load_known(info.context, CONTACT, self.row.contact_id),
            load_known(info.context, XERO_CONTACT, self.row.xero_contact_id),
        )
        contact, xero_contact = await loading[0], await loading[1]
        there = xero_contact.row
        return differences(contact.row.values, there.values, there.country_code)


@strawberry.type(description="A question for a person: which practice contact, if any, is this Xero contact?")
class MatchIssue(Node):
    row: strawberry.Private[IssueRow]
    reason: MatchIssueReason = strawberry.field(
        description="Why no rule could decide about the Xero contact."
    )
    state: MatchIssueState = strawberry.field(description="Whether the issue still waits for a decision.")
    created_at: datetime = strawberry.field(
        description="When the issue was opened, by an import or a later change."
    )
    resolved_at: datetime | None = strawberry.field(
        description="When the issue ended. Null while it is open."
    )
    resolved_by: Actor | None = strawberry.field(
        description="The person or token that decided the issue. If it became obsolete: who caused that, often Tandem. Null"
        " while it is open."
    )
    resolution: MatchResolution | None = strawberry.field(
        description="How the issue ended. Null while it is open."
    )
    version: int = strawberry.field(
        description="A number that rises when the Xero contact, the candidates or the state change. Send it"
        " with a decision, so that nobody decides about something else than they saw."
    )

    @classmethod
    def of(cls, row: IssueRow) -> Self:
        return cls(
            id=ids.encode("MatchIssue", row.id),
            row=row,
            reason=MatchIssueReason(row.reason),
            state=MatchIssueState(row.state),
            created_at=row.created_at,
            resolved_at=row.resolved_at,
            resolved_by=Actor.of(row.resolved_by) if row.resolved_by else None,
            resolution=MatchResolution(row.resolution) if row.resolution else None,
            version=row.version,
        )

    @strawberry.field(description="The Xero organisation of the Xero contact.")
    def organisation(self, info: Info[Context, None]) -> XeroOrganisationRef:
        return load_later(info.context, XERO_ORGANISATION, self.row.organisation_id)

    @strawberry.field(description="The Xero contact that the question is about.")
    def xero_contact(self, info: Info[Context, None]) -> XeroContactRef:
        return load_later(info.context, XERO_CONTACT, self.row.xero_contact_id)

    @strawberry.field(
        description="The practice contacts that may be the one, the best first, at most 10. Never empty"
        " while the issue is open."
    )
    def candidates(self, info: Info[Context, None]) -> list[MatchCandidate]:
        return load_later(info.context, _MATCH_CANDIDATES_OF_ISSUE, self.row.id)

    @strawberry.field(
        description="Other open issues that share a candidate with this issue, or that are about the Xero contact of"
        " a candidate's link, the oldest first, at most 10. A person decides them together."
    )
    def related(self, info: Info[Context, None]) -> list[MatchIssueRef]:
        return load_later(info.context, _MATCH_ISSUES_RELATED, self.row.id)

    @strawberry.field(
        description="The link that the decision made. Null if there is none, or if it was deleted since."
    )
    def link(self, info: Info[Context, None]) -> SyncLinkRef | None:
        if self.row.link_id is None:
            return None
        return load_later(info.context, SYNC_LINK, self.row.link_id)


@batch(MATCH_ISSUE, node="MatchIssue")
async def _issues(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, MatchIssue]:
    rows = await tx.read(
        IssueRow,
        f"select {_COLUMNS} from match_issue i where i.workspace_id = :ws and i.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: MatchIssue.of(row) for row in rows}


_MATCH_CANDIDATES_OF_ISSUE = BatchName[UUID, list[MatchCandidate]]("MatchCandidates.of_issue")


@batch(_MATCH_CANDIDATES_OF_ISSUE)
async def _candidates(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, list[MatchCandidate]]:
    of_issue = {"organisation_id": "i.organisation_id", "xero_contact_id": "i.xero_contact_id", "sure": SURE}
    rows = await tx.read(
        CandidateRow,
        f"select {columns(CandidateRow, 'm', **of_issue)} from match_candidate m"
        " join match_issue i on i.workspace_id = :ws and i.id = m.issue_id"
        " where m.workspace_id = :ws and m.issue_id = any(:ids) order by m.score desc, m.contact_id",
        ids=list(keys),
    )
    found: dict[UUID, list[MatchCandidate]] = {key: [] for key in keys}
    for row in rows:
        found[row.issue_id].append(MatchCandidate.of(row))
    return found


_MATCH_ISSUES_RELATED = BatchName[UUID, list[MatchIssue]]("MatchIssues.related")


@batch_in_transaction(_MATCH_ISSUES_RELATED)
async def _related(tx: Tx, keys: Sequence[UUID]) -> dict[UUID, list[MatchIssue]]:
    found = await related_issues(tx, keys)
    rows = await tx.read(
        IssueRow,
        f"select {_COLUMNS} from match_issue i where i.workspace_id = :ws and i.id = any(:ids)",
        ids=list({other for others in found.values() for other in others}),
    )
    by_id = {row.id: MatchIssue.of(row) for row in rows}
    return {key: [by_id[other] for other in others] for key, others in found.items()}


@strawberry.type(description="A row of a page: a match issue, with its cursor.")
class MatchIssueEdge(Edge):
    node: MatchIssue = strawberry.field(description="The match issue in this row.")


@strawberry.type(description="A page of match issues, with the total count of the list.")
class MatchIssueConnection(Counted):
    edges: list[MatchIssueEdge] = strawberry.field(
        description="The match issues of this page, in the order that was asked for."
    )


@strawberry.input(description="Which match issues to list. An issue must meet every condition that is given.")
class MatchIssueFilter:
    organisation_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only issues about contacts of this Xero organisation."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only issues in which this practice contact is a candidate."
    )
    state: MatchIssueState | None = strawberry.field(
        default=MatchIssueState.OPEN,
        description="Only issues in this state. Left out: open issues. Null: open and resolved ones.",
    )
    reason: list[MatchIssueReason] | None = strawberry.field(
        default=strawberry.UNSET, description="Only issues that were raised for one of these reasons."
    )
    sure: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Only open issues that have a sure candidate (true), or only issues without one (false).",
    )
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words, each of which must begin a word of the Xero contact's name, email or phone.",
    )


@described
class MatchIssueOrderField(DescribedEnum):
    """The field whose values decide the order of a list of match issues."""

    CREATED_AT = "CREATED_AT", "By the time at which the issue was opened."
    SCORE = "SCORE", "By the score of the best candidate, from 0 to 1."
    NAME = "NAME", "By the name of the Xero contact that the issue is about."


@strawberry.input(
    description="How to sort a list of match issues. Issues with equal values are sorted by id, so that"
    " pages never overlap."
)
class MatchIssueOrder:
    field: MatchIssueOrderField = strawberry.field(
        description="The field by whose values match issues are compared."
    )
    direction: Direction = strawberry.field(description="From low to high, or from high to low.")


_ORDERS = {
    MatchIssueOrderField.CREATED_AT: Key("i.created_at", datetime),
    MatchIssueOrderField.SCORE: Key("i.score", float),
    MatchIssueOrderField.NAME: Key("coalesce(x.name_key, '')", str),
}


def listing(filter: MatchIssueFilter | None, order: MatchIssueOrder | None) -> Listing[IssueRow]:
    wanted = filter or MatchIssueFilter()
    field = order.field if order else MatchIssueOrderField.CREATED_AT
    by = Order(f"issues {field}", (_ORDERS[field],), order is not None and order.direction is Direction.DESC)
    where, values = ["i.workspace_id = :ws"], dict[str, Any]()
    for_reasons = given(wanted.reason)
    patterns = search_patterns(given(wanted.search) or "")
    for name, condition, value in (
        (
            "organisation",
            "i.organisation_id = :organisation",
            ids.wanted("XeroOrganisation", given(wanted.organisation_id)),
        ),
        (
            "contact",
            "exists (select 1 from match_candidate m where m.workspace_id = :ws and m.issue_id = i.id"
            " and m.contact_id = :contact)",
            ids.wanted("Contact", given(wanted.contact_id)),
        ),
        ("state", "i.state = :state", given(wanted.state)),
        (
            "reasons",
            f"{REASON} = any(:reasons)",
            None if for_reasons is None else [str(one) for one in for_reasons],
        ),
        (
            "sure",
            "exists (select 1 from match_candidate m where m.workspace_id = :ws and m.issue_id = i.id"
            f" and {SURE}) = cast(:sure as boolean)",
            given(wanted.sure),
        ),
        (
            "patterns",
            f"i.xero_contact_id = any(array(select door.search_xero_contacts(cast(:patterns as text[]), {MOST_FOUND})))",
            patterns or None,
        ),
    ):
        if value is not None:
            where.append(condition)
            values[name] = value
    source = (
        "match_issue i join xero_contact x on x.workspace_id = i.workspace_id and x.id = i.xero_contact_id"
    )
    return Listing(IssueRow, _COLUMNS, source, by, "i.id", tuple(where), values)


@strawberry.type(description="The effect of confirming all sure match issues of an organisation.")
class SureMatchesPreview:
    count: int = strawberry.field(description="How many open issues have a sure candidate.")
    fields_overwritten: int = strawberry.field(
        description="How many values of practice contacts Xero's values would replace. Each can be restored."
    )
    sample: list[MatchIssue] = strawberry.field(description="The first of these issues, at most 10.")


async def sure_matches_preview(context: Context, organisation_id: UUID) -> SureMatchesPreview:
    async with context.transaction() as tx:
        found = await preview(tx, organisation_id)
    return SureMatchesPreview(
        count=found.count,
        fields_overwritten=found.overwritten,
        sample=[await load_known(context, MATCH_ISSUE, key) for key in found.sample],
    )


async def match_issues(
    context: Context, page: Asked, filter: MatchIssueFilter | None, order: MatchIssueOrder | None
) -> MatchIssueConnection:
    found = await read(context, listing(given(filter), given(order)), page)
    return MatchIssueConnection(
        edges=found.edges(lambda cursor, row: MatchIssueEdge(cursor=cursor, node=MatchIssue.of(row))),
        page_info=found.page.info,
        count=found.count,
    )
