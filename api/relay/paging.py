"""Pages by keyset: a cursor holds the sort keys of its row. So a page costs the same at any depth, and rows that are added or deleted do
not shift the rows after them."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec
import strawberry
from graphql import GraphQLError
from strawberry.types import Info

from api.context import Context
from api.errors import Code as ErrorCode
from api.errors import refusal
from api.relay.described import described
from api.relay.loaders import BatchName, load
from api.relay.ranges import Ranges
from domain.described import DescribedEnum
from domain.tx import Reader

PAGE, MOST = 50, 100
COUNTED = 10_000
# The ids are taken as an array: a subquery may become a loop over all of them for each contact (9 s instead of
# 75 ms among 100,000). A search reads at most so many matches: a longer list helps nobody.
MOST_FOUND = 100_000
ABSENT = datetime.fromisoformat("1970-01-01T00:00:00+00:00")  # replaces null where times are sorted
First = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many rows to give from the beginning, or after `after`. Default {PAGE}, at most {MOST}."
    ),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of a row: the page begins behind it. It must come from the same list in the"
        " same order."
    ),
]
Last = Annotated[
    int | None,
    strawberry.argument(
        description="In place of `first`: how many rows to give from the end, or before `before`."
        f" At most {MOST}."
    ),
]
Before = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of a row: the page ends in front of it. It must come from the same list in"
        " the same order."
    ),
]
_KINDS = {str: "text", datetime: "timestamptz", date: "date", float: "float8", int: "bigint"}
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
Made = TypeVar("Made")
RowT = TypeVar("RowT")


@described
class Direction(DescribedEnum):
    """Whether a list begins with its lowest or its highest values."""

    ASC = "ASC", "From low to high: names from A to Z, the oldest time first, the smallest amount first."
    DESC = "DESC", "From high to low: names from Z to A, the newest time first, the largest amount first."


@dataclass(frozen=True)
class Key:
    """A sort key: SQL that is never null, and the type of its values."""

    sql: str
    type: type[str] | type[datetime] | type[date] | type[float] | type[int]


@dataclass(frozen=True)
class Order:
    """An order of a list. Each cursor holds the `name` of its order, so that a cursor of another order is refused. All keys have the same
    direction."""

    name: str
    keys: tuple[Key, ...]
    descending: bool = False


@dataclass(frozen=True)
class Asked:
    """The arguments of a page. The arguments are hashable, so that one statement reads the pages under many parents."""

    limit: int = PAGE
    backward: bool = False
    after: str | None = None
    before: str | None = None


def asked(
    first: int | None = None, after: str | None = None, last: int | None = None, before: str | None = None
) -> Asked:
    """Check the arguments of a connection. Refuse both directions at once, and sizes other than 1 to 100."""
    if isinstance(first, int) and isinstance(last, int):
        raise refusal(ErrorCode.BAD_REQUEST, "Give `first` or `last`, but not both.")
    backward = isinstance(last, int)
    limit = last if backward else first
    if not isinstance(limit, int):
        limit = PAGE
    if not 1 <= limit <= MOST:
        name, way = ("last", "before") if backward else ("first", "after")
        advice = f"take the next page with `{way}`" if limit > MOST else f"leave it out for {PAGE}"
        raise refusal(ErrorCode.BAD_REQUEST, f"`{name}` may be 1 to {MOST}, and is {limit}: {advice}")
    return Asked(limit, backward, after or None, before or None)


@strawberry.type(
    description="The place of a page in its list. Use its cursors to ask for the next or the previous page."
)
class PageInfo:
    has_next_page: bool = strawberry.field(
        description="Whether the list goes on after this page. With `last`, this is true if `before` was"
        " given."
    )
    has_previous_page: bool = strawberry.field(
        description="Whether the list has rows before this page. With `first`, this is true if `after` was"
        " given."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the first edge, to be given as `before`. Null if the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last edge, to be given as `after`. Null if the page is empty."
    )


@dataclass(frozen=True)
class Page(Generic[RowT]):
    """The rows of a page in the list's order, each with its cursor."""

    rows: Sequence[tuple[str, RowT]]
    info: PageInfo


