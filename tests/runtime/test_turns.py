"""A person's edit goes before patient work: at each statement, but never at the price of a row that the edit needs."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from domain.tx import TANDEM
from runtime.database import Database, connect
from runtime.turns import Turns
from tests.database import Place
from tests.workers.connected import until

LONG = 60.0  # seconds: no test waits for their end


@pytest.fixture
async def database(place: Place) -> AsyncIterator[Database]:
    found = connect(place.app_url, pool_size=2)
    yield found
    await found.close()


def new_turns(seconds: float = LONG) -> Turns:
    return Turns({"bulk": asyncio.Semaphore(1)}, seconds)


class Patient:
    """A transaction of a patient job, which sends two statements. It stops after the first one until `go` is set."""

    def __init__(self, database: Database, turns: Turns, workspace: UUID) -> None:
        self.database, self.turns, self.workspace = database, turns, workspace
        self.begun, self.go, self.done = asyncio.Event(), asyncio.Event(), 0

    async def run(self) -> None:
        with self.turns.taken_by("bulk", urgent=True):
            async with self.database.transaction(self.workspace, TANDEM) as tx:
                self.done += await tx.run("select 1")
                self.begun.set()
                await self.go.wait()
                self.done += await tx.run("select 1")


async def test_a_patient_transaction_gives_way_to_an_urgent_one_of_another_workspace(
    database: Database,
) -> None:
    turns, urgent = new_turns(), uuid4()
    patient = Patient(database, turns, uuid4())

    async def waits() -> bool:
        return turns.waiting == 1 or patient.done == 2

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(patient.run())
        await patient.begun.wait()
        with turns.taken_by("", urgent=True):
            async with database.transaction(urgent, TANDEM) as tx:
                await tx.run("select 1")
                patient.go.set()
                await until(waits)
                assert patient.done == 1
    assert patient.done == 2


async def test_a_patient_transaction_goes_on_for_an_urgent_one_of_its_own_workspace(
    database: Database,
) -> None:
    turns = new_turns()
    patient = Patient(database, turns, uuid4())
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(patient.run())
        await patient.begun.wait()
        with turns.urgent(patient.workspace):
            patient.go.set()
            async with asyncio.timeout(LONG / 2):
                await working


async def test_no_patient_transaction_begins_beside_an_urgent_one(database: Database) -> None:
    turns = new_turns()
    patient = Patient(database, turns, uuid4())
    patient.go.set()

    async def waits() -> bool:
        return turns.waiting == 1 or patient.begun.is_set()

    async with asyncio.TaskGroup() as tasks:
        with turns.urgent(patient.workspace):
            tasks.create_task(patient.run())
            await until(waits)
            assert not patient.begun.is_set()
    assert patient.done == 2


async def test_a_patient_transaction_gives_way_for_a_moment_only(database: Database) -> None:
    turns = new_turns(0.01)
    patient = Patient(database, turns, uuid4())
    patient.go.set()
    with turns.urgent(uuid4()):
        await patient.run()
    assert patient.done == 2
