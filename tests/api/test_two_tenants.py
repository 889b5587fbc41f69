"""Nobody reaches another workspace, by any argument of the schema that takes an id, or by a cursor. The schema lists the places."""

import json
from typing import Any

from graphql import GraphQLObjectType, get_named_type

from domain.tables import metadata
from tests import make
from tests.api.nodes import fill
from tests.api.schema.conftest import ada, listening, process
from tests.api.tenants import GRAPHQL, SECRET, attempts, keys_of, secretive
from tests.domain.world import World

__all__ = ["ada", "listening", "process"]
_TENANTS = [table for table in metadata.sorted_tables if "workspace_id" in table.columns]
_ROWS = " union all ".join(
    f"select '{table.name}' as of, to_jsonb(t)::text as row from {table.name} t where workspace_id = :ws"
    for table in _TENANTS
)


async def rows(world: World) -> list[tuple[str, str]]:
    found = await world.rows(f"select * from ({_ROWS}) every order by 1, 2")
    return [(row["of"], row["row"]) for row in found]


async def compare(
    bob: make.Client, root: GraphQLObjectType, foreign: dict[str, str]
) -> tuple[int, list[str]]:
    """How many ids were tried, and where an id of another workspace is answered otherwise than an id of nothing."""
    tried, wrong = 0, []
    for one in attempts(root, await keys_of(bob.world)):
        tried += 1
        chosen = {"nothing": one.nothing, "foreign": foreign[one.kind]}
        types = dict.fromkeys(chosen, one.field.args[one.argument].type)
        types |= {key: one.field.args[key].type for key in one.needed}
        declared = ", ".join(f"${key}: {kind}" for key, kind in types.items())
        passed = ", ".join(f"{key}: ${key}" for key in one.needed)
        called = " ".join(
            f"{alias}: {one.name}({passed} {one.argument}: ${alias}) {one.shown}" for alias in chosen
        )
        word = "mutation" if root.name == "Mutation" else "query"
        given = one.needed | {alias: one.given(key) for alias, key in chosen.items()}
        data, errors = await bob.answer(f"{word}({declared}) {{ {called} }}", **given)
        told = json.dumps([data, errors], default=str)
        if data is None or any(code == "INTERNAL" for _, code in errors):
            wrong.append(f"{one}: {errors}")
            continue
        if SECRET in told:
            wrong.append(f"{one} shows {told}")
        of_nothing, of_foreign = (
            json.dumps(refusals(data[alias])).replace(key, "ID") for alias, key in chosen.items()
        )
        if of_nothing != of_foreign:
            wrong.append(f"{one}: {of_nothing} and {of_foreign}")
    return tried, wrong


def refusals(shown: Any) -> Any:
    """Of a payload its errors, rows included; of another answer everything."""
    if not isinstance(shown, dict) or "userErrors" not in shown:
        return shown
    return [shown["userErrors"], [refusals(row) for row in shown.get("results") or []]]


async def test_no_id_of_another_workspace_does_or_shows_anything_in_a_mutation(ada: make.Client) -> None:
    foreign = await secretive(ada)
    before = await rows(ada.world)
    assert GRAPHQL.mutation_type is not None
    tried, wrong = await compare(await make.client(ada.process), GRAPHQL.mutation_type, foreign)
    assert wrong == []
    assert tried > 80
    assert await rows(ada.world) == before


async def test_no_id_of_another_workspace_shows_anything_in_a_query(ada: make.Client) -> None:
    foreign = await secretive(ada)
    assert GRAPHQL.query_type is not None
    tried, wrong = await compare(await make.client(ada.process), GRAPHQL.query_type, foreign)
    assert wrong == []
    assert tried > 50


async def test_a_cursor_of_another_workspace_pages_through_the_own_rows_only(ada: make.Client) -> None:
    await secretive(ada)
    bob = await make.client(ada.process)
    await fill(bob.world)
    assert GRAPHQL.query_type is not None
    lists = {
        name: each
        for name, each in GRAPHQL.query_type.fields.items()
        if "after" in each.args and get_named_type(each.type).name.endswith("Connection")
    }
    assert len(lists) >= 5
    for name in lists:
        query = f"query($a: String) {{ {name}(first: 1, after: $a) {{ edges {{ cursor node {{ id }} }} }} }}"
        theirs = (await ada.ask(query))[name]["edges"]
        mine = {
            edge["node"]["id"]
            for edge in (await bob.ask(query.replace("first: 1", "first: 99")))[name]["edges"]
        }
        assert theirs, name
        assert mine, name
        shown = (await bob.ask(query.replace("first: 1", "first: 99"), a=theirs[0]["cursor"]))[name]["edges"]
        assert {edge["node"]["id"] for edge in shown} <= mine, name


async def test_the_live_stream_of_another_workspace_is_refused_or_empty(ada: make.Client) -> None:
    await secretive(ada)
    bob = await make.client(ada.process)
    cursor = (await ada.ask("{ syncCursor }"))["syncCursor"]
    await ada.world.contact(SECRET)
    follow = "subscription($after: String) { syncStatus(after: $after) { update { __typename ... on ContactUpdate { contact { name } } } } }"
    async with bob.follow(follow, after=cursor) as stream:
        assert (await stream.next())["update"]["__typename"] == "Resync"
        await bob.world.contact("Of this practice")
        assert (await stream.next())["update"]["contact"] == {"name": "Of this practice"}
