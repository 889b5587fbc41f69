"""Promise: after any edits on both sides and any faults, both sides end equal, and the history holds each value that a
person typed and that was overwritten.

A stateful model: Hypothesis drives people on both sides, the workers' jobs and the faults, in any order. `settle` then
ends the faults, lets time pass until nothing is due, and checks the promises (they are in tests/promises/ledger.py).
TANDEM_SYNC_EXAMPLES, TANDEM_SYNC_STEPS and TANDEM_SYNC_SEED set the number of runs, their length and the seed.
"""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import hypothesis
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, run_state_machine_as_test
from sqlalchemy.ext.asyncio import create_async_engine

from domain.tables import ConflictPolicy, RunPurpose, Side, SyncedField, XeroContactFilter
from runtime.embedded import services as embedded_services
from tests.database import Place, empty_all
from tests.promises.chances import FAULT, SECONDS, WHICH, how_much
from tests.promises.hands import Hands
from tests.promises.ledger import Ledger
from tests.promises.neighbour import moved_in
from tests.promises.people import ADDRESSES, EMAILS, NAMES, PHONES, People
from tests.promises.scene import Act, Interlude, Scene, end_tasks, one_loop, staged, step
from xero.simulator.faults import Fault
from xero.simulator.webhooks import Chance

VALUES: dict[SyncedField, list[Any]] = {
    SyncedField.NAME: NAMES,
    SyncedField.BILLING_EMAIL: EMAILS,
    SyncedField.PRIMARY_PHONE: PHONES,
    SyncedField.BILLING_ADDRESS: ADDRESSES,
}
NAME, EMAIL = st.sampled_from(NAMES), st.sampled_from(EMAILS)
EDIT = st.sampled_from(list(VALUES)).flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name]))
)
SIDE = st.sampled_from(list(Side))


