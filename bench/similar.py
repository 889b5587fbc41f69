"""Near-duplicates at 100,000 contacts: `python -m bench.similar DATA [--contacts N]`.

The names of the development data are stored among invented ones in its own PostgreSQL. Each query is looked up as in an
import (domain.matching.near_duplicates.read_page, pages of 250), by PostgreSQL and with a name index. Both must find the
same contacts. The bench prints the cost for each contact, and whether its counterpart is found and at which rank. It needs
only what the tests need.
"""

import argparse
import asyncio
import csv
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

import sqlalchemy as sa

from bench.place import postgres_cpu
from domain.connection import organisation_copy
from domain.matching import near_duplicates
from domain.matching.name_index import NameIndex
from domain.names import search_keys
from domain.names.similarity import make_ready, score
from domain.tables import Contact
from runtime.database import connect
from runtime.embedded import services as embedded_services
from tests.database import Place, Server, fresh_database, migrated_template, rows_of
from tests.domain.world import World, make_world, seen
from xero.simulator.demo import lifelike_organisation

PAGE, AT_ONCE = 250, 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--contacts", type=int, default=100_000)
    args = parser.parse_args()
    known = [(row["entity_id"], row["name"]) for row in read(args.data / "retrieval_index_dev.csv")]
    queries = [(row["query"], row["entity_id"]) for row in read(args.data / "retrieval_queries_dev.csv")]
    more = args.contacts - len(known)
    filler = [("", one.name) for one in lifelike_organisation(7, more, "Filler").contacts]
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        Path(folder).chmod(0o711)
        with embedded_services.services(Path(folder) / "data", durable=False) as services:
            asyncio.run(measure(services, known + filler, queries))


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


async def measure(
    services: embedded_services.Services, contacts: list[tuple[str, str]], queries: list[tuple[str, str]]
) -> None:
    server = Server(services.admin_url, embedded_services.APP)
    async with fresh_database(server, await migrated_template(server)) as place:
        await look(place, services, contacts, queries)


async def look(
    place: Place,
    services: embedded_services.Services,
    contacts: list[tuple[str, str]],
    queries: list[tuple[str, str]],
) -> None:
    database = connect(place.app_url)
    world = await make_world(database)
    entity = await fill(world, contacts)
    shown = [seen(name) for name, _ in queries]
    await world.shown(*shown)
    rows = await world.rows("select id, xero_contact_id from xero_contact")
    asked = {row["xero_contact_id"]: row["id"] for row in rows}
    wanted = {
        asked[one.xero_contact_id]: entity_id for one, (_, entity_id) in zip(shown, queries, strict=True)
    }
    async with world.tx() as tx:
        await rows_of(tx, "select door.refresh_statistics()")
        index = NameIndex(tx.now)
        began = time.perf_counter()
        await index.load(tx)
        print(f"the index was read in {time.perf_counter() - began:.1f} s")
    took = {False: [0.0] * 3, True: [0.0] * 3}  # with the index: seconds, CPU here, CPU in PostgreSQL
    compared, pages = 0.0, []
    ids = sorted(wanted)
    for at in range(0, len(ids), PAGE):
        found = {}
        for way in sorted(took, reverse=at // PAGE % 2 > 0):  # in turns, as the second finds names made ready
            async with world.tx() as tx:
                organisation = await organisation_copy.get(tx, world.organisation)
                began = spent(services)
                found[way] = await near_duplicates.read_page(
                    tx, organisation, ids[at : at + PAGE], index if way else None
                )
                now = spent(services)
                took[way] = [sum(one) - b for *one, b in zip(took[way], now, began, strict=True)]
        page = found[True]
        assert [one.others for one in page.lookups] == [one.others for one in found[False].asked]
        began = time.process_time()
        near_duplicates.compare(page)
        compared += time.process_time() - began
        pages.append(page)
    n = sum(len(page.lookups) for page in pages)
    print(f"{len(contacts)} contacts, {n} looked up, {n - len(queries) or 'none'} by the rule")
    for way, name in ((False, "by PostgreSQL"), (True, "with the index")):
        wall, here, there = (one / n * 1e3 for one in took[way])
        print(
            f"a contact looked up {name}: {wall:.2f} ms; CPU {here:.2f} ms here, {there:.2f} ms in PostgreSQL"
        )
    print(f"compared {compared / n * 1e3:.2f} ms of CPU")
    places = [
        rank(one, wanted, entity) for page in pages for one in page.lookups if wanted[one.xero_contact_id]
    ]
    for limit in (1, 5, 1000):
        print(f"R@{limit} {sum(place < limit for place in places) / len(places):.4f}")
    await database.close()


def spent(services: embedded_services.Services) -> list[float]:
    return [time.perf_counter(), time.process_time(), postgres_cpu(services)]


async def fill(world: World, contacts: list[tuple[str, str]]) -> dict[UUID, str]:
    entity = {uuid4(): entity_id for entity_id, _ in contacts}
    async with world.tx() as tx:
        rows = [
            {
                "workspace_id": world.workspace, "id": key, "name": name, "kind": "PERSON", "needs_review": False,
                "created_at": tx.now, "updated_at": tx.now, "version": 1, "field_times": {},
                **search_keys.columns(name, None, None, None),
            }
            for key, (_, name) in zip(entity, contacts, strict=True)
        ]  # fmt: skip
        for at in range(0, len(rows), AT_ONCE):
            await tx.session.execute(sa.insert(Contact), rows[at : at + AT_ONCE])
    return entity


def rank(asked: near_duplicates.Lookup, wanted: dict[UUID, str], entity: dict[UUID, str]) -> int:
    """The rank of the right contact among the candidates, by score."""
    one = make_ready(asked.contact)
    ranked = sorted(asked.others, key=lambda key: -score(one, make_ready(asked.others[key])))
    right = [at for at, key in enumerate(ranked) if entity[key] == wanted[asked.xero_contact_id]]
    return right[0] if right else len(ranked) + 10_000


if __name__ == "__main__":
    main()
