"""Copies of an organisation's row, for rules and workers that only read it.

A change of a copy would be lost, so copies are frozen. `organisations.lock` gives the row that is written back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Self
from uuid import UUID

import sqlalchemy as sa

from domain.problems import Refused, not_found
from domain.tables import ConflictPolicy, ConnectionHealth, Organisation, XeroContactFilter
from domain.tx import Tx


@dataclass(frozen=True)
class OrganisationCopy:
    """Columns of `Organisation`, which explains them, as of one statement. `contact_filter` and `default_contact_type_id`
    are null until the contact sync has been started."""

    workspace_id: UUID
    id: UUID
    tenant_id: UUID
    grant_id: UUID | None
    base_currency: str
    country_code: str | None
    health: ConnectionHealth
    failing_since: datetime | None
    writes_failing_since: datetime | None
    missing_rights: Mapping[str, Mapping[str, str]] | None
    catching_up: bool
    disconnected_at: datetime | None
    contact_filter: XeroContactFilter | None
    default_contact_type_id: UUID | None
    conflict_policy: ConflictPolicy
    hold_similar: bool
    read_cursor: datetime | None
    read_asked_at: datetime | None
    mass_change: Mapping[str, object] | None
    clock_ahead: float
    invoice_sync: bool
    invoice_cursor: datetime | None

    @classmethod
    def of(cls, row: Organisation) -> Self:
        return cls(**{one.name: getattr(row, one.name) for one in fields(cls)})

    @property
    def matching_filter(self) -> XeroContactFilter:
        """The filter of an organisation whose contact sync has been started: no other organisation matches."""
        assert self.contact_filter is not None, "the contact sync has not been started"
        return self.contact_filter


_TABLE: sa.Table = Organisation.__table__  # type: ignore[attr-defined]  # SQLModel sets it and does not declare it
_COLUMNS = [_TABLE.c[one.name] for one in fields(OrganisationCopy)]


async def find(tx: Tx, organisation_id: UUID) -> OrganisationCopy | None:
    """Read a new copy, even if the session holds the row."""
    rows = await tx.session.execute(
        sa.select(*_COLUMNS).where(_TABLE.c.workspace_id == tx.workspace, _TABLE.c.id == organisation_id)
    )
    found = rows.one_or_none()
    return OrganisationCopy(*found) if found is not None else None


async def find_connected(tx: Tx, organisation_id: UUID) -> OrganisationCopy | None:
    """Read a new copy. None for an organisation that is unknown or disconnected."""
    found = await find(tx, organisation_id)
    return found if found is not None and found.disconnected_at is None else None


async def get(tx: Tx, organisation_id: UUID) -> OrganisationCopy:
    found = await find(tx, organisation_id)
    if found is None:
        raise Refused([not_found("Xero organisation", "organisationId")])
    return found
