"""The domain's enums that the schema shows, each with its description."""

import strawberry

from domain.invoices.changes import Decision
from domain.invoices.view import Action
from domain.problems import Code
from domain.tables import (
    ActivityKind,
    ActorKind,
    AmountsAre,
    ConflictPolicy,
    ConnectionHealth,
    ContactKind,
    ImportPhase,
    InvoiceLineKind,
    InvoiceStatus,
    InvoiceSyncState,
    LinkOrigin,
    MatchIssueReason,
    MatchIssueState,
    MatchResolution,
    Scope,
    Side,
    SyncedField,
    SyncState,
    XeroContactFilter,
    XeroContactStatus,
)

strawberry.enum(Action, name="InvoiceAction", description="What can be done with an invoice.")
strawberry.enum(ActivityKind, description="What happened.")
strawberry.enum(
    ActorKind,
    description="Who did it: a person, a tool or script, somebody in Xero, or Tandem by itself.",
)
strawberry.enum(AmountsAre, description="How lines hold tax.")
strawberry.enum(
    Code,
    name="UserErrorCode",
    description="Why an input was refused. After LIKELY_DUPLICATE and CONFIRMATION_NEEDED the same request goes"
    " through with the answer that payload and input describe.",
)
strawberry.enum(
    ConflictPolicy,
    description="Who wins where both sides changed one field. ASK: nobody, until a person settles it.",
)
strawberry.enum(ConnectionHealth, description="How the connection is.")
strawberry.enum(ContactKind, description="A person or an organisation.")
strawberry.enum(
    Decision,
    name="InvoiceChangeDecision",
    description="What to do about a change inside Xero. VOID_HERE too; REISSUE under a new number; ACCEPT what Xero"
    " has; KEEP_APART: leave the two as they are and stop asking.",
)
strawberry.enum(
    ImportPhase,
    description="READING fills the mirror from Xero and begins on connecting; MATCHING begins with startContactSync.",
)
strawberry.enum(InvoiceLineKind, description="What a line bills.")
strawberry.enum(
    InvoiceStatus,
    description="How far an invoice is. AWAITING_PAYMENT: it was sent; PAID: Xero shows that nothing is due.",
)
strawberry.enum(
    InvoiceSyncState,
    description="How an invoice stands with Xero. SYNC_OFF and BEFORE_START_DATE: it stays here (SYNC_OFF of one that is"
    " voided: Xero has it still, and it is voided there once the sync is on). CHANGED_IN_XERO: a"
    " person must say what is to become of that (settleInvoiceChange).",
)
strawberry.enum(LinkOrigin, description="How a link came about.")
strawberry.enum(
    MatchIssueReason,
    description="Why it could not be decided by rule. NAME_ONLY, EMAIL_ONLY: just that is equal. AMBIGUOUS: several"
    " practice contacts fit, or the one that fits is linked. SIMILAR: neither is equal, but too alike to make a second"
    " contact unasked.",
)
strawberry.enum(MatchIssueState, description="Open or not.")
strawberry.enum(MatchResolution, description="How an issue ended. OBSOLETE: what made it a question is gone.")
strawberry.enum(Scope, description="What a caller may do. Each includes those before it.")
strawberry.enum(Side, description="One of the two sides.")
strawberry.enum(
    SyncState,
    description="How a link is. SYNCED, PENDING (a change is under way), FAILING and CONFLICT are active; UNSYNCED was"
    " ended by a person, BROKEN by what happened in Xero.",
)
strawberry.enum(SyncedField, description="The fields that are kept in step.")
strawberry.enum(
    XeroContactFilter,
    description="Which Xero contacts take part. CUSTOMERS_ONLY: those that Xero calls customers."
    " SUPPLIERS_AND_CUSTOMERS: those with either flag. ALL: also those with neither.",
)
strawberry.enum(XeroContactStatus, description="Xero's own status.")
