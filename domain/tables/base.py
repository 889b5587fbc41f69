"""The parts of every table: the metadata, its naming convention and the kinds of columns.

Each row belongs to a workspace, and its key is (workspace_id, id): foreign keys ignore row-level security, so
they carry the workspace. Enums are text with a CHECK: equality on native enums is not leakproof, and PostgreSQL
would not use an index under row-level security. Columns named `*_key` are normalised by
`domain.names.text_keys`. A blank value is null in them, never ''.
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Never
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


metadata = SQLModel.metadata


def choice_column(kind: type[StrEnum], *, nullable: bool = False, default: str | None = None) -> Any:
    column_type = sa.Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )
    return Field(default=default, sa_type=column_type, nullable=nullable)


def time_column(*, nullable: bool = False) -> Any:
    return Field(default=None, sa_type=sa.DateTime(timezone=True), nullable=nullable)


def json_column(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)


class _Struct(sa.TypeDecorator[msgspec.Struct]):
    """JSON that rows hold as a msgspec.Struct: amounts, dates and ids are texts in it."""

    impl = JSONB
    cache_ok = True

    def __init__(self, kind: type[msgspec.Struct]) -> None:
        super().__init__(none_as_null=True)
        self.kind = kind

    def process_bind_param(self, value: msgspec.Struct | None, dialect: sa.Dialect) -> object:
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: object, dialect: sa.Dialect) -> msgspec.Struct | None:
        return None if value is None else msgspec.convert(value, self.kind)


def struct_column(kind: type[msgspec.Struct]) -> Any:
    return Field(default=None, sa_type=_Struct(kind), nullable=True)


def amount_column(*, nullable: bool = False) -> Any:
    """Exact, as many digits as it has; never a float."""
    return Field(default=None, sa_type=sa.Numeric, nullable=nullable)


def key_column() -> Any:
    """A normalised text compared byte by byte, so that sorting is the same on every server."""
    return Field(default=None, sa_type=sa.Text(collation="C"), nullable=True)


def texts_column() -> Any:
    return Field(default=None, sa_type=ARRAY(sa.Text), nullable=False)


def foreign_key(table: str, column: str, ondelete: str | None = None) -> sa.ForeignKeyConstraint:
    """A foreign key that carries the workspace. SET NULL clears the column alone, not the workspace."""
    action = f"SET NULL ({column})" if ondelete == "SET NULL" else ondelete
    return sa.ForeignKeyConstraint(
        ["workspace_id", column], [f"{table}.workspace_id", f"{table}.id"], ondelete=action
    )


# Without a list of pending entries, which each look-up would read through until a vacuum.
AT_ONCE = {"fastupdate": "off"}


class Table(SQLModel):
    """A row of a table. To write a column that the table does not have is an error that mypy finds."""

    if TYPE_CHECKING:  # SQLModel's own method would let mypy take any name

        def __setattr__(self, name: str, value: Never) -> None: ...


class Row(Table):
    workspace_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