class _Count(NamedTuple):
    n: int


class _CountUnder(NamedTuple):
    parent: UUID
    n: int


@dataclass(frozen=True)
class Listing(Generic[RowT]):
    """A list as SQL. `row` is made of `columns`. `id` is the last sort key: it orders equal rows. :ws is bound.

    `parent`: the column by which the list is read under many parents at once. `ranges`: ranges of an index that
    together hold exactly the list's rows. So a page and the count read only as many entries as they show. `where` is then not used.
    """

    row: Callable[..., RowT]
    columns: str
    source: str
    order: Order
    id: str
    where: tuple[str, ...] = ()
    values: Mapping[str, object] = field(default_factory=dict)
    parent: str | None = None
    ranges: Ranges | None = None

    async def read(self, tx: Reader, page: Asked) -> Page[RowT]:
        sql, values = self.statement(page, self.columns)
        return self._page(await tx.read(self._placed, sql, **values), page)

    def statement(self, page: Asked, columns: str) -> tuple[str, dict[str, object]]:
        """SQL of the page's rows, and of one more if there are more: these columns, and then the sort keys, which `cursor` takes.
        With its values."""
        bounds, values = self._bounds(page)
        if self.ranges is None:
            sql = self._select(page, columns, (*self.where, *bounds))
        else:
            sql = self._select_ranges(page, columns)
        return sql, {**self.values, **values}

    async def read_under(self, tx: Reader, parents: Sequence[UUID], page: Asked) -> dict[UUID, Page[RowT]]:
        """The page under each parent, read by one statement."""
        bounds, values = self._bounds(page)
        inner = self._select(page, self.columns, (*self.where, *bounds, f"{self.parent} = p.parent"))
        sql = f"select p.parent, r.* from unnest(cast(:parents as uuid[])) as p(parent) cross join lateral ({inner}) r"
        found: dict[UUID, list[tuple[str, RowT]]] = {parent: [] for parent in parents}
        rows = await tx.read(self._placed_under, sql, parents=list(parents), **self.values, **values)
        for parent, placed in rows:
            found[parent].append(placed)
        return {parent: self._page(rows, page) for parent, rows in found.items()}

    async def count_under(self, tx: Reader, parents: Sequence[UUID]) -> dict[UUID, int]:
        """The count under each parent, as `count` has it."""
        rows = await tx.read(
            _CountUnder,
            f"select p.parent, count(*) as n from unnest(cast(:parents as uuid[])) as p(parent) cross join lateral"
            f" (select 1 from {self.source} where {self._all((*self.where, f'{self.parent} = p.parent'))}"
            f" limit {COUNTED + 1}) counted group by 1",
            parents=list(parents),
            **self.values,
        )
        return {row.parent: row.n for row in rows}

    async def count(self, tx: Reader) -> int:
        """The number of rows, but at most COUNTED + 1."""
        [counted] = await tx.read(_Count, f"select {self.count_sql} as n", **self.values)
        return counted.n

    @property
    def count_sql(self) -> str:
        """SQL of what `count` gives, with `values` bound."""
        most = COUNTED + 1
        rows = f"select 1 from {self.source} where {self._all(self.where)} limit {most}"
        return f"(select count(*) from ({rows}) counted)" if self.ranges is None else self.ranges.count(most)

    def _select_ranges(self, page: Asked, columns: str) -> str:
        """SQL of a page like `_select`: first the keys of the page from the ranges, then the rows with these ids."""
        way = "desc" if self.order.descending != page.backward else "asc"
        sorts = ", ".join(f"sort_{n} {way}" for n in range(len(self.order.keys) + 1))
        keys = self._keys(self._signs(page), way, page.limit + 1)
        found = f"select distinct * from ({keys}) r order by {sorts} limit {page.limit + 1}"
        shown = ", ".join(f"k.sort_{n}" for n in range(len(self.order.keys) + 1))
        joined = f"({found}) k join {self.source} on {self.id} = k.sort_{len(self.order.keys)}"
        return f"select {columns}, {shown} from {joined} where {self.where[0]} order by {sorts}"

    def _keys(self, signs: Sequence[tuple[str, str]], way: str, limit: int) -> str:
        parts = []
        for each in self.ranges.parts if self.ranges else ():
            bounds = [
                f"({', '.join(each.sorts)}) {sign} ({', '.join(self._casts(name))})" for name, sign in signs
            ]
            ordered = ", ".join(f"{column} {way}" for column in each.sorts)
            parts.append(each.select(bounds, ordered, limit))
        if not parts:
            kinds = [*(_KINDS[key.type] for key in self.order.keys), "uuid"]
            nothing = ", ".join(f"cast(null as {kind}) as sort_{n}" for n, kind in enumerate(kinds))
            parts.append(f"select {nothing} where false")
        return " union all ".join(parts)

    def _select(self, page: Asked, columns: str, where: Sequence[str]) -> str:
        sorts = [*(key.sql for key in self.order.keys), self.id]
        way = "desc" if self.order.descending != page.backward else "asc"
        keys = ", ".join(f"{sql} as sort_{n}" for n, sql in enumerate(sorts))
        return (
            f"select {columns}, {keys} from {self.source} where {self._all(where)}"
            f" order by {', '.join(f'{sql} {way}' for sql in sorts)} limit {page.limit + 1}"
        )

    def _all(self, where: Sequence[str]) -> str:
        return " and ".join(where) or "true"

    def _bounds(self, page: Asked) -> tuple[list[str], dict[str, object]]:
        sorts = ", ".join([*(key.sql for key in self.order.keys), self.id])
        conditions = [
            f"({sorts}) {sign} ({', '.join(self._casts(name))})" for name, sign in self._signs(page)
        ]
        values: dict[str, object] = {}
        for name, cursor in (("after", page.after), ("before", page.before)):
            if cursor is not None:
                values |= {f"{name}_{n}": value for n, value in enumerate(self._decode(cursor))}
        return conditions, values

    def _signs(self, page: Asked) -> list[tuple[str, str]]:
        """The cursors that bound the page, `after` or `before`, each with the sign that its rows have to it."""
        after, before = ("<", ">") if self.order.descending else (">", "<")
        given = (("after", page.after, after), ("before", page.before, before))
        return [(name, sign) for name, cursor, sign in given if cursor is not None]

    def _casts(self, name: str) -> list[str]:
        kinds = [*(_KINDS[key.type] for key in self.order.keys), "uuid"]
        return [f"cast(:{name}_{n} as {kind})" for n, kind in enumerate(kinds)]

    def _page(self, rows: Sequence[tuple[str, RowT]], page: Asked) -> Page[RowT]:
        kept = rows[: page.limit]
        found = list(reversed(kept)) if page.backward else kept
        ends = (found[0][0], found[-1][0]) if found else (None, None)
        return Page(found, self.info(page, len(rows), *ends))

    def info(self, page: Asked, found: int, start: str | None, end: str | None) -> PageInfo:
        """The PageInfo of a page whose statement found so many rows. `start`, `end`: the cursors of its first and last row."""
        more = found > page.limit
        return PageInfo(
            has_next_page=page.before is not None if page.backward else more,
            has_previous_page=more if page.backward else page.after is not None,
            start_cursor=start,
            end_cursor=end,
        )

    def _placed_under(self, parent: UUID, **found: object) -> tuple[UUID, tuple[str, RowT]]:
        return parent, self._placed(**found)

    def _placed(self, **found: object) -> tuple[str, RowT]:
        """The cursor, from the values of the sort keys, and the row, from the other columns."""
        values = [found.pop(f"sort_{n}") for n in range(len(self.order.keys) + 1)]
        return self.cursor(values), self.row(**found)

    def cursor(self, sorts: Sequence[Any]) -> str:
        """The cursor of the row with these values of the sort keys."""
        return self.cursors([sorts])[0]

    def cursors(self, rows: Sequence[Sequence[Any]]) -> list[str]:
        name = self.order.name
        if any(key.type in (datetime, date) for key in self.order.keys):
            rows = [[each.isoformat() if isinstance(each, date) else each for each in row] for row in rows]
        return [pack(name, *row[:-1], str(row[-1])) for row in rows]

    def _decode(self, cursor: str) -> list[Any]:
        name, *values = unpack(cursor)
        if name != self.order.name or len(values) != len(self.order.keys) + 1:
            raise refusal(
                ErrorCode.BAD_REQUEST,
                "This cursor belongs to another list or order. Leave it out, and begin at the first page.",
            )
        try:
            return [*map(_read, (key.type for key in self.order.keys), values), UUID(values[-1])]
        except (ValueError, TypeError, AttributeError):
            raise foreign_cursor() from None


