"""Compiled operations answer as graphql-core does, byte for byte: with errors, nulls, fragments, directives and variables."""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import asynccontextmanager
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from graphql import Executor, parse, validate

from api.compiled.plan import Plan
from api.compiled.run import Plans
from api.context import Context
from tests.api.compiled import farm
from tests.api.compiled.both_ways import BothWays
from tests.api.compiled.documents import Documents


class Unbound(Context):
    """The context of a request whose loaders need no database."""

    def __init__(self) -> None:
        super().__init__(cast(Any, SimpleNamespace()))

    @asynccontextmanager
    async def reading(self) -> Any:
        yield None


@pytest.fixture
def small() -> Iterator[BothWays]:
    logging.getLogger("strawberry.execution").disabled = True
    plans = Plans()
    yield BothWays(farm.farm(plans), plans)
    farm.FAULTS.share = 0.0


async def check(small: BothWays, seeds: range, share: float) -> None:
    core, valid = small.schema._schema, 0
    for seed in seeds:
        documents = Documents(core, Random(seed), {"ID": ['"x"', '"y"']}, deepest=3)
        farm.FAULTS.seed, farm.FAULTS.share = seed, share
        text, variables = documents.next()
        if not validate(core, parse(text)):
            await small.same(text, variables, Unbound)
            valid += 1
    assert valid > len(seeds) / 3


async def test_generated_documents_without_faults(small: BothWays) -> None:
    await check(small, range(40), 0.0)
    assert small.plans.answered > small.plans.asked * 0.8


async def test_generated_documents_with_faults_in_every_position(small: BothWays) -> None:
    await check(small, range(1000, 1045), 0.02)
    assert 0.1 < small.plans.answered / small.plans.asked < 0.9


@pytest.mark.long
async def test_many_generated_documents(small: BothWays) -> None:
    start = int.from_bytes(os.urandom(4))
    for n, share in enumerate((0.0, 0.002, 0.01, 0.05, 0.3)):
        await check(small, range(start + n * 3000, start + (n + 1) * 3000), share)


def planned(small: BothWays, plans: Plans, text: str, **variables: object) -> Plan | None:
    document = parse(text)
    executor = Executor.build(small.schema._schema, document, raw_variable_values=variables)
    assert isinstance(executor, Executor)
    return plans.find(text, executor, document)


def test_an_operation_has_a_plan_for_each_outcome_of_its_directives(small: BothWays) -> None:
    plans = Plans()
    text = "query($yes: Boolean!, $size: Int) { animals(first: $size) { id name @include(if: $yes) } }"
    full, short = (planned(small, plans, text, yes=yes, size=1) for yes in (True, False))
    assert full is not short
    assert planned(small, plans, text, yes=True, size=9) is full
    assert (len(plans), plans.compiled) == (2, 2)


@pytest.mark.parametrize(("most", "most_fields"), [(3, 1_000), (1_000, 9)])
def test_plans_are_bounded_in_number_and_in_fields(small: BothWays, most: int, most_fields: int) -> None:
    plans = Plans(most, most_fields)
    for n in range(8):
        assert planned(small, plans, f"{{ a{n}: animals {{ id name }} }}") is not None
        assert len(plans) <= 3
        assert plans.fields <= 9
    assert planned(small, plans, "{ __schema { queryType { name } } }") is None
    assert planned(small, plans, "{ __schema { queryType { name } } }") is None
    assert plans.compiled == 9  # that there is no plan is remembered


async def test_objects_of_many_rows_are_read_in_one_batch(small: BothWays) -> None:
    text = "query Generated { animals(first: 5) { keeper { animals { keeper { id } } } } }"
    farm.READ.clear()
    await small.same(text, {}, Unbound)
    by_core, by_plan = farm.READ[:2], farm.READ[2:]
    assert small.plans.answered == 1
    assert by_plan == by_core
    assert by_plan[0] == 5


async def test_a_fault_below_a_list_is_read_again_and_nothing_is_left_over(small: BothWays) -> None:
    farm.FAULTS.seed, farm.FAULTS.share = 3, 1.0
    text = "query Generated { named { name ... on Animal { sound later friends { id } } } }"
    before = asyncio.all_tasks()
    answer = await small.same(text, {}, Unbound)
    assert small.plans.answered == 0
    assert "message" in answer
    assert asyncio.all_tasks() <= before


async def test_a_refusal_of_the_only_root_field_is_not_read_twice(small: BothWays) -> None:
    text = "query Generated { zero: animals(first: 0) { id } }"
    assert '"path":["zero"]' in await small.same(text, {}, Unbound)
    assert small.plans.answered == 1
