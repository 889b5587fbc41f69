"""Why a link or an invoice does not sync: failures of writes that were tried, and problems found before any write."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay.loaders import NODES, load
from api.relay.node import Node
from domain.tables import SyncedField


@strawberry.enum(description="Why something does not sync.")
class SyncFailureCode(StrEnum):
    NAME_TAKEN_IN_XERO = "NAME_TAKEN_IN_XERO"
    VALUE_TOO_LONG = "VALUE_TOO_LONG"
    INVALID_IN_XERO = "INVALID_IN_XERO"
    ARCHIVED_IN_XERO = "ARCHIVED_IN_XERO"
    MERGED_IN_XERO = "MERGED_IN_XERO"
    FORGOTTEN_IN_XERO = "FORGOTTEN_IN_XERO"
    CONTACT_NOT_SYNCED = "CONTACT_NOT_SYNCED"
    ACCOUNT_UNMAPPED = "ACCOUNT_UNMAPPED"
    ACCOUNT_UNAVAILABLE = "ACCOUNT_UNAVAILABLE"
    TAX_RATE_UNMAPPED = "TAX_RATE_UNMAPPED"
    TAX_RATE_UNAVAILABLE = "TAX_RATE_UNAVAILABLE"
    CURRENCY_MISMATCH = "CURRENCY_MISMATCH"
    PERIOD_LOCKED = "PERIOD_LOCKED"
    TOTAL_MISMATCH = "TOTAL_MISMATCH"
    INVOICE_NUMBER_TAKEN = "INVOICE_NUMBER_TAKEN"
    HAS_PAYMENTS = "HAS_PAYMENTS"
    NEEDS_RECONNECT = "NEEDS_RECONNECT"
    XERO_UNAVAILABLE = "XERO_UNAVAILABLE"
    UNCERTAIN = "UNCERTAIN"


@strawberry.enum(
    description="A mutation by its name; IN_XERO: only Xero's own pages can mend it; WAIT: it mends itself."
)
class Remedy(StrEnum):
    CONNECT_XERO = "CONNECT_XERO"
    UPDATE_WORKSPACE = "UPDATE_WORKSPACE"
    UPDATE_CONTACT = "UPDATE_CONTACT"
    CONFIRM_MATCH = "CONFIRM_MATCH"
    PUSH_TO_XERO = "PUSH_TO_XERO"
    UNSYNC = "UNSYNC"
    REMATCH = "REMATCH"
    CREATE_FROM_UNSYNCED = "CREATE_FROM_UNSYNCED"
    SETTLE_CONFLICT = "SETTLE_CONFLICT"
    RETRY_SYNC = "RETRY_SYNC"
    UPDATE_INVOICE = "UPDATE_INVOICE"
    VOID_INVOICE = "VOID_INVOICE"
    SETTLE_INVOICE_CHANGE = "SETTLE_INVOICE_CHANGE"
    SET_INVOICE_SYNC = "SET_INVOICE_SYNC"
    SET_DEFAULT_ACCOUNTS = "SET_DEFAULT_ACCOUNTS"
    SET_ACCOUNT_MAPPING = "SET_ACCOUNT_MAPPING"
    SET_TAX_MAPPING = "SET_TAX_MAPPING"
    IN_XERO = "IN_XERO"
    WAIT = "WAIT"


@strawberry.type(description="Why a link or an invoice does not sync, since when, and what helps.")
class SyncFailure:
    subject_keys: strawberry.Private[list[tuple[str, UUID]]]
    code: SyncFailureCode = strawberry.field(description="The kind of failure, for programs to branch on.")
    message: str = strawberry.field(
        description="What went wrong, for people to read. It often holds Xero's own words."
    )
    field: SyncedField | None = strawberry.field(
        description="The synced field that caused the failure. Null if no single field is to blame."
    )
    since: datetime = strawberry.field(
        description="When this failure first occurred. Repeated tries do not move it."
    )
    attempts: int = strawberry.field(description="How many times the write has been tried so far.")
    next_attempt_at: datetime | None = strawberry.field(
        description="When Tandem tries again, or looks up what became of the write, by itself. Null: not"
        " before somebody acts or the cause is gone."
    )
    remedy: Remedy | None = strawberry.field(description="What helps. Null if nothing is known to help.")

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Self | None:
        """From {code, message, field, subjects: ['Type:uuid'], since, attempts, nextAttemptAt, remedy}."""
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


@strawberry.type(description="What would keep an invoice from syncing, found before anything is sent.")
class SyncProblem:
    subject_keys: strawberry.Private[list[tuple[str, UUID]]]
    code: SyncFailureCode = strawberry.field(description="The kind of problem, for programs to branch on.")
    message: str = strawberry.field(description="What is wrong, for people to read.")
    remedy: Remedy | None = strawberry.field(description="What helps. Null if nothing is known to help.")

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Self:
        """From {code, message, subjects: ['Type:uuid'], remedy}."""
        subjects = [one.partition(":") for one in told["subjects"]]
        return cls(
            subject_keys=[(kind, UUID(key)) for kind, _, key in subjects],
            code=SyncFailureCode(told["code"]),
            message=told["message"],
            remedy=Remedy(told["remedy"]) if told["remedy"] else None,
        )

    @strawberry.field(
        description="The objects that the problem is about, such as the service type without an account."
        " Objects that are gone are left out."
    )
    async def subjects(self, info: Info[Context, None]) -> list[Node]:
        loading = [load(info.context, NODES[kind], key) for kind, key in self.subject_keys]
        found = [await one for one in loading]
        return [node for node in found if node is not None]
