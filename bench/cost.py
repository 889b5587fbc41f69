"""Compares `extensions.cost` with the CPU that operations take: `python -m bench.cost [--contacts 2000]`.

200 different reads run in one process, on contacts with links: half of them lists of each length, half generated over the
whole schema. Each query runs once, and then in four rounds over its half, for the least CPU of the API's process. A half fits
into the caches of documents, and a disturbance of the machine hits one run of a query, not all of them. The answers hold JSON
that PostgreSQL wrote, as over HTTP. Printed: Spearman's rank correlation with the CPU, for the estimate of a new document, the
estimate of a known document, and the cost; the share of a page query that counting takes; and the time
of an estimate.
"""

import argparse
import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import count, product
from random import Random
from statistics import median
from typing import NamedTuple
from uuid import uuid4

import strawberry
import structlog
from graphql import GraphQLSchema, parse, validate

from api.compiled.run import Plans
from api.context import EdgeContext
from api.guards.cost_report import CostReport, Experience
from api.guards.extensions import compiling, edge_config, edge_extensions
from api.guards.query_cost import measure as measure_document
from api.guards.rate_limit import Rates
from api.root import Mutation, Query, Subscription
from api.schema.live import SyncCursorFirst
from api.schema.scalars import SCALARS
from api.schema.viewer import User
from bench.place import services
from runtime import database
from tests import make
from tests.api.compiled.documents import Documents

OPERATIONS = 200
ROUNDS, REPEATS = 150, 4
SIZES = (1, 2, 3, 5, 8, 12, 20, 30, 50, 70, 100)
PARTS = (
    "contacts(first: {n}) {{ edges {{ node {{ id name }} }} }}",
    "contacts(first: {n}) {{ totalCount edges {{ cursor node {{ id name kind billingEmail billingAddress {{ city }} }} }} }}",
    "contacts(first: {n}) {{ edges {{ node {{ id syncLinks {{ id state organisation {{ id name }} }} }} }} }}",
    "contacts(first: {n}) {{ edges {{ node {{ id name activity(first: 3) {{ edges {{ node {{ id at }} }} }} }} }} }}",
    "syncLinks(first: {n}) {{ edges {{ node {{ id state allowedActions contact {{ id name }} }} }} }}",
    "syncLinks(first: {n}) {{ totalCount edges {{ node {{ id contact {{ id syncLinks {{ id }} }} differences {{ field }} }} }} }}",
    "viewer {{ id }} contacts(last: {n}) {{ pageInfo {{ endCursor }} edges {{ node {{ name firstName lastName version updatedAt }} }} }}",
    "workspace {{ id name contactTypes {{ id }} }} syncLinks(last: {n}) {{ edges {{ node {{ id }} }} }}",
    "contacts(first: {n}) {{ edges {{ node {{ invoices(first: 2) {{ edges {{ node {{ id }} }} }} }} }} }}",
)


def build(*, counting: bool) -> strawberry.Schema:
    extensions = edge_extensions()
    if not counting:
        extensions = [one for one in extensions if isinstance(one, type) or not isinstance(one(), CostReport)]
    return strawberry.Schema(
        Query,
        Mutation,
        Subscription,
        types=[User],
        config=edge_config(scalar_map=SCALARS),
        extensions=[*extensions, SyncCursorFirst, compiling(Plans())],
    )


def ranks(values: Sequence[float]) -> list[float]:
    """Equal values share the mean of their ranks."""
    ordered = sorted(values)
    first = {value: place for place, value in reversed(list(enumerate(ordered)))}
    last = {value: place for place, value in enumerate(ordered)}
    return [(first[value] + last[value]) / 2 for value in values]


def correlation(one: Sequence[float], other: Sequence[float]) -> float:
    a, b = ranks(one), ranks(other)
    mean = (len(a) - 1) / 2
    above = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    below = sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b)
    return float(above / below**0.5)


class Found(NamedTuple):
    """`cpu` in milliseconds; the estimates of a new and of a known document, and the cost."""

    cpu: float
    static: int
    known: int
    actual: int


