"""Match issues, their candidates, near-duplicates, and pairs kept apart."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BYTEA
from sqlmodel import Field

from domain.described import DescribedEnum
from domain.tables.base import Row, Table, choice_column, foreign_key, json_column, texts_column, time_column


class MatchIssueReason(DescribedEnum):
    """Why no rule could decide about a Xero contact."""

    NAME_ONLY = "NAME_ONLY", "One practice contact has the same name; the email differs or is missing."
    EMAIL_ONLY = "EMAIL_ONLY", "One practice contact has the same email; the name differs."
    AMBIGUOUS = (
        "AMBIGUOUS",
        "Several practice contacts fit, several Xero contacts have the same name and email, or the one that"
        " fits is linked already.",
    )
    IDENTIFIER_DIFFERS = (
        "IDENTIFIER_DIFFERS",
        "Name and email are equal, but two valid identifiers of one kind differ.",
    )
    SIMILAR = (
        "SIMILAR",
        "Neither name nor email is equal, but a practice contact is so similar that a second contact would"
        " probably be a duplicate. Raised only while `holdSimilar` is on.",
    )


class MatchIssueState(DescribedEnum):
    """Whether a match issue still waits for a decision."""

    OPEN = "OPEN", "A person must decide. Until then nothing is created or linked for this Xero contact."
    RESOLVED = "RESOLVED", "The issue has ended; `resolution` says how."


class MatchResolution(DescribedEnum):
    """How a match issue ended: by one of three decisions of a person, or by a change that left nothing to decide."""

    CONFIRMED = "CONFIRMED", "A person linked the Xero contact to a practice contact."
    CREATED_SEPARATE = (
        "CREATED_SEPARATE",
        "A person had a new practice contact created from the Xero contact. Its candidates are never"
        " offered for it again.",
    )
    IGNORED = "IGNORED", "A person wants no match and no new contact. reopenMatchIssue takes this back."
    OBSOLETE = (
        "OBSOLETE",
        "No decision is needed any more, for example because a contact was renamed, linked or deleted, or"
        " because the filter excludes the Xero contact now.",
    )


class MatchIssue(Row, table=True):
    """A Xero contact about which a person must decide. `score` is the best candidate's, copied so that lists can sort by
    it. `merged`: the issue came from a merge in Xero. This issue offers the contacts that were linked with both, and is not
    evaluated again like other issues. `reason` and `finer_reason`: see domain.matching.reasons."""

    __tablename__ = "match_issue"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        foreign_key("xero_contact", "xero_contact_id"),
        foreign_key("sync_link", "link_id", "SET NULL"),
        sa.Index(
            "uq_match_issue_open",
            "workspace_id",
            "organisation_id",
            "xero_contact_id",
            unique=True,
            postgresql_where="state = 'OPEN'",
        ),
        sa.Index("ix_match_issue_xero_contact", "workspace_id", "xero_contact_id"),
        sa.Index("ix_match_issue_created", "workspace_id", "state", "created_at", "id"),
        sa.Index("ix_match_issue_link", "workspace_id", "link_id"),
    )
    organisation_id: UUID
    xero_contact_id: UUID
    reason: MatchIssueReason = choice_column(MatchIssueReason)
    finer_reason: str | None = None
    state: MatchIssueState = choice_column(MatchIssueState)
    score: float
    reopened: bool = False
    merged: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    created_at: datetime = time_column()
    resolved_at: datetime | None = time_column(nullable=True)
    resolved_by: dict[str, Any] | None = json_column()
    resolution: MatchResolution | None = choice_column(MatchResolution, nullable=True)
    link_id: UUID | None = None
    created_contact_id: UUID | None = None
    version: int = 1


class MatchCandidate(Table, table=True):
    """`confidence` and `sure` are as of the last evaluation of the issue. domain.matching.sure says what else a sure candidate
    needs."""

    __tablename__ = "match_candidate"
    __table_args__ = (
        foreign_key("match_issue", "issue_id", "CASCADE"),
        foreign_key("contact", "contact_id", "CASCADE"),
        sa.Index("ix_match_candidate_contact", "workspace_id", "contact_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    issue_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    score: float
    name_matches: bool
    email_matches: bool
    evidence: list[str] = texts_column()
    confidence: float = Field(default=0, sa_column_kwargs={"server_default": sa.text("0")})
    sure: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})


class Likeness(Table, table=True):
    """A near-duplicate: a Xero contact that no rule matches is similar to a contact, as of the last look-up. `score` is from
    domain.names.similarity. Each plan checks again whether both are free and not kept apart."""

    __tablename__ = "likeness"
    __table_args__ = (
        foreign_key("xero_contact", "xero_contact_id", "CASCADE"),
        foreign_key("contact", "contact_id", "CASCADE"),
        sa.Index("ix_likeness_contact", "workspace_id", "contact_id"),
    )
    workspace_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    score: float


class SetApart(Table, table=True):
    """A pair that a person keeps apart: it is never matched automatically again. The row has Xero's own id, which outlives
    the mirror. `contact_hash` replaces a contact that is deleted (domain.decisions.kept_apart)."""

    __tablename__ = "set_apart"
    __table_args__ = (
        foreign_key("organisation", "organisation_id", "CASCADE"),
        sa.Index("ix_set_apart_contact", "workspace_id", "contact_id"),
        sa.Index(
            "ix_set_apart_hash",
            "workspace_id",
            "contact_hash",
            postgresql_where="contact_hash is not null",
        ),
    )
    workspace_id: UUID = Field(primary_key=True)
    organisation_id: UUID = Field(primary_key=True)
    xero_contact_id: UUID = Field(primary_key=True)
    contact_id: UUID = Field(primary_key=True)
    at: datetime = time_column()
    contact_hash: bytes | None = Field(default=None, sa_type=BYTEA, nullable=True)
