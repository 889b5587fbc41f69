"""An organisation in numbers: its links, match issues and failures, and its calls and bytes at Xero."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import strawberry
from strawberry.types import Info

from api.context import Context
from api.relay import ids
from api.relay.loaders import BatchName, batch, batch_in_transaction, load
from api.schema.refs import SYNC_SUMMARY
from api.schema.sync_problems import SyncFailureCode
from domain.connection import call_budget, traffic
from domain.connection import health as connection_health
from domain.tables import ACTIVE_STATES
from domain.tx import Reader, Tx


@strawberry.type(description="How many links and invoices of an organisation fail for one reason.")
class FailureCount:
    code: SyncFailureCode = strawberry.field(
        description="The reason that these links and invoices have in common."
    )
    count: int = strawberry.field(description="The number of links and invoices with this reason.")


@strawberry.type(description="The state of an organisation in numbers, as of this request.")
class SyncSummary:
    id: strawberry.ID = strawberry.field(
        description="An id of the summary object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    linked: int = strawberry.field(
        description="The number of active links: SYNCED, PENDING, FAILING and CONFLICT together."
    )
    open_issues: int = strawberry.field(description="The number of match issues that wait for a person.")
    unsynced: int = strawberry.field(
        description="The number of links that a person ended with unsync and that nobody has dismissed."
    )
    failing: int = strawberry.field(
        description="The number of links in state FAILING. Each has a `failure` that says what helps."
    )
    failing_invoices: int = strawberry.field(
        description="The number of invoices whose sync state is FAILING."
    )
    pending_changes: int = strawberry.field(
        description="The number of links with values of the practice that Xero does not have yet."
    )
    failures: list[FailureCount] = strawberry.field(
        description="How many links and invoices have each failure code. BROKEN links count here, although"
        " `failing` leaves them out."
    )


class _Links(NamedTuple):
    """How many links of an organisation are in a state for a reason, and how many of them have something to send."""

    organisation_id: UUID
    state: str
    code: str | None
    n: int
    due: int


class _Issues(NamedTuple):
    organisation_id: UUID
    n: int


class _Invoices(NamedTuple):
    organisation_id: UUID
    code: str | None
    n: int


@batch(SYNC_SUMMARY)
async def _summaries(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, SyncSummary]:
    links = await tx.read(
        _Links,
        f"select l.organisation_id, {connection_health.LINK_STATE} as state, {connection_health.LINK_CODE} as code,"
        " count(*) as n, count(*) filter (where l.due_at is not null) as due"
        f" from sync_link l{connection_health.HELD_LINK}"
        " where l.workspace_id = :ws and l.organisation_id = any(:ids) group by 1, 2, 3",
        ids=list(keys),
    )
    issues = await tx.read(
        _Issues,
        "select organisation_id, count(*) as n from match_issue"
        " where workspace_id = :ws and organisation_id = any(:ids) and state = 'OPEN' group by 1",
        ids=list(keys),
    )
    failing = await tx.read(
        _Invoices,
        "select organisation_id, failure_code as code, count(*) as n from invoice where workspace_id = :ws"
        " and organisation_id = any(:ids) and sync_state = 'FAILING' group by 1, 2",
        ids=list(keys),
    )
    opened = {row.organisation_id: row.n for row in issues}
    return {
        key: _summary(
            key,
            [row for row in links if row.organisation_id == key],
            [row for row in failing if row.organisation_id == key],
            opened.get(key, 0),
        )
        for key in keys
    }


def _summary(
    key: UUID, links: Sequence[_Links], failing: Sequence[_Invoices], open_issues: int
) -> SyncSummary:
    def having(*states: str) -> int:
        return sum(row.n for row in links if row.state in states)

    codes: dict[str, int] = {}
    counts = [*((row.code, row.n) for row in links), *((row.code, row.n) for row in failing)]
    for code, n in counts:
        if code is not None:
            codes[code] = codes.get(code, 0) + n
    return SyncSummary(
        id=ids.encode("SyncSummary", key),
        linked=having(*ACTIVE_STATES),
        open_issues=open_issues,
        unsynced=having("UNSYNCED"),
        failing=having("FAILING"),
        failing_invoices=sum(row.n for row in failing),
        pending_changes=sum(row.due for row in links),
        failures=[FailureCount(code=SyncFailureCode(code), count=n) for code, n in sorted(codes.items())],
    )


@strawberry.type(
    description="Xero's call limits for an organisation, as Xero's latest answers reported them."
)
class CallBudget:
    tenant_id: strawberry.Private[UUID]
    id: strawberry.ID = strawberry.field(
        description="An id of the budget object itself, for caches. It stays the same for the"
        " organisation's lifetime; `node` does not take it."
    )
    minute_remaining: int | None = strawberry.field(
        description="Calls that are left in the present minute. Null: unknown."
    )
    day_remaining: int | None = strawberry.field(
        description="Calls that are left in Xero's rolling day of 24 hours. Null: unknown."
    )
    day_limit: int | None = strawberry.field(
        description="Calls that the app's plan at Xero allows in a day, such as 1,000 or 5,000. Null:"
        " unknown."
    )
    limited_until: datetime | None = strawberry.field(
        description="Tandem makes no call before this time, because a limit is used up. Null: calls are"
        " possible."
    )

    @strawberry.field(
        description="The bytes of Xero's answers in this month (UTC), compressed as they travelled. Workers add"
        " theirs within seconds."
    )
    async def bytes_this_month(self, info: Info[Context, None]) -> float | None:
        return float((await self._month(info)).received)

    @strawberry.field(
        description="The forecast of `bytesThisMonth` for the month's end, at the pace of the last seven days."
        " An import in these days raises the pace."
    )
    async def bytes_forecast(self, info: Info[Context, None]) -> float | None:
        return (await self._month(info)).forecast

    async def _month(self, info: Info[Context, None]) -> traffic.Month:
        found: traffic.Month | None = await load(info.context, _CALL_BUDGET_MONTH_OF_TENANT, self.tenant_id)
        return found or traffic.Month(0, 0.0)


_CALL_BUDGET_MONTH_OF_TENANT = BatchName[UUID, traffic.Month]("CallBudget.month_of_tenant")


@batch_in_transaction(_CALL_BUDGET_MONTH_OF_TENANT)
async def _months(tx: Tx, tenants: Sequence[UUID]) -> dict[UUID, traffic.Month]:
    return await traffic.find_months(tx, tenants)


_CALL_BUDGET_OF_TENANT = BatchName[UUID, call_budget.CallBudget]("CallBudget.of_tenant")


@batch_in_transaction(_CALL_BUDGET_OF_TENANT)
async def _budgets(tx: Tx, tenants: Sequence[UUID]) -> dict[UUID, call_budget.CallBudget]:
    return await call_budget.find_many(tx, tenants)


async def call_budget_of(
    context: Context, organisation_id: UUID, tenant_id: UUID, own_limit: datetime | None
) -> CallBudget | None:
    """`own_limit`: until when Tandem itself makes no call. None until Xero's first answer."""
    found: call_budget.CallBudget | None = await load(context, _CALL_BUDGET_OF_TENANT, tenant_id)
    if found is None:
        return None
    return CallBudget(
        tenant_id=tenant_id,
        id=ids.encode("CallBudget", organisation_id),
        minute_remaining=found.minute_remaining,
        day_remaining=found.day_remaining,
        day_limit=found.day_limit,
        limited_until=found.limited_until or own_limit,
    )
