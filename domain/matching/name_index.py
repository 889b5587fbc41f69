"""A practice's names in memory, for a pass with very many look-ups: what door.similar_contacts finds by trigrams.

Reading it costs as much as some 300 look-ups by PostgreSQL, however many contacts there are; one here is 20 times as fast.
Rare keys are quick there, so those stay with PostgreSQL, and so does who is linked. Keys that many share find nobody, and
are kept here only not to be asked for.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from domain.names.text_keys import VERSION
from domain.names.trigrams import Trigrams
from domain.tx import Tx

FEWEST_LOOKS, FEWEST_CONTACTS = 1000, 5000
MOST_CONTACTS = 300_000  # in 200 MB, see docs/PERFORMANCE.md
LIKEST = 20  # as the door's
# The door finds nobody by a key of more than 50 contacts. Of these even more have it, so that one stays common until it is
# asked again which are, whoever goes meanwhile.
COMMON = 250
COMMON_FOR = timedelta(minutes=1)
_PAGE = 1000
# A contact is stamped when its transaction begins, and seen when that ends.
_OVERLAP = timedelta(minutes=1)


def is_worth(looks: int, contacts: int) -> bool:
    """The one rule: a roll is for many look-ups among many contacts. A delta's few ones, and a small practice, where one
    costs PostgreSQL a millisecond or less, are left to it; more contacts than memory is meant for, too."""
    return looks >= FEWEST_LOOKS and FEWEST_CONTACTS <= contacts <= MOST_CONTACTS


async def can_be_kept(tx: Tx) -> bool:
    """False while keys of older rules are there: they are made anew without a trace (decision 0014)."""
    found = f"select 1 from contact where workspace_id = :ws and key_version < {VERSION} limit 1"
    return await tx.row(found) is None


class Roll:
    """The names of active contacts as they were at `at`, or newer."""

    def __init__(self, at: datetime) -> None:
        self.at = self._common_at = at
        self.names = Trigrams()
        self.common: frozenset[str] = frozenset()
        self._in_use = asyncio.Lock()

    async def read(self, tx: Tx) -> None:
        after = UUID(int=0)
        while rows := await tx.rows(
            "select id, show_trgm(match_name) as trigrams from contact where workspace_id = :ws and archived_at is null"
            " and id > :after order by id limit :page",
            after=after, page=_PAGE,
        ):  # fmt: skip
            for row in rows:
                self.names.put(row["id"], row["trigrams"] or ())
            after = rows[-1]["id"]
        await self._ask_common(tx)

    async def refresh(self, tx: Tx) -> None:
        """Take over what has changed."""
        async with self._in_use:
            rows = await tx.rows(
                "select id, archived_at, show_trgm(match_name) as trigrams from contact where workspace_id = :ws"
                " and updated_at >= :since",
                since=self.at - _OVERLAP,
            )
            for row in rows:
                if row["archived_at"] is None:
                    self.names.put(row["id"], row["trigrams"] or ())
                else:
                    self.names.drop(row["id"])
            self.at = tx.now
            if tx.now - self._common_at >= COMMON_FOR:
                await self._ask_common(tx)

    async def _ask_common(self, tx: Tx) -> None:
        rows = await tx.rows(
            "select key from contact cross join unnest(match_keys) key where workspace_id = :ws group by key"
            " having count(*) > :common",
            common=COMMON,
        )
        self.common, self._common_at = frozenset(row["key"] for row in rows), tx.now

    async def likest(self, tx: Tx, names: Sequence[str]) -> list[list[UUID]]:
        """Of each name the active contacts that are likest by trigrams, linked ones too."""
        rows = await tx.rows(
            "select show_trgm(a.name) as trigrams from unnest(cast(:names as text[])) with ordinality a(name, place)"
            " order by a.place",
            names=list(names),
        )
        asked = [row["trigrams"] for row in rows]
        async with self._in_use:
            while True:
                found = await asyncio.to_thread(self._likest, asked)
                met = {key for near in found for key in near}
                there = await tx.rows(
                    "select id from contact where workspace_id = :ws and id = any(:ids) and archived_at is null",
                    ids=list(met),
                )
                gone = met - {row["id"] for row in there}
                if not gone:
                    return found
                for key in gone:  # whose place another one takes
                    self.names.drop(key)

    def _likest(self, asked: Sequence[Sequence[str]]) -> list[list[UUID]]:
        return [self.names.likest(trigrams, LIKEST) for trigrams in asked]
