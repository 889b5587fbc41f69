"""Nobody reaches another workspace, by any argument of the schema that takes an id, or by a cursor. The schema lists the places."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

from api.relay import ids
from api.root import schema
from domain.tables import metadata
from tests import make
from tests.api.nodes import TABLES, fill
from tests.api.schema.conftest import ada, listening, process
from tests.domain.world import World

__all__ = ["ada", "listening", "process"]
# Which type of node an argument of this name takes. An argument of another name gets the ids of all types.
KINDS = {
    "contactId": "Contact",
    "contactTypeId": "ContactType",
    "defaultContactTypeId": "ContactType",
    "apiTokenId": "ApiToken",
    "eventId": "ActivityEvent",
    "invoiceId": "Invoice",
    "invoiceIds": "Invoice",
    "issueId": "MatchIssue",
    "ignore": "MatchIssue",
    "createSeparate": "MatchIssue",
    "linkId": "SyncLink",
    "linkIds": "SyncLink",
    "organisationId": "XeroOrganisation",
    "allOfOrganisation": "XeroOrganisation",
    "serviceTypeId": "ServiceType",
    "taxRateId": "TaxRate",
    "accountCode": "XeroAccount",
    "expenseAccountCode": "XeroAccount",
    "revenueAccountCode": "XeroAccount",
    "xeroTaxType": "XeroTaxRate",
}
GRAPHQL = schema._schema  # strawberry has no public name for it
SCALARS = {
    "String": "Text",
    "Int": 1,
    "Boolean": True,
    "Decimal": "1",
    "Date": "2026-11-20",
    "DateTime": "2026-11-20T00:00:00Z",
    "Float": 1.0,
}
SECRET = "Of the other practice"
_TENANTS = [table for table in metadata.sorted_tables if "workspace_id" in table.columns]
_ROWS = " union all ".join(
    f"select '{table.name}' as of, to_jsonb(t)::text as row from {table.name} t where workspace_id = :ws"
    for table in _TENANTS
)
Place = tuple[str, ...]


def id_places(given: GraphQLInputType, path: Place, above: Place = ()) -> Iterator[Place]:
    """Where an input takes ids, by the names of its fields."""
    named = get_named_type(given)
    if named.name == "ID":
        yield path
    if isinstance(named, GraphQLInputObjectType) and named.name not in above:
        for name, each in named.fields.items():
            yield from id_places(each.type, (*path, name), (*above, named.name))


def value(given: GraphQLInputType, name: str, path: Place, chosen: str, own: dict[str, str]) -> Any:
    """An input with what it needs, and with `chosen` at the place `path` below it. Other ids are the caller's own."""
    bare = get_nullable_type(given)
    if is_list_type(bare):
        return [value(bare.of_type, name, path, chosen, own)]
    if isinstance(bare, GraphQLInputObjectType):
        wanted = {
            key: each
            for key, each in bare.fields.items()
            if is_required_input_field(each) or (path and key == path[0])
        }
        return {
            key: value(
                each.type,
                key,
                path[1:] if path and key == path[0] else (),
                chosen if path and key == path[0] else "",
                own,
            )
            for key, each in wanted.items()
        }
    if isinstance(bare, GraphQLEnumType):
        return next(iter(bare.values))
    scalar = get_named_type(given).name
    return (chosen or own.get(KINDS.get(name, ""), "x")) if scalar == "ID" else SCALARS[scalar]


def selection(of: GraphQLOutputType) -> str:
    """What an answer can show without arguments: its values, and the ids and names of the objects below."""
    named = get_named_type(of)
    if not isinstance(named, GraphQLObjectType):
        return "{ __typename }"
    parts = ["__typename"]
    for name, each in named.fields.items():
        below = get_named_type(each.type)
        if any(is_required_argument(argument) for argument in each.args.values()):
            continue
        if is_leaf_type(below):
            parts.append(name)
        elif name in ("userErrors", "results"):
            parts.append(f"{name} {selection(each.type)}")
        elif isinstance(below, GraphQLObjectType):
            parts.append(f"{name} {{ {' '.join(['__typename', *({'id', 'name'} & set(below.fields))])} }}")
    return f"{{ {' '.join(parts)} }}"


