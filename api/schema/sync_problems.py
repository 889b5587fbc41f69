"""Why a link or an invoice does not sync: failures of writes that were tried, and problems found before any write."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay.described import described
from api.relay.loaders import NODES, load
from api.relay.node import Node
from domain.described import DescribedEnum
from domain.invoices.eligibility import Problem
from domain.tables import StoredFailure, SyncedField


@described
class SyncFailureCode(DescribedEnum):
    """Why a link or an invoice does not sync. `remedy` says what to do."""

    NAME_TAKEN_IN_XERO = (
        "NAME_TAKEN_IN_XERO",
        "Another active contact in Xero has this name, and Xero accepts no second one. Rename either contact."
        " The link is tried again by itself when the name becomes free.",
    )
    VALUE_TOO_LONG = "VALUE_TOO_LONG", "A value is longer than Xero allows. Shorten it here."
    INVALID_IN_XERO = (
        "INVALID_IN_XERO",
        "Xero refused a value, or data that it holds itself. `message` has Xero's own words.",
    )
    ARCHIVED_IN_XERO = (
        "ARCHIVED_IN_XERO",
        "The contact was archived in Xero. Restore it there, or use rematch or createFromUnsynced.",
    )
    MERGED_IN_XERO = (
        "MERGED_IN_XERO",
        "The contact was merged into another one in Xero, and the link could not follow. Use rematch.",
    )
    FORGOTTEN_IN_XERO = (
        "FORGOTTEN_IN_XERO",
        "Somebody asked Xero to forget the contact. Its personal data from Xero is deleted here too.",
    )
    CONTACT_NOT_SYNCED = (
        "CONTACT_NOT_SYNCED",
        "The invoice's contact has no active link to an active Xero contact in this organisation. Push or"
        " match the contact first; then the invoice is sent by itself.",
    )
    ACCOUNT_UNMAPPED = (
        "ACCOUNT_UNMAPPED",
        "No Xero account is chosen for a line: neither a mapping for its service type nor a default account.",
    )
    ACCOUNT_UNAVAILABLE = (
        "ACCOUNT_UNAVAILABLE",
        "The chosen Xero account is archived, or may not be used for this kind of line. Choose another one.",
    )
    TAX_RATE_UNMAPPED = (
        "TAX_RATE_UNMAPPED",
        "A line has no tax rate, or no Xero tax rate is chosen for it. Tandem never assumes 'no tax'.",
    )
    TAX_RATE_UNAVAILABLE = (
        "TAX_RATE_UNAVAILABLE",
        "The chosen Xero tax rate is archived, has another percentage, or may not be used on this account."
        " Choose another one.",
    )
    CURRENCY_MISMATCH = (
        "CURRENCY_MISMATCH",
        "The invoice or the practice uses another currency than the base currency of the Xero organisation.",
    )
    PERIOD_LOCKED = (
        "PERIOD_LOCKED",
        "The issue date lies on or before a lock date in Xero. Move the lock date in Xero, or the issue"
        " date.",
    )
    TOTAL_MISMATCH = (
        "TOTAL_MISMATCH",
        "Xero computed another total than Tandem. The invoice is never sent again by itself; void it, and"
        " report it to us.",
    )
    INVOICE_NUMBER_TAKEN = (
        "INVOICE_NUMBER_TAKEN",
        "Another invoice in Xero has this number. Void this one and make another, or free the number in"
        " Xero.",
    )
    HAS_PAYMENTS = (
        "HAS_PAYMENTS",
        "Xero refuses to void the invoice, because payments or credits are allocated to it. Remove them in"
        " Xero, or take the void back with settleInvoiceChange.",
    )
    NEEDS_RECONNECT = (
        "NEEDS_RECONNECT",
        "Xero no longer lets Tandem in, or the organisation was disconnected. Connect it again; nothing"
        " that waits is lost.",
    )
    XERO_UNAVAILABLE = (
        "XERO_UNAVAILABLE",
        "Xero cannot be reached, or a call limit is used up. Waiting changes are sent by themselves afterwards.",
    )
    UNCERTAIN = (
        "UNCERTAIN",
        "Xero did not answer a write, so nobody knows yet whether it was carried out. Tandem looks it up,"
        " usually within 10 minutes, and never sends it twice.",
    )


@described
class Remedy(DescribedEnum):
    """The act that ends a failure or problem. Most values are mutations by their names."""

    CONNECT_XERO = (
        "CONNECT_XERO",
        "Call connectXero with the `organisationId`, and have a person give consent in Xero. A custom connection:"
        " call connectCustomConnection.",
    )
    UPDATE_WORKSPACE = (
        "UPDATE_WORKSPACE",
        "Change the workspace's currency with updateWorkspace, or connect an organisation in the same"
        " currency.",
    )
    UPDATE_CONTACT = (
        "UPDATE_CONTACT",
        "Change the value with updateContact. Tandem then sends the refused change again by itself.",
    )
    CONFIRM_MATCH = "CONFIRM_MATCH", "Decide the match issue of the contact, for example with confirmMatch."
    PUSH_TO_XERO = "PUSH_TO_XERO", "Create or link the contact in Xero with pushToXero."
    UNSYNC = "UNSYNC", "End the link with unsync, if the two contacts should not be kept equal."
    REMATCH = "REMATCH", "Resume the link with rematch, with this contact or with another one."
    CREATE_FROM_UNSYNCED = "CREATE_FROM_UNSYNCED", "Make a new contact on one side with createFromUnsynced."
    SETTLE_CONFLICT = "SETTLE_CONFLICT", "Say with settleConflict which side's values hold."
    RETRY_SYNC = "RETRY_SYNC", "Try again now with retrySync, once the cause is gone."
    UPDATE_INVOICE = (
        "UPDATE_INVOICE",
        "Correct the invoice with updateInvoice. Tandem then sends it again by itself.",
    )
    VOID_INVOICE = "VOID_INVOICE", "Void the invoice with voidInvoice, and make another one."
    SETTLE_INVOICE_CHANGE = (
        "SETTLE_INVOICE_CHANGE",
        "Decide about the change in Xero with settleInvoiceChange.",
    )
    SET_INVOICE_SYNC = "SET_INVOICE_SYNC", "Change the switch or the start date with setInvoiceSync."
    SET_DEFAULT_ACCOUNTS = (
        "SET_DEFAULT_ACCOUNTS",
        "Say with setDefaultAccounts which accounts take lines that no mapping covers.",
    )
    SET_ACCOUNT_MAPPING = (
        "SET_ACCOUNT_MAPPING",
        "Choose an account for the service type with setAccountMapping.",
    )
    SET_TAX_MAPPING = "SET_TAX_MAPPING", "Choose a Xero tax rate with setTaxMapping."
    IN_XERO = "IN_XERO", "Only a person inside Xero can help; `message` says what to do there."
    WAIT = "WAIT", "Nothing needs doing: Tandem tries again by itself."


@strawberry.type(description="Why a link or an invoice does not sync, since when, and what helps.")
class SyncFailure:
    subject_keys: strawberry.Private[list[tuple[str, UUID]]]
    code: SyncFailureCode = strawberry.field(description="The kind of failure, for programs to branch on.")
    message: str = strawberry.field(
        description="The reason of the failure, for people to read. It often holds Xero's own words."
    )
    field: SyncedField | None = strawberry.field(
        description="The synced field that caused the failure. Null if no single field is to blame."
    )
    since: datetime = strawberry.field(
        description="When this failure first occurred. Repeated tries do not move it."
    )
    attempts: int = strawberry.field(description="How many times the write has been tried so far.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When Tandem tries again, or looks up the outcome of the write, by itself. Null: not"
        " before somebody acts or the cause is gone."
    )
    remedy: Remedy | None = strawberry.field(description="What helps. Null if nothing is known to help.")

    @classmethod
    def of(cls, stored: StoredFailure | None) -> Self | None:
        """A failure that an older release stored may lack members."""
        if stored is None:
            return None
        subjects = [one.partition(":") for one in stored.get("subjects") or ()]
        field, remedy, again = stored.get("field"), stored.get("remedy"), stored.get("nextAttemptAt")
        return cls(
            subject_keys=[(kind, UUID(key)) for kind, _, key in subjects],
            code=SyncFailureCode(stored["code"]),
            message=stored["message"],
            field=SyncedField(field) if field else None,
            since=datetime.fromisoformat(stored["since"]),
            attempts=stored["attempts"],
            next_attempt_at=datetime.fromisoformat(again) if again else None,
            remedy=Remedy(remedy) if remedy else None,
        )

    @strawberry.field(
        description="The objects that the failure is about, such as the Xero contacts that hold the name."
        " Objects that are gone are left out."
    )
    async def subjects(self, info: Info[Context, None]) -> list[Node]:
        loading = [load(info.context, NODES[kind], key) for kind, key in self.subject_keys]
        found = [await one for one in loading]
        return [node for node in found if node is not None]


@strawberry.type(description="A problem for which an invoice could not sync, found before anything is sent.")
class SyncProblem:
    subject_keys: strawberry.Private[list[tuple[str, UUID]]]
    code: SyncFailureCode = strawberry.field(description="The kind of problem, for programs to branch on.")
    message: str = strawberry.field(description="The problem, and often the remedy, for people to read.")
    remedy: Remedy | None = strawberry.field(description="What helps. Null if nothing is known to help.")

    @classmethod
    def of(cls, told: Problem) -> Self:
        subjects = [one.partition(":") for one in told.subjects]
        return cls(
            subject_keys=[(kind, UUID(key)) for kind, _, key in subjects],
            code=SyncFailureCode(told.code),
            message=told.message,
            remedy=Remedy(told.remedy),
        )

    @strawberry.field(
        description="The objects that the problem is about, such as the service type without an account."
        " Objects that are gone are left out."
    )
    async def subjects(self, info: Info[Context, None]) -> list[Node]:
        loading = [load(info.context, NODES[kind], key) for kind, key in self.subject_keys]
        found = [await one for one in loading]
        return [node for node in found if node is not None]
