"""What the stateful model found, shrunk, each with its name."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from domain.tables import ConflictPolicy, RunPurpose, SyncedField
from runtime import embedded
from tests.database import Place
from tests.promises.ledger import Ledger
from tests.promises.people import People
from tests.promises.scene import Scene, staged
from xero.simulator.faults import Fault, Kind

NAME, EMAIL, PHONE = SyncedField.NAME, SyncedField.BILLING_EMAIL, SyncedField.PRIMARY_PHONE


@dataclass
class Stage:
    scene: Scene
    people: People
    ledger: Ledger

    async def pair(self, name: str = "Ann", email: str = "a@x.nz") -> None:
        """Linked by a full match."""
        await self.people.create_in_practice(name, email)
        await self.people.create_in_xero(name, email)
        await self.scene.look(RunPurpose.DELTA)
        await self.scene.work_all()

    async def policy(self, policy: ConflictPolicy) -> None:
        await self.people.change_settings(policy, None)

    def arm(self, **fault: Any) -> None:
        self.scene.simulation.faults.arm(Fault(**{"method": "POST", "path": "/api.xro/", **fault}))

    async def settle(self) -> None:
        """As the model does it."""
        await self.scene.settle()
        await self.ledger.check_rest(self.scene)

    async def links(self, state: str) -> list[dict[str, Any]]:
        return await self.scene.world.rows(
            "select * from sync_link where workspace_id = :ws and state = :state", state=state
        )


@pytest.fixture
async def stage(clean: Place, services: embedded.Services) -> AsyncIterator[Stage]:
    async with staged(clean, services) as scene:
        ledger = Ledger()
        yield Stage(scene, People(scene, ledger), ledger)


async def test_a_value_that_a_late_write_overwrote_is_kept(stage: Stage) -> None:
    """A read shows Xero's edit while our write of that field is on its way; then the write lands on it."""
    await stage.pair()
    await stage.policy(ConflictPolicy.XERO_WINS)
    stage.scene.book.lag = timedelta(seconds=40)
    await stage.people.edit_in_practice(0, PHONE, "021 222 222")
    await stage.people.edit_in_xero(0, PHONE, "09 111 1111")
    stage.arm(kind=Kind.DROP, when="later", seconds=500.0)
    await stage.scene.work_all()
    await stage.settle()


async def refused_name(stage: Stage) -> None:
    """Two pairs, Ann and Bob; Bob is to be called Ann in the practice, which Xero refuses."""
    await stage.pair("Ann", "a@x.nz")
    await stage.pair("Bob Ltd", "b@x.nz")
    await stage.people.edit_in_practice(1, NAME, "Ann")
    await stage.scene.work_all()
    assert [link["failure"]["code"] for link in await stage.links("FAILING")] == ["NAME_TAKEN_IN_XERO"]


async def test_a_refused_value_is_shown_again_after_a_restore(stage: Stage) -> None:
    await refused_name(stage)
    await stage.people.archive_in_xero(1)
    await stage.settle()
    await stage.people.restore_in_xero(0)
    await stage.settle()
    assert [link["failure"]["code"] for link in await stage.links("FAILING")] == ["NAME_TAKEN_IN_XERO"]


async def test_of_two_refused_values_the_other_is_still_shown_once_one_is_mended(stage: Stage) -> None:
    await refused_name(stage)
    await stage.people.edit_in_practice(1, EMAIL, "jürgen@x.nz")
    await stage.scene.work_all()
    await stage.people.edit_in_practice(1, EMAIL, "c@x.nz")
    await stage.settle()
    assert [link["failure"]["code"] for link in await stage.links("FAILING")] == ["NAME_TAKEN_IN_XERO"]


async def test_a_refusal_ends_when_xero_wins_the_field(stage: Stage) -> None:
    await stage.policy(ConflictPolicy.XERO_WINS)
    await refused_name(stage)
    await stage.people.edit_in_xero(1, NAME, "Cid")
    await stage.settle()
    assert await stage.links("FAILING") == []
