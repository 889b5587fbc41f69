"""An open transaction, as domain uses it. `runtime.database` opens and commits it; domain never does."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import make_transient_to_detached

from domain.tables import ActorKind, EventKind, Row
from domain.tables.base import Table

RowT = TypeVar("RowT")
TableT = TypeVar("TableT", bound=Row)

MOST_PUBLISHED = 500  # up to so many objects get an event each; for more, subscribers read the lists again


@dataclass(frozen=True)
class Actor:
    """The person, token or program that causes a change. `id`: of the user or token. The name outlives them."""

    kind: ActorKind
    name: str
    id: UUID | None = None

    def as_json(self) -> dict[str, str | None]:
        return {"kind": self.kind, "name": self.name, "id": str(self.id) if self.id else None}


TANDEM = Actor(ActorKind.TANDEM, "Tandem")
XERO = Actor(ActorKind.XERO, "Xero")


@dataclass(frozen=True)
class PendingEvent:
    kind: EventKind
    subject: str
    organisation_id: UUID | None = None
    activity_id: UUID | None = None


class Reader(Protocol):
    """Reads in one workspace: a transaction, or a connection of `Database.reading`, which costs less and cannot write."""

    @property
    def workspace(self) -> UUID: ...

    @property
    def now(self) -> datetime: ...

    async def read(self, row: Callable[..., RowT], statement: str, **values: Any) -> list[RowT]:
        """See `Tx.read`."""

    async def read_one(self, row: Callable[..., RowT], statement: str, **values: Any) -> RowT | None:
        """See `Tx.read_one`."""

    async def ids(self, statement: str, **values: Any) -> list[UUID]:
        """See `Tx.ids`."""


class CallDoor(Protocol):
    """Call a function of schema `door` in one statement, which is a transaction of its own. `row`: as for `Tx.read`."""

    async def __call__(self, row: Callable[..., RowT], statement: str, **values: Any) -> list[RowT]: ...


@dataclass
class Tx:
    """`now` is the time of everything that this transaction writes. `runtime.database` writes the collected events as its last
    statement, so that their positions are in the order of commits. `due`: the workers are woken after the commit."""

    session: AsyncSession
    workspace: UUID
    actor: Actor
    now: datetime
    events: dict[tuple[EventKind, str], PendingEvent] = field(default_factory=dict)
    due: bool = False

    def publish(
        self,
        kind: EventKind,
        subject: UUID | str,
        *,
        organisation: UUID | None = None,
        activity: UUID | None = None,
    ) -> None:
        """Give subscribers an event after the commit. Of several events about one subject, the last one counts."""
        key = (kind, str(subject))
        before = self.events.pop(key, None)
        kept = activity or (before.activity_id if before else None)
        self.events[key] = PendingEvent(kind, str(subject), organisation, kept)

    def publish_all(self, kind: EventKind, subjects: Sequence[UUID], organisation: UUID) -> None:
        """Give subscribers an event about each of these objects after the commit, or RESYNC for more than MOST_PUBLISHED."""
        if len(subjects) > MOST_PUBLISHED:
            self.publish_resync(organisation)
            return
        for subject in subjects:
            self.publish(kind, subject, organisation=organisation)

    def publish_resync(self, organisation: UUID) -> None:
        """Tell subscribers after the commit that too much has changed for single events."""
        self.publish(EventKind.RESYNC, "Much has changed: read the lists again.", organisation=organisation)

    def notify_workers(self) -> None:
        """Wake the workers after the commit: something became due."""
        self.due = True

    async def lock(self, table: type[TableT], row_id: UUID) -> TableT | None:
        """The row with this id as it is now, locked until the transaction ends. None if there is none. The next flush
        writes the attributes that were set on the row."""
        key = (self.workspace, row_id)
        return await self.session.get(table, key, with_for_update=True, populate_existing=True)

    async def insert(self, table: type[Table], rows: Sequence[Mapping[str, object]]) -> None:
        """Insert the rows by one statement. All have the same columns, with every column that has no default in PostgreSQL.

        PostgreSQL reads the rows from one JSON parameter. With a statement for each row, as SQLAlchemy's `insert` sends them,
        triggers of the statement would run for each row too.
        """
        if rows:
            await self.session.flush()
            name, columns = table.__tablename__, ", ".join(rows[0])
            await self.run(
                f"insert into {name} ({columns}) select {columns}"
                f" from json_populate_recordset(cast(null as {name}), cast(:rows as json))",
                rows=msgspec.json.encode(rows).decode(),
            )

    async def add_all(self, rows: Sequence[Table]) -> None:
        """Insert the new rows, all of one table, by one statement. The session holds them afterwards, as it would after a flush."""
        if rows:
            names = sa.inspect(type(rows[0])).columns.keys()
            await self.insert(type(rows[0]), [{name: getattr(row, name) for name in names} for row in rows])
            for row in rows:
                make_transient_to_detached(row)
            self.session.add_all(rows)

    async def update(self, table: type[Table], rows: Sequence[Mapping[str, object]]) -> None:
        """Update the rows with these ids by one statement. All have the same columns, `id` among them."""
        if rows:
            await self.session.flush()
            name = table.__tablename__
            await self.run(
                f"update {name} t set {', '.join(f'{column} = r.{column}' for column in rows[0] if column != 'id')}"
                f" from json_populate_recordset(cast(null as {name}), cast(:rows as json)) r"
                " where t.workspace_id = :ws and t.id = r.id",
                rows=msgspec.json.encode(rows).decode(),
            )

    async def read(self, row: Callable[..., RowT], statement: str, **values: Any) -> list[RowT]:
        """The result of a set-based statement, typed: `row` is a NamedTuple or a dataclass with a field for each column, or
        makes one of the columns, as `domain.fields.synced.with_practice_values` does.

        A column without a field, or a field without a column, is a TypeError. `:ws` and `:now` are bound already.
        """
        result = await self.session.execute(sa.text(statement), self.bound(values))
        # `zip` costs half of what SQLAlchemy's mappings cost.
        names = tuple(result.keys())
        return [row(**dict(zip(names, found, strict=True))) for found in result]

    async def read_one(self, row: Callable[..., RowT], statement: str, **values: Any) -> RowT | None:
        """The first row of `read`; None if the statement finds nothing."""
        found = await self.read(row, statement, **values)
        return found[0] if found else None

    async def ids(self, statement: str, **values: Any) -> list[UUID]:
        """The one column of a statement that gives ids."""
        return list((await self.session.execute(sa.text(statement), self.bound(values))).scalars())

    async def run(self, statement: str, **values: Any) -> int:
        """Execute the statement. Return the number of rows that it changed."""
        result = await self.session.execute(sa.text(statement), self.bound(values))
        return result.rowcount  # type: ignore[attr-defined,no-any-return]  # a CursorResult for a data statement

    def bound(self, values: Mapping[str, object]) -> dict[str, object]:
        """The values of a statement, with those that are bound already."""
        return {"ws": self.workspace, "now": self.now, **values}