class ContactSync(RuleBasedStateMachine):
    place: ClassVar[Place]
    services: ClassVar[embedded_services.Services]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        self.scene: Scene | None = None

    @initialize(
        policy=st.sampled_from(list(ConflictPolicy)), contact_filter=st.sampled_from(list(XeroContactFilter)),
        chance=st.sampled_from([Chance(), Chance(delay=90, duplicate=0.3, shuffle=True)]),
    )  # fmt: skip
    def begin(self, policy: ConflictPolicy, contact_filter: XeroContactFilter, chance: Chance) -> None:
        self.runner.run(self._begin(policy, contact_filter, chance))

    async def _begin(self, policy: ConflictPolicy, contact_filter: XeroContactFilter, chance: Chance) -> None:
        """Two pairs that match, one contact that only Xero has, and one that only the practice has."""
        engine = create_async_engine(self.place.admin_url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as owner:
            await empty_all(owner)
        await engine.dispose()
        stage = staged(self.place, self.services, policy=policy, contact_filter=contact_filter)
        self.scene = scene = await self.stack.enter_async_context(stage)
        pairs = [*zip(NAMES[:2], EMAILS[1:3], strict=True)]
        self.neighbour = await moved_in(scene.process.database, UUID(scene.tenant), pairs)
        scene.simulation.courier.chance = chance
        self.ledger = Ledger()
        self.people = people = People(scene, self.ledger)
        self.hands = Hands(scene, self.ledger, people)
        for name, email in [*pairs, ("Only here", None)]:
            await people.create_in_practice(name, email)
        for name, email in [*pairs, ("Only there", "there@x.nz")]:
            await people.create_in_xero(name, email)
        for which in range(3):
            await people.set_flags_in_xero(which, customer=True, supplier=False)
        await scene.begin_run(RunPurpose.SCAN)
        await scene.work_all()

    async def then(self, act: Awaitable[object], then: str) -> None:
        assert self.scene is not None
        await act
        await self.scene.go_on(then)

    # People.

    @step(name=NAME, email=EMAIL)
    async def create_in_practice(self, name: str, email: str | None) -> None:
        await self.people.create_in_practice(name, email)

    @step(name=NAME, email=EMAIL)
    async def create_in_xero(self, name: str, email: str | None) -> None:
        await self.people.create_in_xero(name, email)

    @step(which=WHICH, edit=EDIT)
    async def edit_in_practice(self, which: int, edit: tuple[SyncedField, Any]) -> None:
        await self.people.edit_in_practice(which, *edit)

    @step(which=WHICH, edit=EDIT)
    async def edit_in_xero(self, which: int, edit: tuple[SyncedField, Any]) -> None:
        await self.people.edit_in_xero(which, *edit)

    @step(which=WHICH, edit=EDIT, other=WHICH, xero_first=st.booleans())
    async def edit_both(
        self, which: int, edit: tuple[SyncedField, Any], other: int, xero_first: bool
    ) -> None:
        name, value = edit
        theirs = VALUES[name][other % len(VALUES[name])]
        if xero_first:
            await self.people.edit_in_xero(which, name, theirs)
        await self.people.edit_in_practice(which, name, value)
        if not xero_first:
            await self.people.edit_in_xero(which, name, theirs)

    @step(which=WHICH, customer=st.booleans(), supplier=st.booleans())
    async def set_flags_in_xero(self, which: int, customer: bool, supplier: bool) -> None:
        await self.people.set_flags_in_xero(which, customer=customer, supplier=supplier)

    @step(which=st.integers(2, 5))
    async def archive_in_xero(self, which: int) -> None:
        await self.people.archive_in_xero(which)

    @step(which=WHICH)
    async def restore_in_xero(self, which: int) -> None:
        await self.people.restore_in_xero(which)

    @step(which=st.integers(1, 5), into=WHICH)
    async def merge_in_xero(self, which: int, into: int) -> None:
        await self.people.merge_in_xero(which, into)

    @step(which=st.integers(2, 5))
    async def forget_in_xero(self, which: int) -> None:
        await self.people.forget_in_xero(which)

    @step(which=WHICH, decision=st.sampled_from(["confirm", "separate", "ignore", "reopen"]), candidate=WHICH)
    async def decide(self, which: int, decision: str, candidate: int) -> None:
        await self.people.decide(which, decision, candidate)

    @step(policy=st.none() | st.sampled_from(list(ConflictPolicy)), contact_filter=st.none() | st.sampled_from(list(XeroContactFilter)))  # fmt: skip
    async def change_settings(
        self, policy: ConflictPolicy | None, contact_filter: XeroContactFilter | None
    ) -> None:
        await self.people.change_settings(policy, contact_filter)

    @step(which=st.integers(2, 7), link=st.booleans(), anyway=st.booleans())
    async def push(self, which: int, link: bool, anyway: bool) -> None:
        await self.hands.push(which, link=link, anyway=anyway)

    @step(which=WHICH)
    async def unsync(self, which: int) -> None:
        await self.hands.unsync(which)

    @step(which=WHICH, winner=SIDE)
    async def rematch(self, which: int, winner: Side) -> None:
        await self.hands.rematch(which, winner)

    @step(which=WHICH, basis=SIDE)
    async def create_from_unsynced(self, which: int, basis: Side) -> None:
        await self.hands.create_from_unsynced(which, basis)

    @step(which=WHICH)
    async def dismiss(self, which: int) -> None:
        await self.hands.dismiss(which)

    @step(which=WHICH, winner=SIDE)
    async def settle_conflict(self, which: int, winner: Side) -> None:
        await self.hands.settle_conflict(which, winner)

    @step(which=WHICH)
    async def restore_value(self, which: int) -> None:
        await self.hands.restore_value(which)

    @step(which=st.integers(1, 7), archive=st.booleans(), reimport=st.booleans())
    async def delete(self, which: int, archive: bool, reimport: bool) -> None:
        await self.hands.delete(which, archive=archive, reimport=reimport)

    @step()
    async def retry(self) -> None:
        await self.hands.retry()

    # Workers and time.

    @step(which=WHICH)
    async def work(self, which: int) -> None:
        assert self.scene is not None
        await self.scene.work(which)

    @step(purpose=st.sampled_from([RunPurpose.DELTA, RunPurpose.DELTA, RunPurpose.SCAN]))
    async def begin_run(self, purpose: RunPurpose) -> None:
        assert self.scene is not None
        await self.scene.begin_run(purpose)

    @step(most=st.sampled_from([1, 2, 100]), early=st.booleans())
    async def deliver_webhooks(self, most: int, early: bool) -> None:
        assert self.scene is not None
        await self.scene.simulation.courier.deliver(most, early=early)

    @step(seconds=SECONDS)
    async def wait(self, seconds: float) -> None:
        assert self.scene is not None
        await self.scene.time.sleep(seconds)

    # Trouble.

    @step(fault=FAULT)
    async def arm(self, fault: dict[str, Any]) -> None:
        assert self.scene is not None
        self.scene.simulation.faults.arm(Fault(**fault, path="/api.xro/"))

    @step(fault=FAULT, which=WHICH, edit=EDIT, other=st.none() | EDIT, seconds=SECONDS)
    async def strike(
        self,
        fault: dict[str, Any],
        which: int,
        edit: tuple[SyncedField, Any],
        other: tuple[SyncedField, Any] | None,
        seconds: float,
    ) -> None:
        """A change is sent and something befalls the write; perhaps Xero's side changes before it is looked up."""
        assert self.scene is not None
        await self.people.edit_in_practice(which, *edit)
        self.scene.simulation.faults.arm(Fault(**fault | {"method": "POST"}, path="/api.xro/"))
        await self.scene.send()
        if other:
            await self.people.edit_in_xero(which, *other)
        await self.scene.time.sleep(seconds)

    @step(moment=st.integers(0, 40), which=WHICH)
    async def kill(self, moment: int, which: int) -> None:
        """A worker's job ends at one of its statements or calls."""
        assert self.scene is not None
        self.scene.kill_at = moment
        await self.scene.work(which)

    @step(
        after=st.booleans(),
        which=WHICH,
        edit=EDIT,
        act=st.sampled_from(["practice", "xero", "work", "later"]),
    )
    async def meanwhile(self, after: bool, which: int, edit: tuple[SyncedField, Any], act: str) -> None:
        """During the next call a person types, another worker runs a job, or much time passes."""
        scene = self.scene
        assert scene is not None
        acts: dict[str, Act] = {
            "practice": lambda: self.people.edit_in_practice(which, *edit),
            "xero": lambda: self.people.edit_in_xero(which, *edit),
            "work": lambda: scene.work(which),
            "later": lambda: scene.time.sleep(70),
        }
        scene.wire.interludes.append(Interlude(after, acts[act]))

    @step()
    async def disconnect_in_xero(self) -> None:
        assert self.scene is not None
        self.scene.disconnect_in_xero()

    @step(fault=FAULT, seconds=st.sampled_from([1500, 1900, 4000]))
    async def strike_refresh(self, fault: dict[str, Any], seconds: float) -> None:
        """Something befalls a renewal of the tokens; perhaps so late that the old one is spent."""
        assert self.scene is not None
        self.scene.simulation.faults.arm(Fault(**fault | {"method": "POST"}, path="/connect/token"))
        await self.scene.time.sleep(1900)
        await self.scene.work_all()
        await self.scene.time.sleep(seconds)

    @step()
    async def end_consent(self) -> None:
        """No token of the practice can be refreshed any more (invalid_grant), although the connection exists."""
        assert self.scene is not None
        self.scene.simulation.world.grants.clear()

    @step()
    async def restart_database(self) -> None:
        assert self.scene is not None
        await self.scene.cut_database()

    @step(seconds=st.sampled_from([0, 5, 40]))
    async def lag(self, seconds: int) -> None:
        assert self.scene is not None
        self.scene.book.lag = timedelta(seconds=seconds)

    # What must hold.

    @invariant()
    def limits_are_kept(self) -> None:
        if self.scene is not None:
            for tally in self.scene.simulation.limiter.tallies.values():
                assert tally.refused == {}, tally

    def teardown(self) -> None:
        try:
            if self.scene is not None:
                self.runner.run(self.settle(self.scene))
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.run(end_tasks())

    async def settle(self, scene: Scene) -> None:
        await scene.settle()
        await self.ledger.check_rest(scene)
        await self.neighbour.check_untouched()
        before = await self.written(scene)
        await scene.time.sleep(65)
        await scene.begin_run(RunPurpose.SCAN)
        await scene.work_all()
        assert await self.written(scene) == before, "something is written though nobody did anything"

    async def written(self, scene: Scene) -> tuple[int, list[str]]:
        """The requests to write that Xero has had, and every version and event here."""
        rows = await scene.world.rows(
            "select id, version, 'contact' as kind from contact where workspace_id = :ws union all"
            " select id, version, state from sync_link where workspace_id = :ws union all"
            " select id, 0, kind from activity where workspace_id = :ws"
        )
        return scene.simulation.counts.writes, sorted(str(row) for row in rows)


def run(place: Place, services: embedded_services.Services, examples: int, steps: int) -> None:
    with one_loop(place) as runner:
        machine = type("Machine", (ContactSync,), {"place": place, "services": services, "runner": runner})
        seed = os.environ.get("TANDEM_SYNC_SEED")
        if seed:
            hypothesis.seed(int(seed))(machine)
        run_state_machine_as_test(machine, settings=how_much(examples, steps))


@pytest.mark.timeout(900)
def test_both_sides_end_equal_and_nothing_is_lost(clean: Place, services: embedded_services.Services) -> None:
    run(clean, services, examples=30, steps=25)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_both_sides_end_equal_and_nothing_is_lost_for_an_hour(
    clean: Place, services: embedded_services.Services
) -> None:
    run(clean, services, examples=3000, steps=60)
