"""The table of contacts without a link follows each link, with one row written for each contact."""

import pytest

from domain.tables import SyncState
from domain.tx import Tx
from tests.database import rows_of
from tests.domain.linked import linked
from tests.domain.world import World


async def inserted(tx: Tx) -> int:
    """How many rows this transaction has added to the table so far."""
    counted = "select pg_stat_get_xact_tuples_inserted('unlinked_contact'::regclass) as n"
    [row] = await rows_of(tx, counted)
    return int(row["n"])


@pytest.mark.parametrize("state", [SyncState.UNSYNCED, SyncState.BROKEN])
async def test_the_contact_of_a_link_that_ends_is_listed_once(world: World, state: SyncState) -> None:
    contact, _ = await linked(world)
    async with world.tx() as tx:
        before = await inserted(tx)
        await tx.run("update sync_link set state = :state where workspace_id = :ws", state=state)
        assert await inserted(tx) - before == 1
    assert await world.rows("select contact_id from unlinked_contact") == [{"contact_id": contact}]
