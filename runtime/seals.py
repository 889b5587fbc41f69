"""The values that are sealed with TANDEM_KEYS, and whether the present keys open them."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from runtime.seal import KeyRing, SealError, find_key
from xero.tokens import identity

LOST = (
    "Put the right keys back into TANDEM_KEYS and restart. If a key is lost, run `tandem reseal --give-up` and connect the"
    " organisations again"
)
_LIST = sa.text("select grant_id, client_id, xero_user_id, sealed from door.list_seals(:now)")


class Seal(NamedTuple):
    """`grant_id` is None for a consent that has begun and is not finished."""

    grant_id: UUID | None
    client_id: str | None
    xero_user_id: UUID | None
    sealed: bytes


@dataclass
class Seals:
    """The consents that the keys open. `unopened`: why each of the others does not open."""

    current: int = 0
    older: list[UUID] = field(default_factory=list)
    unopened: dict[UUID, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    @property
    def trouble(self) -> str | None:
        if not self.unopened:
            return None
        total = self.current + len(self.older) + len(self.unopened)
        why = "; ".join(sorted(set(self.unopened.values())))
        return f"TANDEM_KEYS opens {total - len(self.unopened)} of {total} consents of Xero: {why}. {LOST}"

    @property
    def stops_all(self) -> bool:
        """Whether no consent opens: the keys are wrong, and not one consent."""
        return bool(self.unopened) and not self.current and not self.older


async def examine(session: AsyncSession | AsyncConnection, now: datetime, keys: KeyRing) -> Seals:
    """Open every consent that is in use. A practice has a few."""
    found = Seals()
    for row in await session.execute(_LIST, {"now": now}):
        seal = Seal(*row)
        with suppress(SealError):
            found.used[find_key(seal.sealed)] += 1
        if seal.grant_id is None or seal.client_id is None or seal.xero_user_id is None:
            continue
        try:
            keys.unseal(seal.sealed, identity(seal.client_id, seal.xero_user_id))
        except SealError as error:
            found.unopened[seal.grant_id] = str(error)
        else:
            if keys.is_current(seal.sealed):
                found.current += 1
            else:
                found.older.append(seal.grant_id)
    return found
