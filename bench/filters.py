"""PostgreSQL's CPU for each filter of the list of contacts: `python -m bench.filters [--contacts 200000] [--workspaces 1000]`.

One workspace has the contacts, another half as many, and the others have 100 each. Every statement is the API's own, and
runs under the app's role with row-level security. It is prepared, and runs eight times before it is measured, so that its
plan may be a generic one. A page has 50 contacts. Prints, for each filter, how many contacts match (at most 10,001 are
counted) and the CPU of PostgreSQL's process in ms: the first page, a page in the middle, and the count. Fails with `--goal
3` if a filter needs more for page and count together, and if a search of three letters or more needs more than 25 ms.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import asyncpg
import structlog

from api.relay import ids
from api.relay.paging import Asked, Direction, Listing
from api.schema.contacts import ContactFilter, ContactOrder, ContactOrderField, ContactRow, listing
from bench.place import services
from domain.tables import ContactKind, SyncState
from runtime import database
from runtime.database import Database
from runtime.embedded.services import Services
from tests.domain.world import World, make_world

BEFORE, TIMES = 8, 40
SEARCH_MS = 25.0
# Of a workspace's contacts, by their number n: 1 % persons, 0.5 % to review, 1 % of a type, 1 % archived. Every 1,000th has no link; the
# others have one: 1 % FAILING, 2 % PENDING, 0.1 % CONFLICT, 4 % UNSYNCED, the rest SYNCED. So filters match few, some and many.
CONTACTS = """
insert into contact (workspace_id, id, name, kind, confidence, needs_review, contact_type_id, billing_email, primary_phone,
                     archived_at, created_at, updated_at, version, name_key, email_key, search_key, field_times, key_version)
select $1, gen_random_uuid(), 'Contact ' || n, case when n % 100 = 7 then 'PERSON' else 'ORGANISATION' end, null, n % 200 = 3,
       case when n % 100 = 11 then $3::uuid end, 'c' || n || '@client.example', null,
       case when n % 100 = 13 then now() end, now() - n * interval '1 second', now() - n * interval '1 second', 1,
       md5(n::text) || ' contact', 'c' || n || '@client.example',
       ' ' || md5(n::text) || ' contact ' || n || case when n % 10 = 0 then ' tenth' when n % 100 = 1 then ' hundredth' else '' end,
       '{}', n
  from generate_series(1, $2::int) n
"""
LINKS = """
insert into sync_link (workspace_id, id, organisation_id, contact_id, state, state_since, origin, linked_at, last_synced_at, version,
                       base_practice, base_xero, due_at)
select workspace_id, gen_random_uuid(), $2, id,
       case when key_version % 100 = 17 then 'FAILING' when key_version % 100 in (19, 23) then 'PENDING'
            when key_version % 1000 = 29 then 'CONFLICT' when key_version % 25 = 4 then 'UNSYNCED' else 'SYNCED' end,
       now(), 'FULL_MATCH', now(), now(), 1, '{}', '{}', case when key_version % 100 in (19, 23) then now() end
  from contact where workspace_id = $1 and key_version % 1000 <> 0
