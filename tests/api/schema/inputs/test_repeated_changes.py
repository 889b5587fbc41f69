"""A mutation's transaction is repeated if another transaction was in its way, and only then."""

import pytest

from api.mutations.payloads import TRIES, write
from domain.tx import Tx
from runtime.database import DatabaseUnavailable
from tests import make
from tests.database import failing


@pytest.mark.parametrize(
    ("sqlstate", "times", "tried"),
    [("40P01", 1, 2), ("40001", TRIES - 1, TRIES), ("40001", TRIES, TRIES), ("55P03", 1, 1), ("25006", 1, 1)],
)
async def test_a_change_is_repeated_at_most_twice(
    ada: make.Client, sqlstate: str, times: int, tried: int
) -> None:
    context, tries = ada.context(), 0

    async def change(tx: Tx) -> int:
        nonlocal tries
        tries += 1
        if tries <= times:
            await tx.run(failing(sqlstate))
        return tries

    if tried > times:
        assert (await write(context, change)).done == tried
    else:
        with pytest.raises(DatabaseUnavailable, match=sqlstate):
            await write(context, change)
    assert tries == tried
