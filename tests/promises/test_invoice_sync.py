"""Promise: a sent invoice is in Xero once, equal to the cent, with the right accounts and tax rates. None is sent before the
start date. Changes in Xero are read. An invoice that waits for a correction is sent by itself after it.

A stateful model as that of contacts (test_contact_sync.py): Hypothesis drives people on both sides, the workers' jobs and
the faults, in any order. `settle` then makes every correction, lets time pass until nothing is due, and checks all.
TANDEM_SYNC_EXAMPLES, TANDEM_SYNC_STEPS and TANDEM_SYNC_SEED set the number of runs, their length and the seed.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, run_state_machine_as_test
from sqlalchemy.ext.asyncio import create_async_engine

from domain.connection import organisations
from domain.invoices import actions as invoice_actions
from domain.invoices import changes as invoice_changes
from domain.invoices import mappings
from domain.invoices.changes import Decision
from domain.invoices.input import GivenInvoice, GivenLine
from domain.practice import services_and_rates
from domain.problems import Refused
from domain.tables import AmountsAre, Invoice, InvoiceLineKind, InvoiceSyncState, RunPurpose
from runtime.embedded import services as embedded_services
from tests.database import Place, empty_all
from tests.promises.chances import FAULT, SECONDS, WHICH, how_much
from tests.promises.scene import Act, Interlude, Scene, end_tasks, one_loop, staged, step
from xero.simulator.faults import Fault
from xero.simulator.webhooks import Chance

START = date(2026, 11, 1)
DATES = st.sampled_from([date(2026, 11, 20), date(2026, 11, 20), START, date(2026, 10, 31)])
PRICES = st.sampled_from([Decimal(text) for text in ("100", "25.06", "25.61", "0.05", "-3.33", "100.125")])
QUANTITIES = st.sampled_from([Decimal(text) for text in ("1", "8", "40")])
DISCOUNTS = st.sampled_from([None, Decimal("12.5"), Decimal("33.3333"), Decimal(100)])
LINES = st.lists(
    st.tuples(PRICES, QUANTITIES, st.booleans(), st.booleans(), DISCOUNTS), min_size=1, max_size=4
)
ACCOUNTS = st.sampled_from(["205", "210", None])
FIXED = ("VOIDED", "DELETED")
SEEN = ("SYNCED", "CHANGED_IN_XERO", "BEFORE_START_DATE", "NOT_SENT")


def email_of(name: str) -> str:
    return f"{name.split()[0].lower()}@both.nz"


class InvoiceSync(RuleBasedStateMachine):
    place: ClassVar[Place]
    services: ClassVar[embedded_services.Services]
    runner: ClassVar[asyncio.Runner]

    def __init__(self) -> None:
        super().__init__()
        self.stack = AsyncExitStack()
        self.begun: Scene | None = None
        self.names = 0

    @property
    def scene(self) -> Scene:
        assert self.begun is not None
        return self.begun

    @initialize(chance=st.sampled_from([Chance(), Chance(delay=90, duplicate=0.3, shuffle=True)]))
    def begin(self, chance: Chance) -> None:
        self.runner.run(self._begin(chance))

    async def _begin(self, chance: Chance) -> None:
        """One linked contact and one that Xero has not got; one rate that is mapped and one that is not."""
        engine = create_async_engine(self.place.admin_url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as owner:
            await empty_all(owner)
        await engine.dispose()
        self.begun = scene = await self.stack.enter_async_context(staged(self.place, self.services))
        scene.simulation.courier.chance = chance
        world, organisation = scene.world, scene.world.organisation
        self.contacts = [
            (await world.contact(name, email_of(name))).id for name in ("Linked Ltd", "Unlinked Ltd")
        ]
        await self._put_in_xero("Linked Ltd")
        async with world.tx() as tx:
            self.service = (await services_and_rates.create_service_type(tx, "Accounting")).id
            self.rates = [
                (await services_and_rates.create_tax_rate(tx, name, Decimal(percent))).id
                for name, percent in (("GST", 15), ("Zero", 0))
            ]
            await mappings.set_default_accounts(tx, organisation, "200", "220")
            await mappings.set_tax_mapping(tx, organisation, self.rates[0], "OUTPUT2")
            await mappings.set_sync(tx, organisation, enabled=True, start_date=START)
        await scene.work_all()

    async def _put_in_xero(self, name: str) -> None:
        """A full match, which the next look links; once only."""
        await self.scene.at_xero("contacts", {"Name": name, "EmailAddress": email_of(name)})
        await self.scene.begin_run(RunPurpose.SCAN)

    async def then(self, act: Awaitable[object], then: str) -> None:
        await act
        await self.scene.go_on(then)

    async def act(self, change: Callable[[Any], Awaitable[Any]]) -> Any:
        """A person's act in the practice. A refused act counts as not done."""
        try:
            async with self.scene.world.tx() as tx:
                return await change(tx)
        except Refused as refused:
            return refused

    async def known(self) -> list[dict[str, Any]]:
        return await self.scene.world.rows("select * from invoice where workspace_id = :ws order by number")

    async def pick(self, which: int) -> dict[str, Any] | None:
        rows = await self.known()
        return rows[which % len(rows)] if rows else None

    # People in the practice.

    @step(
        contact=st.sampled_from([0, 0, 0, 1]), day=DATES, amounts_are=st.sampled_from(AmountsAre), lines=LINES,
        twice=st.booleans(),
    )  # fmt: skip
    async def send_new(
        self, contact: int, day: date, amounts_are: AmountsAre, lines: list[tuple[Any, ...]], twice: bool
    ) -> None:
        given = GivenInvoice(
            contact_id=self.contacts[contact],
            issue_date=day,
            due_date=date(2026, 12, 20),
            amounts_are=amounts_are,
            lines=[
                GivenLine(
                    f"Line {place}",
                    quantity,
                    price,
                    None if expense else self.service,
                    self.rates[1] if zero and place == 0 and len(lines) > 3 else self.rates[0],
                    discount_rate=discount,
                    kind=InvoiceLineKind.EXPENSE if expense else InvoiceLineKind.SERVICE,
                )
                for place, (price, quantity, expense, zero, discount) in enumerate(lines)
            ],
        )
        made = await self.act(lambda tx: invoice_actions.create(tx, given))
        approved = await self.act(lambda tx: invoice_actions.approve(tx, made.id))
        if isinstance(approved, Invoice):
            await asyncio.gather(
                *(
                    self.act(lambda tx: invoice_actions.send(tx, made.id, version=approved.version))
                    for _ in range(1 + twice)
                )
            )

    @step(which=WHICH)
    async def void_here(self, which: int) -> None:
        if row := await self.pick(which):
            await self.act(lambda tx: invoice_actions.void(tx, row["id"]))

    @step(which=WHICH)
    async def retry(self, which: int) -> None:
        if row := await self.pick(which):
            await self.act(lambda tx: invoice_actions.retry(tx, [row["id"]]))

    @step(which=WHICH, decision=st.sampled_from(Decision))
    async def decide(self, which: int, decision: Decision) -> None:
        rows = [row for row in await self.known() if row["sync_state"] == "CHANGED_IN_XERO"]
        if rows:
            row = rows[which % len(rows)]
            await self.act(lambda tx: invoice_changes.settle_change(tx, row["id"], decision))

    @step(account=ACCOUNTS)
    async def map_account(self, account: str | None) -> None:
        organisation = self.scene.world.organisation
        await self.act(lambda tx: mappings.set_account_mapping(tx, organisation, self.service, account))

    @step(mapped=st.booleans(), which=st.integers(0, 1))
    async def map_rate(self, mapped: bool, which: int) -> None:
        kind = (("OUTPUT2", "ZERORATED")[which]) if mapped else None
        organisation = self.scene.world.organisation
        await self.act(lambda tx: mappings.set_tax_mapping(tx, organisation, self.rates[which], kind))

    @step(enabled=st.booleans())
    async def switch(self, enabled: bool) -> None:
        organisation = self.scene.world.organisation
        await self.act(lambda tx: mappings.set_sync(tx, organisation, enabled=enabled))

    # People in Xero.

    @step(which=WHICH, amount=st.sampled_from([None, "0.01", "5"]), credit=st.booleans())
    async def pay(self, which: int, amount: str | None, credit: bool) -> None:
        row = await self.pick(which)
        if row and row["xero_invoice_id"]:
            path = f"invoices/{row['xero_invoice_id']}/{'credits' if credit else 'payments'}"
            await self.scene.at_xero(path, {"date": "2026-11-22", **({"amount": amount} if amount else {})})

    @step()
    async def take_payments_off(self) -> None:
        for payment in list(self.scene.simulation.world.organisations[self.scene.tenant].ledger.payments):
            await self.scene.at_xero(f"payments/{payment}", None, "DELETE")

    @step(
        which=WHICH,
        change=st.sampled_from([{"Status": "VOIDED"}, {"DueDate": "2027-01-31"}, {"Reference": "X"}]),
    )
    async def edit_in_xero(self, which: int, change: dict[str, str]) -> None:
        row = await self.pick(which)
        if row and row["xero_invoice_id"]:
            await self.scene.at_xero(f"invoices/{row['xero_invoice_id']}", change)

    @step(day=st.sampled_from([None, "2026-11-10", "2026-11-30"]))
    async def lock_books(self, day: str | None) -> None:
        await self.scene.at_xero("lockdates", {"period": day}, "PUT")

    @step(archived=st.booleans(), code=st.sampled_from(["200", "205", "220"]))
    async def archive_account(self, archived: bool, code: str) -> None:
        await self.scene.at_xero(f"accounts/{code}", {"archived": archived})

    @step(archived=st.booleans())
    async def archive_rate(self, archived: bool) -> None:
        await self.scene.at_xero("taxrates/OUTPUT2", {"archived": archived})

    @step()
    async def link_the_other_contact(self) -> None:
        await self._put_in_xero("Unlinked Ltd")

    # Time, workers, faults.

    @step(seconds=SECONDS)
    async def pass_time(self, seconds: float) -> None:
        await self.scene.time.sleep(seconds)

    @step()
    async def announce(self) -> None:
        await self.scene.simulation.courier.deliver()

    @step(fault=FAULT)
    async def arm(self, fault: dict[str, Any]) -> None:
        self.scene.simulation.faults.arm(Fault(**fault, path="/api.xro/"))

    @step(moment=st.integers(0, 60), which=WHICH)
    async def kill(self, moment: int, which: int) -> None:
        """A worker's job ends at one of its statements or calls."""
        self.scene.kill_at = moment
        await self.scene.work(which)

    @step(
        after=st.booleans(),
        which=WHICH,
        act=st.sampled_from(["void", "map", "unmap", "work", "later", "off"]),
    )
    async def meanwhile(self, after: bool, which: int, act: str) -> None:
        """During the next call a person acts, another worker runs a job, or much time passes."""
        organisation = self.scene.world.organisation

        async def void() -> None:
            if row := await self.pick(which):
                await self.act(lambda tx: invoice_actions.void(tx, row["id"]))

        acts: dict[str, Act] = {
            "void": void,
            "map": lambda: self.act(
                lambda tx: mappings.set_account_mapping(tx, organisation, self.service, "210")
            ),
            "unmap": lambda: self.act(
                lambda tx: mappings.set_tax_mapping(tx, organisation, self.rates[0], None)
            ),
            "off": lambda: self.act(lambda tx: mappings.set_sync(tx, organisation, enabled=False)),
            "work": lambda: self.scene.work(which),
            "later": lambda: self.scene.time.sleep(70),
        }
        self.scene.wire.interludes.append(Interlude(after, acts[act]))

    @step(jobs=st.integers(0, 3))
    async def disconnect_in_xero_and_connect_again(self, jobs: int) -> None:
        await self.scene.at_xero("connections", None, "DELETE")
        for which in range(jobs):
            await self.scene.work(which)
        await self.scene.reconnect()

    @step()
    async def restart_database(self) -> None:
        await self.scene.cut_database()

    # What must hold.

    def at_xero(self) -> list[Any]:
        ledger = self.scene.simulation.world.organisations[self.scene.tenant].ledger
        return [one for one in ledger if not one.is_credit]

    @invariant()
    def none_is_there_twice_nor_before_its_time(self) -> None:
        if self.begun is None:
            return
        found = self.at_xero()
        assert len({one.number for one in found}) == len(found)
        assert all(one.date >= START for one in found), "before the start date"

    @invariant()
    def limits_are_kept(self) -> None:
        if self.begun is not None:
            for tally in self.scene.simulation.limiter.tallies.values():
                assert tally.refused == {}, tally

    async def settle(self) -> None:
        """Every fix is made, by its own mutation or in Xero; then nothing waits any more."""
        scene, organisation = self.scene, self.scene.world.organisation
        scene.simulation.faults.clear()
        scene.wire.interludes.clear()
        await scene.at_xero("lockdates", {"period": None}, "PUT")
        for code in ("200", "205", "220"):
            await scene.at_xero(f"accounts/{code}", {"archived": False})
        await scene.at_xero("taxrates/OUTPUT2", {"archived": False})
        await self._put_in_xero("Unlinked Ltd")
        await scene.time.sleep(4000)  # longer than whatever was put off
        await self.act(lambda tx: organisations.sync_now(tx, organisation))
        await scene.work_all()
        rates = list(zip(self.rates, ("OUTPUT2", "ZERORATED"), strict=True))
        corrected = [
            await self.act(lambda tx: mappings.set_mappings(tx, organisation, [], rates)),
            await self.act(lambda tx: mappings.set_sync(tx, organisation, enabled=True)),
        ]
        assert corrected == [None, None]
        await scene.settle()
        await scene.time.sleep(4000)
        await scene.settle()
        await self.check()

    async def check(self) -> None:
        there = {one.number: one for one in self.at_xero()}
        ours = {row["number"]: row for row in await self.known()}
        assert set(there) <= set(ours)
        for number, row in ours.items():
            told = f"{number}: {row['status']} {row['sync_state']} {row['failure']}"
            if row["sent_at"] is None or row["issue_date"] < START:
                assert number not in there, told
                continue
            refused_void = row["status"] == "VOIDED" and row["failure_code"] == "HAS_PAYMENTS"
            assert row["sync_state"] in SEEN or refused_void, told
            if row["status"] == "VOIDED":
                assert (
                    number not in there or there[number].status in FIXED or refused_void or row["xero_base"]
                ), told
            else:
                assert number in there, told
                await self._check_equal(row, there[number])

    async def _check_equal(self, row: dict[str, Any], found: Any) -> None:
        told = f"{row['number']}: {row['status']} {row['sync_state']}, in Xero {found.status}"
        ledger = self.scene.simulation.world.organisations[self.scene.tenant].ledger
        assert found.url == f"http://localhost:8000/i/{row['id']}"
        assert row["xero_invoice_id"] == UUID(found.id)
        assert row["xero_total"] == row["total"], told
        if row["sync_state"] == InvoiceSyncState.SYNCED and found.status not in FIXED:
            assert row["amount_due"] == ledger.due(found), told
            assert (row["status"] == "PAID") == (found.status == "PAID"), told
        lines = await self.scene.world.rows(
            "select account_code, tax_type, unit_price from invoice_line where workspace_id = :ws and invoice_id = :id"
            " order by place",
            id=row["id"],
        )
        accounts = {one["AccountID"]: one.get("Code") for one in self.scene.simulation.world.organisations[self.scene.tenant].accounts}  # fmt: skip
        assert [(line["account_code"], line["tax_type"], line["unit_price"]) for line in lines] == [
            (accounts[line.account_id], line.tax_type, line.unit_amount) for line in found.lines
        ], told

    def teardown(self) -> None:
        try:
            if self.begun is not None:
                self.runner.run(self.settle())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.run(end_tasks())


def run(place: Place, services: embedded_services.Services, examples: int, steps: int) -> None:
    with one_loop(place) as runner:
        machine = type("Machine", (InvoiceSync,), {"place": place, "services": services, "runner": runner})
        run_state_machine_as_test(machine, settings=how_much(examples, steps))


@pytest.mark.timeout(900)
def test_each_sent_invoice_is_in_xero_once_and_equal(
    clean: Place, services: embedded_services.Services
) -> None:
    run(clean, services, examples=12, steps=25)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_each_sent_invoice_is_in_xero_once_and_equal_for_an_hour(
    clean: Place, services: embedded_services.Services
) -> None:
    run(clean, services, examples=2000, steps=60)