def _read(kind: type, value: Any) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError
        return moment
    if kind is date:
        return date.fromisoformat(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError
    if isinstance(value, str):
        value.encode()
        if "\x00" in value:
            raise ValueError
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def foreign_cursor() -> GraphQLError:
    """A text that no list gave as a cursor."""
    message = "This is not a cursor of Tandem. Give the `cursor` of an edge, `startCursor` or `endCursor`."
    return refusal(ErrorCode.BAD_REQUEST, message)


def pack(*values: object) -> str:
    text = binascii.b2a_base64(msgspec.json.encode(values), newline=False)
    return text.translate(_URL_SAFE, b"=").decode()


def unpack(cursor: str) -> list[Any]:
    """The values that `pack` was given. Refuses every other text with BAD_REQUEST."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if not isinstance(values, list) or not values:
        raise foreign_cursor()
    return values


class Countable(Protocol):
    async def get(self, context: Context) -> int: ...


@dataclass
class Count:
    """The number of rows of a list. The count is read once, and only if the client asks for it."""

    listing: Listing[Any]
    _reading: asyncio.Future[int] | None = None

    async def get(self, context: Context) -> int:
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read(context))
        return await self._reading

    async def _read(self, context: Context) -> int:
        async with context.reading() as tx:
            return await self.listing.count(tx)


@dataclass(frozen=True)
class CountUnder:
    """The number of rows under one of many parents. The batch of this name counts them for all parents at once."""

    batch: BatchName[Any, int]
    key: Hashable

    async def get(self, context: Context) -> int:
        return await load(context, self.batch, self.key) or 0


@strawberry.type(description="A row of a page, with its cursor.")
class Edge:
    cursor: str = strawberry.field(
        description="The position of this row in the list. Give it as `after` or `before`. It holds only"
        " for the same list in the same order."
    )


@strawberry.type(description="A page of a list.")
class Connection:
    page_info: PageInfo = strawberry.field(
        description="Whether more rows follow or precede this page, and the cursors to reach them."
    )


@strawberry.type(description="A page of a list whose rows can be counted.")
class Counted(Connection):
    count: strawberry.Private[Countable]

    @strawberry.field(
        description="The number of rows in the whole list under the same filter, not only in this page. The"
        " count stops at 10,000."
    )
    async def total_count(self, info: Info[Context, None]) -> int:
        return min(await self.count.get(info.context), COUNTED)

    @strawberry.field(
        description="False if the list has more than the 10,000 rows at which `totalCount` stops."
    )
    async def total_count_is_exact(self, info: Info[Context, None]) -> bool:
        return await self.count.get(info.context) <= COUNTED


@dataclass(frozen=True)
class CountedPage(Generic[RowT]):
    """The page and the count from which a connection is made."""

    page: Page[RowT]
    count: Count

    def edges(self, make: Callable[[str, RowT], Made]) -> list[Made]:
        return [make(cursor, row) for cursor, row in self.page.rows]


async def read(context: Context, listing: Listing[RowT], page: Asked) -> CountedPage[RowT]:
    async with context.reading() as tx:
        return CountedPage(await listing.read(tx, page), Count(listing))
