"""Sequences that the stateful model found, reduced to examples."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from domain.inbound import mass_change
from domain.tables import ConflictPolicy, RunPurpose, Side, SyncedField
from runtime.embedded import services as embedded_services
from tests.database import Place
from tests.promises.hands import Hands
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
    hands: Hands

    async def pair(self, name: str = "Ann", email: str = "a@x.nz") -> None:
        """Linked by a full match."""
        await self.people.create_in_practice(name, email)
        await self.people.create_in_xero(name, email)
        await self.scene.begin_run(RunPurpose.DELTA)
        await self.scene.work_all()

    async def policy(self, policy: ConflictPolicy) -> None:
        await self.people.change_settings(policy, None)

    def arm(self, **fault: Any) -> None:
        self.scene.simulation.faults.arm(Fault(**{"method": "POST", "path": "/api.xro/", **fault}))

    async def settle(self) -> None:
        """As the model does it."""
        await self.scene.settle()
        await self.ledger.check_rest(self.scene)

    async def both_have_a_phone(self) -> None:
        """Found to be a pair, though each side has a phone of its own."""
        await self.people.create_in_practice("Ann", "a@x.nz")
        await self.people.edit_in_practice(0, PHONE, "021 222 222")
        await self.people.create_in_xero("Ann", "a@x.nz")
        await self.people.edit_in_xero(0, PHONE, "09 111 1111")
        await self.scene.begin_run(RunPurpose.DELTA)
        await self.scene.work_all()

    async def conflict(self) -> None:
        """Both sides have changed the phone, and a person is asked."""
        await self.policy(ConflictPolicy.ASK)
        await self.pair()
        await self.scene.time.sleep(70)  # so that nothing is sent without another look
        await self.people.edit_in_practice(0, PHONE, "021 222 222")
        await self.people.edit_in_xero(0, PHONE, "09 111 1111")
        await self.settle()
        assert [link["conflicts"] for link in await self.links("CONFLICT")] == [["PRIMARY_PHONE"]]

    async def links(self, state: str) -> list[dict[str, Any]]:
        return await self.scene.world.rows(
            "select * from sync_link where workspace_id = :ws and state = :state", state=state
        )


@pytest.fixture
async def stage(clean: Place, services: embedded_services.Services) -> AsyncIterator[Stage]:
    async with staged(clean, services) as scene:
        ledger = Ledger()
        people = People(scene, ledger)
        yield Stage(scene, people, ledger, Hands(scene, ledger, people))


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


async def test_when_one_of_two_refused_values_is_corrected_the_other_is_still_shown(stage: Stage) -> None:
    await refused_name(stage)
    await stage.people.edit_in_practice(1, EMAIL, "juergen@x.nz")
    [row] = await stage.scene.world.rows(  # as from another organisation: it cannot be typed
        "update contact set billing_email = 'jürgen@x.nz' where billing_email = 'juergen@x.nz' returning id"
    )
    stage.ledger.typed[row["id"], EMAIL].remove("juergen@x.nz")
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


@pytest.mark.parametrize("policy", ConflictPolicy)
async def test_values_that_a_new_link_overwrites_are_kept_for_both_sides(
    stage: Stage, policy: ConflictPolicy
) -> None:
    await stage.policy(policy)
    await stage.both_have_a_phone()
    await stage.settle()


async def test_values_that_a_rematch_overwrites_in_xero_are_kept(stage: Stage) -> None:
    await stage.both_have_a_phone()
    await stage.hands.unsync(0)
    await stage.people.edit_in_practice(0, PHONE, "021 222 222")
    await stage.people.edit_in_xero(0, PHONE, "+64 9 333 3333")
    await stage.settle()
    await stage.hands.rematch(0, Side.PRACTICE)
    await stage.settle()


async def test_a_conflict_ends_when_a_person_types_xeros_value(stage: Stage) -> None:
    await stage.conflict()
    await stage.people.edit_in_practice(0, PHONE, "09 111 1111")
    await stage.settle()
    assert await stage.links("CONFLICT") == []


@pytest.mark.parametrize("winner", Side)
@pytest.mark.parametrize("applied", [True, False])
async def test_every_value_that_xero_showed_in_a_conflict_is_kept(
    stage: Stage, winner: Side, applied: bool
) -> None:
    await stage.conflict()
    await stage.people.edit_in_xero(0, PHONE, "+64 9 333 3333")
    await stage.scene.begin_run(RunPurpose.DELTA)
    if applied:
        await stage.settle()
    await stage.hands.settle_conflict(0, winner)
    await stage.settle()


@pytest.mark.parametrize("then", ["nothing", "unsync", "delete"])
async def test_a_late_create_makes_one_xero_contact_after_any_act_of_a_person_meanwhile(
    stage: Stage, then: str
) -> None:
    await stage.people.create_in_practice("Ann", "a@x.nz")
    await stage.people.create_in_practice("Bob Ltd", "b@x.nz")
    stage.arm(kind=Kind.DROP, when="later", seconds=500.0, method="PUT")
    await stage.hands.push(0, link=False, anyway=False)
    await stage.scene.work_all()
    match then:
        case "unsync":
            await stage.hands.unsync(0)
        case "delete":
            await stage.hands.delete(0, archive=False, reimport=False)
    await stage.settle()
    await stage.scene.time.sleep(600)
    await stage.settle()
    assert [contact.name for contact in stage.scene.book] == ["Ann"]
    practice = await stage.scene.world.rows("select name from contact where workspace_id = :ws")
    assert len(practice) == (1 if then == "delete" else 2)


@pytest.mark.parametrize("skew", [-300, 300])
@pytest.mark.parametrize("latest", Side)
async def test_the_latest_edit_wins_when_clocks_differ_by_minutes(
    stage: Stage, skew: int, latest: Side
) -> None:
    stage.scene.time.skew = timedelta(seconds=skew)
    await stage.pair()
    await stage.settle()
    await stage.scene.time.sleep(70)
    if latest is Side.PRACTICE:
        await stage.people.edit_in_xero(0, PHONE, "09 111 1111")
    await stage.scene.time.sleep(5)
    await stage.people.edit_in_practice(0, PHONE, "021 222 222")
    await stage.scene.time.sleep(5)
    if latest is Side.XERO:
        await stage.people.edit_in_xero(0, PHONE, "09 111 1111")
    await stage.settle()
    [row] = await stage.scene.world.rows("select primary_phone from contact where workspace_id = :ws")
    assert row["primary_phone"] == ("021 222 222" if latest is Side.PRACTICE else "09 111 1111")


async def test_edits_made_during_a_disconnection_are_synced_after_a_reconnect(stage: Stage) -> None:
    await stage.pair()
    await stage.scene.time.sleep(70)
    stage.scene.disconnect_in_xero()
    await stage.people.edit_in_practice(0, PHONE, "021 222 222")
    await stage.people.edit_in_xero(0, EMAIL, "b@x.nz")
    await stage.scene.work_all()
    assert (await stage.scene.organisation())["health"] == "NEEDS_RECONNECT"
    await stage.settle()
    assert (await stage.scene.organisation())["health"] == "HEALTHY"


async def test_a_gdpr_request_during_a_restore_ends_the_link(stage: Stage) -> None:
    await stage.pair()
    await stage.people.archive_in_xero(0)
    await stage.scene.begin_run(RunPurpose.DELTA)
    await stage.scene.work_all()
    await stage.hands.rematch(0, Side.PRACTICE)
    stage.arm(kind=Kind.DROP, when="before")
    await stage.scene.work_all()
    assert await stage.scene.world.rows("select 1 from delivery where uncertain and ended_at is null")
    await stage.people.forget_in_xero(0)
    await stage.scene.begin_run(RunPurpose.DELTA)  # while the request to restore it may still land
    await stage.settle()
    [link] = await stage.links("BROKEN")
    assert link["failure"]["code"] == "FORGOTTEN_IN_XERO"


@pytest.mark.parametrize("apply", [True, False])
async def test_a_mass_change_amid_edits_stops_and_loses_nothing_under_either_decision(
    stage: Stage, apply: bool
) -> None:
    for n in range(21):
        await stage.people.create_in_practice(f"Ann {n}", f"a{n}@x.nz")
        await stage.people.create_in_xero(f"Ann {n}", f"a{n}@x.nz")
    await stage.scene.begin_run(RunPurpose.DELTA)
    await stage.scene.work_all()
    for n in range(21):
        await stage.people.edit_in_xero(n, EMAIL, None)
    await stage.people.edit_in_practice(3, PHONE, "021 222 222")
    await stage.scene.time.sleep(61)
    await stage.scene.begin_run(RunPurpose.DELTA)
    await stage.scene.work_all()
    assert (await stage.scene.organisation())["health"] == "PAUSED"
    assert await stage.scene.world.rows("select 1 from contact where billing_email is null") == []
    if not apply:  # it was a mistake, and is put right in Xero
        for n in range(21):
            await stage.people.edit_in_xero(n, EMAIL, f"a{n}@x.nz")
    async with stage.scene.world.tx() as tx:
        await mass_change.decide(tx, stage.scene.world.organisation, apply=apply)
    await stage.settle()
    assert (await stage.scene.organisation())["health"] == "HEALTHY"
    blank = await stage.scene.world.rows("select 1 from contact where billing_email is null")
    assert len(blank) == (21 if apply else 0)