"""


async def fill(owner: asyncpg.Connection, world: World, contacts: int) -> None:
    await owner.execute(CONTACTS, world.workspace, contacts, world.contact_type)
    await owner.execute(LINKS, world.workspace, world.organisation)


def filters(world: World) -> dict[str, Listing[ContactRow]]:
    organisation = ids.encode("XeroOrganisation", world.organisation)

    def states(*wanted: SyncState, **more: object) -> ContactFilter:
        return ContactFilter(sync_state=list(wanted), **more)  # type: ignore[arg-type]

    wanted = {
        "no filter": ContactFilter(),
        "linked": ContactFilter(linked=True),
        "not linked": ContactFilter(linked=False),
        "linked there": ContactFilter(linked=True, organisation_id=organisation),
        "not linked there": ContactFilter(linked=False, organisation_id=organisation),
        "organisation": ContactFilter(organisation_id=organisation),
        **{f"state {state}": states(state) for state in SyncState},
        "state FAILING there": states(SyncState.FAILING, organisation_id=organisation),
        "state SYNCED there": states(SyncState.SYNCED, organisation_id=organisation),
        "states FAILING, CONFLICT": states(SyncState.FAILING, SyncState.CONFLICT),
        "states all": states(*SyncState),
        "kind PERSON": ContactFilter(kind=ContactKind.PERSON),
        "kind ORGANISATION": ContactFilter(kind=ContactKind.ORGANISATION),
        "type": ContactFilter(contact_type_id=ids.encode("ContactType", world.contact_type)),
        "type of nobody": ContactFilter(contact_type_id=ids.encode("ContactType", UUID(int=1))),
        "to review": ContactFilter(needs_review=True),
        "not to review": ContactFilter(needs_review=False),
        "search tenth": ContactFilter(search="tenth"),
        "search ten": ContactFilter(search="ten"),
        "search hundredth": ContactFilter(search="hun"),
        "search contact (all)": ContactFilter(search="contact"),
        "search nothing": ContactFilter(search="zebra"),
    }
    return {name: listing(each, None) for name, each in wanted.items()}


def last_changed(world: World) -> dict[str, Listing[ContactRow]]:
    order = ContactOrder(field=ContactOrderField.UPDATED_AT, direction=Direction.DESC)
    return {
        f"state {state}, last changed first": listing(ContactFilter(sync_state=[state]), order)
        for state in (SyncState.FAILING, SyncState.SYNCED)
    }


def cpu(pid: int) -> float:
    """Milliseconds that the process has run, to the nanosecond (Linux)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e6


class _Pid:
    def __init__(self, pid: int) -> None:
        self.pid = pid


async def measure(db: Database, world: World, name: str, wanted: Listing[ContactRow]) -> tuple[float, float]:
    """The dearer page and the count, in ms."""
    first = Asked()
    async with db.reading(world.workspace) as tx:
        [backend] = await tx.read(_Pid, "select pg_backend_pid() as pid")
        count = await wanted.count(tx)
        page = await wanted.read(tx, first)
        middle = Asked(after=page.rows[len(page.rows) // 2][0]) if page.rows else first
        last = Asked(backward=True)
        spent: list[float] = []
        for read in (
            lambda: wanted.read(tx, first),
            lambda: wanted.read(tx, middle),
            lambda: wanted.read(tx, last),
            lambda: wanted.count(tx),
        ):
            for _ in range(BEFORE):
                await read()
            began, times = cpu(backend.pid), 0
            while times < TIMES and (times < 3 or cpu(backend.pid) - began < 1500):
                await read()
                times += 1
            spent.append((cpu(backend.pid) - began) / times)
    print(
        f"{name:36} {count:6} match; first page {spent[0]:7.2f}, second {spent[1]:7.2f}, last {spent[2]:7.2f},"
        f" count {spent[3]:7.2f}",
        flush=True,
    )
    return max(spent[:3]), spent[3]


async def run(
    found: Services, contacts: int, workspaces: int, goal: float | None, only: Sequence[str]
) -> bool:
    db = database.connect(found.app_url, pool_size=1)
    sizes = [contacts, contacts // 2, 1000] + [100] * max(0, workspaces - 3)
    owner = await asyncpg.connect(found.admin_url.replace("+asyncpg", ""))
    worlds = [await make_world(db) for _ in sizes]
    for world, size in zip(worlds, sizes, strict=True):
        await fill(owner, world, size)
    await owner.execute("vacuum analyze")
    kept = True
    for world, size in zip(worlds[:3], sizes, strict=False):
        print(f"{size} contacts, {len(sizes)} workspaces; ms of PostgreSQL's CPU")
        for name, wanted in {**filters(world), **last_changed(world)}.items():
            if only and not any(word in name for word in only):
                continue
            page, count = await measure(db, world, name, wanted)
            most = SEARCH_MS if name.startswith("search") else goal
            if goal is not None and most is not None and page + count > most:
                kept = False
                print(f"  missed: {page + count:.2f} of {most} ms")
    await owner.close()
    await db.close()
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=200_000)
    parser.add_argument("--workspaces", type=int, default=1000)
    parser.add_argument("--goal", type=float)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with services() as found:
        if not asyncio.run(run(found, asked.contacts, asked.workspaces, asked.goal, asked.only)):
            sys.exit("A filter missed its goal.")


if __name__ == "__main__":
    main()
