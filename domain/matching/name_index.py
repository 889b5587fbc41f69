"""The names of a practice in memory, for a pass with very many look-ups of near-duplicates.

The index finds what door.similar_contacts finds by trigrams. Loading it costs as much as about 300 look-ups in
PostgreSQL, however many contacts there are. A look-up in the index is 20 times as fast. PostgreSQL still finds contacts
by rare keys, and knows which contacts are linked. The index holds the common keys only, so that
they are not queried: a key that many contacts share finds nothing.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from domain.names.text_keys import VERSION
from domain.names.trigrams import Trigrams
from domain.tx import Tx

MIN_LOOKUPS, MIN_CONTACTS = 1000, 5000
MAX_CONTACTS = 300_000  # about 200 MB, see docs/PERFORMANCE.md
MAX_NEAREST = 20  # as in door.similar_contacts
# door.similar_contacts finds nothing by a key that more than 50 contacts share. A key counts as common here only from 250
# contacts on, so that it stays common until the next check even if some of its contacts go.
COMMON = 250
COMMON_FOR = timedelta(minutes=1)
_PAGE = 1000
# A contact gets its time stamp when its transaction begins, and becomes visible when the transaction ends.
_OVERLAP = timedelta(minutes=1)


def pays_off(lookups: int, contacts: int) -> bool:
    """Whether an index pays off: for many look-ups among many contacts, up to the limit of memory.

    PostgreSQL does the few look-ups of a delta, and those of a small practice, at a millisecond or less each.
    """
    return lookups >= MIN_LOOKUPS and MIN_CONTACTS <= contacts <= MAX_CONTACTS


async def keys_are_current(tx: Tx) -> bool:
    """False while a contact has keys of an older version: the rebuild of keys changes no `updated_at` (decision 0014)."""
    found = f"select id from contact where workspace_id = :ws and key_version < {VERSION} limit 1"
    return not await tx.ids(found)


class _Named(NamedTuple):
    id: UUID
    trigrams: list[str] | None
    archived: bool


class _Key(NamedTuple):
    key: str


class _Asked(NamedTuple):
    trigrams: list[str]


class NameIndex:
    """The names of active contacts, as of `at` or later."""

    def __init__(self, at: datetime) -> None:
        self.at = self._common_at = at
        self.names = Trigrams()
        self.common: frozenset[str] = frozenset()
        self._in_use = asyncio.Lock()

    async def load(self, tx: Tx) -> None:
        after = UUID(int=0)
        while rows := await tx.read(
            _Named,
            "select id, show_trgm(match_name) as trigrams, false as archived from contact where workspace_id = :ws and archived_at is null"
            " and id > :after order by id limit :page",
            after=after, page=_PAGE,
        ):  # fmt: skip
            for row in rows:
                self.names.put(row.id, row.trigrams or ())
            after = rows[-1].id
        await self._ask_common(tx)

    async def refresh(self, tx: Tx) -> None:
        """Load the contacts that have changed since `at`."""
        async with self._in_use:
            rows = await tx.read(
                _Named,
                "select id, show_trgm(match_name) as trigrams, archived_at is not null as archived from contact where workspace_id = :ws"
                " and updated_at >= :since",
                since=self.at - _OVERLAP,
            )
            for row in rows:
                if row.archived:
                    self.names.drop(row.id)
                else:
                    self.names.put(row.id, row.trigrams or ())
            self.at = tx.now
            if tx.now - self._common_at >= COMMON_FOR:
                await self._ask_common(tx)

    async def _ask_common(self, tx: Tx) -> None:
        rows = await tx.read(
            _Key,
            "select key from contact cross join unnest(match_keys) key where workspace_id = :ws group by key"
            " having count(*) > :common",
            common=COMMON,
        )
        self.common, self._common_at = frozenset(row.key for row in rows), tx.now

    async def nearest(self, tx: Tx, names: Sequence[str]) -> list[list[UUID]]:
        """For each name, the active contacts that are nearest by trigrams, linked contacts included."""
        rows = await tx.read(
            _Asked,
            "select show_trgm(a.name) as trigrams from unnest(cast(:names as text[])) with ordinality a(name, place)"
            " order by a.place",
            names=list(names),
        )
        asked = [row.trigrams for row in rows]
        async with self._in_use:
            while True:
                found = await asyncio.to_thread(self._nearest, asked)
                met = {key for near in found for key in near}
                there = await tx.ids(
                    "select id from contact where workspace_id = :ws and id = any(:ids) and archived_at is null",
                    ids=list(met),
                )
                gone = met.difference(there)
                if not gone:
                    return found
                for key in gone:  # another contact takes the place
                    self.names.drop(key)

    def _nearest(self, asked: Sequence[Sequence[str]]) -> list[list[UUID]]:
        return [self.names.nearest(trigrams, MAX_NEAREST) for trigrams in asked]
