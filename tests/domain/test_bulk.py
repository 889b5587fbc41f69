"""Invalid data of one row does not stop the other rows; a mistake in our code fails all of them with an error."""

from collections.abc import Awaitable, Callable, Sequence

import pytest
import sqlalchemy as sa

from domain import bulk
from domain.mirror.unreadable import error_name
from domain.problems import Code, refuse
from domain.tx import Tx
from tests.database import rows_of
from tests.domain.world import World

WRITE = "update organisation set name = :name where workspace_id = :ws"


class Secret(ValueError):
    """Its text holds a value of a contact."""


def change(tx: Tx, bad: int, fault: Exception | str) -> Callable[[Sequence[int]], Awaitable[list[int]]]:
    """Writes each number; at `bad` the fault is raised, or PostgreSQL raises it for the statement."""

    async def run(rows: Sequence[int]) -> list[int]:
        for row in rows:
            tx.due = True
            await tx.run(WRITE, name=f"row {row}")
            if row == bad and isinstance(fault, str):
                await rows_of(tx, fault)
            elif row == bad and isinstance(fault, Exception):
                raise fault
        return list(rows)

    return run


@pytest.mark.parametrize(
    "fault",
    [
        Secret("07 555 0100"),
        refuse(Code.INVALID, "Not so."),
        "select cast('x' as integer)",
        "insert into workspace (id, name, currency, created_at) select id, name, currency, created_at from workspace",
        "select 1 / 0",
    ],
    ids=["ValueError", "Refused", "class 22", "class 23", "division"],
)
@pytest.mark.parametrize("bad", [0, 2])
async def test_a_row_with_invalid_data_does_not_stop_the_others(
    world: World, bad: int, fault: Exception | str
) -> None:
    async with world.tx() as tx:
        done, failed = await bulk.together(tx, [0, 1, 2], change(tx, bad, fault))
        tx.due = False
    assert sorted(row for part in done for row in part) == [row for row in (0, 1, 2) if row != bad]
    assert [row for row, _ in failed] == [bad]
    [organisation] = await world.rows("select name from organisation where workspace_id = :ws")
    assert organisation["name"] == ("row 2" if bad == 0 else "row 1")


@pytest.mark.parametrize(
    "fault",
    [KeyError("phon"), TypeError(), AttributeError(), "select phon from contact", "selec 1"],
    ids=["KeyError", "TypeError", "AttributeError", "undefined column", "syntax error"],
)
async def test_a_mistake_in_our_code_fails_the_whole_transaction(
    world: World, fault: Exception | str
) -> None:
    [before] = await world.rows("select name from organisation where workspace_id = :ws")
    with pytest.raises(sa.exc.ProgrammingError if isinstance(fault, str) else type(fault)):
        async with world.tx() as tx:
            await bulk.together(tx, [0, 1, 2], change(tx, 1, fault))
    [after] = await world.rows("select name from organisation where workspace_id = :ws")
    assert after == before


async def test_the_name_of_an_error_holds_no_value(world: World) -> None:
    async with world.tx() as tx:
        _, [(_, error)] = await bulk.together(tx, [0], change(tx, 0, Secret("07 555 0100")))
        _, [(_, refused)] = await bulk.together(tx, [0], change(tx, 0, "select cast('0755' as uuid)"))
    assert error_name(error).startswith("Secret at run:")
    assert error_name(refused).startswith("InvalidTextRepresentationError, SQLSTATE 22P02")