def calls(root: GraphQLObjectType) -> Iterator[tuple[str, GraphQLField, str, GraphQLArgument, Place]]:
    for name, each in root.fields.items():
        for argument_name, argument in each.args.items():
            for place in id_places(argument.type, ()):
                yield name, each, argument_name, argument, place


async def rows(world: World) -> list[tuple[str, str]]:
    found = await world.rows(f"select * from ({_ROWS}) every order by 1, 2")
    return [(row["of"], row["row"]) for row in found]


async def keys_of(world: World) -> dict[str, str]:
    return {kind: ids.encode(kind, key) for kind, key in (await fill(world)).items()}


async def compare(
    bob: make.Client, root: GraphQLObjectType, foreign: dict[str, str]
) -> tuple[int, list[str]]:
    """How many ids were tried, and where an id of another workspace is answered otherwise than an id of nothing."""
    own = await keys_of(bob.world)
    tried, wrong = 0, []
    for name, each, argument_name, argument, place in calls(root):
        last = (place or (argument_name,))[-1]
        for kind in [KINDS[last]] if last in KINDS else sorted(TABLES):
            tried += 1
            nothing = ids.encode(kind, UUID(int=tried))
            needed = {
                key: other
                for key, other in each.args.items()
                if key != argument_name and is_required_argument(other)
            }
            variables = {key: value(other.type, key, (), "", own) for key, other in needed.items()}
            declared = ", ".join(f"${key}: {other.type}" for key, other in needed.items())
            passed = ", ".join(f"{key}: ${key}" for key in needed)
            query = f"({declared} $nothing: {argument.type}, $foreign: {argument.type})"
            shown = "" if is_leaf_type(get_named_type(each.type)) else selection(each.type)
            query += "{ " + " ".join(
                f"{alias}: {name}({passed} {argument_name}: ${alias}) {shown}"
                for alias in ("nothing", "foreign")
            )
            word = "mutation" if root.name == "Mutation" else "query"
            given = {
                alias: value(argument.type, last, place, chosen, own)
                for alias, chosen in (("nothing", nothing), ("foreign", foreign[kind]))
            }
            data, errors = await bob.answer(f"{word}{query} }}", **variables, **given)
            told = json.dumps([data, errors], default=str)
            spot = f"{name}.{'.'.join((argument_name, *place))} ({kind})"
            if data is None or any(code == "INTERNAL" for _, code in errors):
                wrong.append(f"{spot}: {errors}")
                continue
            if SECRET in told:
                wrong.append(f"{spot} shows {told}")
            of_nothing = json.dumps(refusals(data["nothing"])).replace(nothing, "ID")
            of_foreign = json.dumps(refusals(data["foreign"])).replace(foreign[kind], "ID")
            if of_nothing != of_foreign:
                wrong.append(f"{spot}: {of_nothing} and {of_foreign}")
    return tried, wrong


def refusals(shown: Any) -> Any:
    """Of a payload its errors, rows included; of another answer everything."""
    if not isinstance(shown, dict) or "userErrors" not in shown:
        return shown
    return [shown["userErrors"], [refusals(row) for row in shown.get("results") or []]]


async def secretive(ada: make.Client) -> dict[str, str]:
    """The ids of ada's objects, whose names are secret."""
    foreign = await keys_of(ada.world)
    await ada.world.rows(
        "with a as (update contact set name = :name where workspace_id = :ws),"
        " b as (update xero_contact set name = :name where workspace_id = :ws),"
        " c as (update organisation set name = :name where workspace_id = :ws),"
        " d as (update service_type set name = :name where workspace_id = :ws),"
        " e as (update tax_rate set name = :name where workspace_id = :ws) select 1",
        name=SECRET,
    )
    return foreign


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