class Asking:
    def __init__(self, client: make.Client) -> None:
        settings = client.process.settings.model_copy(update={"redis_url": None})
        self._client, self._rates = client, Rates(settings, client.process.database.clock)

    async def run(self, schema: strawberry.Schema, text: str) -> tuple[float, int, int] | None:
        """CPU in milliseconds, the estimate and the cost; None if the answer has errors. Without CostReport, the two are 0."""
        context = EdgeContext(self._client.process, self._client.viewer, rates=self._rates, takes_json=True)
        variables = {"no": False}
        begun = time.process_time()
        result = await schema.execute(text, variables, context)
        taken = (time.process_time() - begun) * 1000
        if result.errors:
            return None
        cost = (result.extensions or {}).get("cost", {"requested": 0, "actual": 0})
        return taken, cost["requested"], cost["actual"]


async def compare(asking: Asking, name: str, texts: Iterator[str]) -> list[Found]:
    """Half of the operations: those of the texts that are answered without an error."""
    schema = build(counting=True)
    first: dict[str, tuple[float, int, int]] = {}
    while len(first) < OPERATIONS // 2 and (text := next(texts, None)) is not None:
        one = await asking.run(schema, text)
        if one is not None:
            first[text] = one
    again: dict[str, list[tuple[float, int, int]]] = {text: [] for text in first}
    for text in list(first) * REPEATS:
        if (one := await asking.run(schema, text)) is not None:
            again[text].append(one)
    found = [
        Found(min(one[0] for one in runs), first[text][1], runs[-1][1], first[text][2])
        for text, runs in again.items()
        if len(runs) == REPEATS
    ]
    show(name, found)
    return found


def show(name: str, found: Sequence[Found]) -> None:
    cpu = [one.cpu for one in found]
    print(
        f"{name}, {len(found)} operations of {min(cpu):.1f} to {max(cpu):.1f} ms: rank correlation with the CPU"
    )
    for kind in ("static", "known", "actual"):
        print(f"  {kind}: {correlation([getattr(one, kind) for one in found], cpu):.2f}")


def lists() -> Iterator[str]:
    return (f"{{ {part.format(n=n)} }}" for part, n in product(PARTS, SIZES))


def generated() -> Iterator[str]:
    core = build(counting=True)._schema
    for seed in count():
        text, _ = Documents(core, Random(seed), {"ID": ['"none"']}, deepest=4).next()
        if not validate(core, parse(text)):
            yield text


async def overhead(asking: Asking) -> None:
    with_it, without = build(counting=True), build(counting=False)
    page = f"{{ {PARTS[2].format(n=50)} }}"
    taken: dict[bool, list[float]] = {True: [], False: []}
    for n in range(ROUNDS):
        for counting in (n % 2 == 0, n % 2 == 1):
            one = await asking.run(with_it if counting else without, page)
            assert one is not None
            taken[counting].append(one[0])
    more, less = median(taken[True]), median(taken[False])
    print(
        f"page of 50: {more:.3f} ms of CPU with the report, {less:.3f} without: {100 * (more / less - 1):.1f} %"
    )
    for kind, seconds in estimating(with_it._schema, page).items():
        print(f"estimate of {kind}: {seconds * 1e6:.0f} µs, {seconds * 1e5 / less:.2f} % of the page")


def estimating(core: GraphQLSchema, text: str) -> dict[str, float]:
    """Seconds for the estimate of a document, which the limits measure anyway, and of a document that has run before."""
    document, workspace, experience = parse(text), uuid4(), Experience()
    known = measure_document(core, document, {})
    asked = experience.expect(workspace, text, None, known)
    assert asked is not None
    experience.add(asked.asked, asked.requested)
    taken: dict[str, float] = {}
    for kind, before in (("a new document", None), ("a known document", known)):
        begun = time.process_time()
        for _ in range(ROUNDS):
            experience.expect(workspace, text, None, measure_document(core, document, {}, before))
        taken[kind] = (time.process_time() - begun) / ROUNDS
    return taken


async def measure(url: str, contacts: int) -> None:
    db = database.connect(url)
    async with make.listening(db, url) as process:
        client = await make.client(process)
        await make.many_contacts(client.world, contacts)
        await make.link_all(client.world)
        await client.world.rows("select door.refresh_statistics()")
        asking = Asking(client)
        of_lists = await compare(asking, "lists", lists())
        of_others = await compare(asking, "generated", generated())
        show("all", [*of_lists, *of_others])
        await overhead(asking)
    await db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=2000)
    given = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with services() as found:
        asyncio.run(measure(found.app_url, given.contacts))
