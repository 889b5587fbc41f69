"""Sends 5,000 invoices in bulk to the simulator, and measures the calls for each invoice and the time for all.

    .venv/bin/python -m bench.invoices [count]

The bench has its own PostgreSQL and Valkey, a simulator on a real socket with Xero's limits, and one worker. When the
minute's calls are used up, both clocks are moved on, so that the printed time is work and not waiting.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from domain.invoices import actions as invoice_actions
from domain.tables import InvoiceStatus
from runtime.embedded import services as embedded_services
from tests.database import Server, fresh_database, migrated_template
from tests.workers.billing import Billing, MovedClock
from tests.workers.connected import connected
from workers import importing
from xero.simulator.clock import ShiftedClock

ROWS = 500  # a mutation's
LINES = 3


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        Path(folder).chmod(0o711)
        with embedded_services.services(Path(folder) / "data", durable=False) as services:
            asyncio.run(bench(services, count))


async def bench(services: embedded_services.Services, count: int) -> None:
    server = Server(services.admin_url, embedded_services.APP)
    template = await migrated_template(server)
    clock, simulated = MovedClock(), ShiftedClock(lambda: datetime.now(UTC))
    async with (
        fresh_database(server, template) as place,
        connected(place, services, 50, clock, simulated=simulated) as here,
    ):
        await measure(here, clock, simulated, count)


async def measure(here: Any, clock: MovedClock, simulated: ShiftedClock, count: int) -> None:
    run = await here.start_import()
    while await importing.advance(here.process, here.world.workspace, run):
        pass
    [organisation] = await here.world.rows("select tenant_id from organisation")
    contacts = [row["contact_id"] for row in await here.world.rows("select contact_id from sync_link")]
    billing = Billing(here, clock, organisation["tenant_id"], contacts[0])
    await billing.set_up()
    made = await create(billing, contacts, count)
    begun = time.perf_counter()
    for start in range(0, count, ROWS):
        async with here.world.tx() as tx:
            await invoice_actions.many(tx, InvoiceStatus.AWAITING_PAYMENT, made[start : start + ROWS])
    marked = time.perf_counter() - begun
    before: Any = await here.simulator()
    begun = time.perf_counter()
    waited = timedelta()
    while await waiting(billing):
        if not await billing.send_once() or not await ready(billing):
            waited += timedelta(seconds=61)
            clock.by += timedelta(seconds=61)
            simulated.advance(timedelta(seconds=61))
    took = time.perf_counter() - begun
    after: Any = await here.simulator()
    calls = after["calls"] - before["calls"]
    [row] = await here.world.rows(
        "select count(*) filter (where sync_state = 'SYNCED') as synced, sum(total) as ours, sum(xero_total) as theirs"
        " from invoice"
    )
    print(f"{count} invoices of {LINES} lines: marked in {marked:.1f} s, sent in {took:.1f} s of work")
    print(f"{calls} calls, {calls / count:.4f} an invoice; {waited} would have passed for Xero's limits")
    print(f"{row['synced']} synced; {row['ours']} here, {row['theirs']} in Xero")


async def create(billing: Billing, contacts: list[Any], count: int) -> list[tuple[Any, None]]:
    made = []
    for start in range(0, count, ROWS):
        async with billing.here.world.tx() as tx:
            for number in range(start, min(start + ROWS, count)):
                lines = [billing.line(price) for price in ("25.06", f"{number % 97}.10", "-3.33")][:LINES]
                given = billing.input(
                    *lines, contact_id=contacts[number % len(contacts)], issue_date=date(2026, 11, 20)
                )
                invoice = await invoice_actions.create(tx, given)
                await invoice_actions.approve(tx, invoice.id)
                made.append((invoice.id, None))
    return made


async def waiting(billing: Billing) -> int:
    [row] = await billing.here.world.rows("select count(*) as n from invoice where due_at is not null")
    count: int = row["n"]
    return count


async def ready(billing: Billing) -> bool:
    now = billing.clock.now()
    rows = await billing.here.world.rows(
        "select 1 from invoice where due_at is not null and coalesce(next_attempt_at, due_at) <= :at limit 1",
        at=now,
    )
    return bool(rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
