"""Accounts and tax rates of a Xero organisation, among which the mappings choose."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple, Self
from uuid import UUID

import strawberry

from api.context import Context
from api.mutations.payloads import given
from api.relay import ids
from api.relay.loaders import BatchName, batch, batch_in_transaction, by_argument, load_known
from api.relay.node import Node
from api.relay.paging import Asked, Counted, CountUnder, Edge, Key, Listing, Order, Page
from api.relay.rows import columns
from api.schema.amounts import plain
from api.schema.refs import XERO_ACCOUNT, XERO_TAX_RATE, XERO_TAX_RATES_OF_ORGANISATION
from domain.names.text_keys import search_patterns
from domain.tx import Reader, Tx


class AccountRow(NamedTuple):
    id: UUID
    code: str | None
    name: str
    account_class: str
    account_type: str
    active: bool


class TaxRateRow(NamedTuple):
    id: UUID
    organisation_id: UUID
    tax_type: str
    name: str
    effective_rate: Decimal
    active: bool
    can_apply_to_revenue: bool
    can_apply_to_expenses: bool


_ACCOUNTS = columns(AccountRow, "a")
_RATES = f"select {columns(TaxRateRow, 'r')} from xero_tax_rate r where r.workspace_id = :ws"
# Accounts without a code, which are bank accounts, come last.
_BY_CODE = Order(
    "accounts",
    (
        Key("case when a.code is null then 1 else 0 end", int),
        Key("coalesce(a.code, '')", str),
        Key("a.name", str),
    ),
)


@strawberry.type(
    description="An account of a Xero organisation's chart of accounts. Its `code` can be changed in Xero;"
    " its `id` stays."
)
class XeroAccount(Node):
    code: strawberry.ID | None = strawberry.field(
        description="The account code, by which mutations name the account. Null for bank accounts without"
        " one."
    )
    name: str = strawberry.field(
        description="The account's name in Xero, such as Sales. It may change there."
    )
    class_: str = strawberry.field(
        name="class",
        description="The account's class in Xero, such as REVENUE or EXPENSE. Services need an account of"
        " class REVENUE.",
    )
    type: str = strawberry.field(
        description="The account's type in Xero, such as SALES, which divides the class further."
    )
    active: bool = strawberry.field(
        description="False if Xero has archived the account or no longer lists it. Invoices cannot go to it"
        " then."
    )

    @classmethod
    def of(cls, row: AccountRow) -> Self:
        return cls(
            id=ids.encode("XeroAccount", row.id),
            code=strawberry.ID(row.code) if row.code else None,
            name=row.name,
            class_=row.account_class,
            type=row.account_type,
            active=row.active,
        )


@strawberry.type(
    description="A tax rate of a Xero organisation, for one of the practice's rates to be mapped to."
)
class XeroTaxRate(Node):
    tax_type: strawberry.ID = strawberry.field(
        description="Xero's code of the tax rate, such as OUTPUT2, by which mutations name it."
    )
    name: str = strawberry.field(
        description="The tax rate's name in Xero, such as 15% GST on Income. It may change there."
    )
    effective_rate: Decimal = strawberry.field(
        description="In per cent: '15' is 15 %. It must equal the percentage of the practice's tax rate for"
        " which it is used."
    )
    active: bool = strawberry.field(
        description="False if Xero has archived the tax rate or no longer lists it. Invoices cannot use it"
        " then."
    )
    can_apply_to_revenue: bool = strawberry.field(
        description="Whether Xero allows the tax rate on accounts of revenue."
    )
    can_apply_to_expenses: bool = strawberry.field(
        description="Whether Xero allows the tax rate on accounts of expenses."
    )

    @classmethod
    def of(cls, row: TaxRateRow) -> Self:
        return cls(
            id=ids.encode("XeroTaxRate", row.id),
            tax_type=strawberry.ID(row.tax_type),
            name=row.name,
            effective_rate=plain(row.effective_rate),
            active=row.active,
            can_apply_to_revenue=row.can_apply_to_revenue,
            can_apply_to_expenses=row.can_apply_to_expenses,
        )


@batch(XERO_ACCOUNT, node="XeroAccount")
async def _accounts(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, XeroAccount]:
    rows = await tx.read(
        AccountRow,
        f"select {_ACCOUNTS} from xero_account a where a.workspace_id = :ws and a.id = any(:ids)",
        ids=list(keys),
    )
    return {row.id: XeroAccount.of(row) for row in rows}


@batch(XERO_TAX_RATE, node="XeroTaxRate")
async def _tax_rates(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, XeroTaxRate]:
    rows = await tx.read(TaxRateRow, f"{_RATES} and r.id = any(:ids)", ids=list(keys))
    return {row.id: XeroTaxRate.of(row) for row in rows}


@batch(XERO_TAX_RATES_OF_ORGANISATION)
async def _rates_of(tx: Reader, keys: Sequence[UUID]) -> dict[UUID, list[XeroTaxRate]]:
    rows = await tx.read(
        TaxRateRow,
        f"{_RATES} and r.organisation_id = any(:ids) order by r.name, r.tax_type, r.id",
        ids=list(keys),
    )
    found: dict[UUID, list[XeroTaxRate]] = {key: [] for key in keys}
    for row in rows:
        found[row.organisation_id].append(XeroTaxRate.of(row))
    return found


@strawberry.type(description="A row of a page: an account, with its cursor.")
class XeroAccountEdge(Edge):
    node: XeroAccount = strawberry.field(description="The account in this row.")


@strawberry.type(description="A page of accounts, sorted by code. Accounts without a code come last.")
class XeroAccountConnection(Counted):
    edges: list[XeroAccountEdge] = strawberry.field(description="The accounts of this page.")


@strawberry.input(description="Which accounts to list. An account must meet every condition that is given.")
class XeroAccountFilter:
    search: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Words, each of which must begin a word of the account's code or name.",
    )
    class_: list[str] | None = strawberry.field(
        name="class",
        default=strawberry.UNSET,
        description="Only accounts of one of these classes, in Xero's words, such as REVENUE.",
    )
    active: bool | None = strawberry.field(
        default=True, description="True: active accounts. False: archived ones. Null: both."
    )


Filter = tuple[tuple[str, ...], tuple[str, ...] | None, bool | None]


def _filter(filter: XeroAccountFilter | None) -> Filter:
    """The filter as search patterns, classes and `active`. The filter is hashable, so that one statement reads every
    organisation with the same filter."""
    wanted = filter or XeroAccountFilter()
    classes = given(wanted.class_)
    return (
        tuple(search_patterns(given(wanted.search) or "")),
        None if classes is None else tuple(classes),
        given(wanted.active),
    )


def _listing(filter: Filter) -> Listing[AccountRow]:
    patterns, classes, active = filter
    where, values = ["a.workspace_id = :ws"], dict[str, Any]()
    for n, pattern in enumerate(patterns):
        where.append(f"a.search_key like :pattern_{n}")
        values[f"pattern_{n}"] = pattern
    if classes is not None:
        where.append("a.account_class = any(:classes)")
        values["classes"] = list(classes)
    if active is not None:
        where.append("a.active = :active")
        values["active"] = active
    return Listing(
        AccountRow,
        _ACCOUNTS,
        "xero_account a",
        _BY_CODE,
        "a.id",
        tuple(where),
        values,
        parent="a.organisation_id",
    )


_Under = tuple[UUID, tuple[Asked, Filter]]


_XERO_ACCOUNT_PAGE_OF_ORGANISATION = BatchName[_Under, Page[AccountRow]]("XeroAccountPage.of_organisation")


@batch_in_transaction(_XERO_ACCOUNT_PAGE_OF_ORGANISATION)
async def _pages(tx: Tx, keys: Sequence[_Under]) -> dict[_Under, Page[AccountRow]]:
    found: dict[_Under, Page[AccountRow]] = {}
    for arguments, organisations in by_argument(keys).items():
        page, filter = arguments
        pages = await _listing(filter).read_under(tx, organisations, page)
        found |= {(organisation, arguments): one for organisation, one in pages.items()}
    return found


_XERO_ACCOUNT_COUNT_OF_ORGANISATION = BatchName[tuple[UUID, Filter], int]("XeroAccountCount.of_organisation")


@batch_in_transaction(_XERO_ACCOUNT_COUNT_OF_ORGANISATION)
async def _counts(tx: Tx, keys: Sequence[tuple[UUID, Filter]]) -> dict[tuple[UUID, Filter], int]:
    found: dict[tuple[UUID, Filter], int] = {}
    for filter, organisations in by_argument(keys).items():
        counts = await _listing(filter).count_under(tx, organisations)
        found |= {(organisation, filter): n for organisation, n in counts.items()}
    return found


async def accounts(
    context: Context, organisation: UUID, page: Asked, filter: XeroAccountFilter | None
) -> XeroAccountConnection:
    wanted = _filter(given(filter))
    found = await load_known(context, _XERO_ACCOUNT_PAGE_OF_ORGANISATION, (organisation, (page, wanted)))
    return XeroAccountConnection(
        edges=[XeroAccountEdge(cursor=cursor, node=XeroAccount.of(row)) for cursor, row in found.rows],
        page_info=found.info,
        count=CountUnder(_XERO_ACCOUNT_COUNT_OF_ORGANISATION, (organisation, wanted)),
    )
