"""The domain's enums that the schema shows. The domain declares their descriptions next to their members."""

from api.relay.described import described
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
    IdentifierKind,
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

described(Action, name="InvoiceAction")
described(Code, name="UserErrorCode")
described(Decision, name="InvoiceChangeDecision")
described(ActivityKind)
described(ActorKind)
described(AmountsAre)
described(ConflictPolicy)
described(ConnectionHealth)
described(ContactKind)
described(IdentifierKind)
described(ImportPhase)
described(InvoiceLineKind)
described(InvoiceStatus)
described(InvoiceSyncState)
described(LinkOrigin)
described(MatchIssueReason)
described(MatchIssueState)
described(MatchResolution)
described(Scope)
described(Side)
described(SyncState)
described(SyncedField)
described(XeroContactFilter)
described(XeroContactStatus)
