"""Lists that PostgreSQL writes have the bytes that graphql-core gives, for every value that a contact and its links can hold."""

import json

import pytest
from graphql import Executor, parse

from api.compiled.plan import compile_operation
from api.root import plans, schema
from tests import make
from tests.api.compiled.both_ways import BothWays

BOTH = BothWays(schema, plans, with_lists=True)
NODE = """id name firstName lastName kind billingEmail primaryPhone updatedAt createdAt archivedAt version __typename
  classification { kind confidence needsReview } contactType { id name }
  billingAddress { lines city region postalCode country attentionTo }
  syncLinks { id state stateSince origin linkedAt lastSyncedAt version }"""
LIST = """query Generated($first: Int, $after: String, $last: Int, $before: String, $filter: ContactFilter, $order: ContactOrder) {
  contacts(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $order) {
    totalCount totalCountIsExact pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { %s } } } }"""
NAMES = [
    '"Quoted" \\ and / slashed',
    "Zoë 😀 \u2028\x7f",
    "tab\tline\nbell\x07end",
    "%s %(x)s :ws {brace}",
    "ab",
    "abc",
    "abcd",
]


@pytest.fixture
async def some(ada: make.Client) -> make.Client:
    """With contacts of awkward values, and links in several states."""
    await make.conflict(ada.world)
    await make.linked(ada.world, "Rata Ltd", "rata@x.example")
    await make.linked(ada.world, "Waits Ltd", "waits@x.example")
    await make.many_contacts(ada.world, len(NAMES), prefix="Awkward")
    async with ada.process.database.transaction(ada.world.workspace, ada.viewer.actor) as tx:
        await tx.run(
            "update contact c set name = n.name from (select id, row_number() over (order by id) as place from contact"
            " where name like 'Awkward%') w join unnest(cast(:names as text[])) with ordinality as n(name, place) using (place)"
            " where c.id = w.id",
            names=NAMES,
        )
        await tx.run(
            "update contact set first_name = name, confidence = 0.1 + version, needs_review = true where name like 'ab%'"
        )
        await tx.run(
            "update contact set confidence = 0.75, contact_type_id = (select id from contact_type limit 1),"
            " billing_address = cast(:address as jsonb) where name like 'a%c%'",
            address=json.dumps(
                {"lines": ['1 "Main"', "Level 2, \\ é"], "city": "Ōtaki", "postalCode": "5512"}
            ),
        )
        await tx.run(
            "update sync_link l set state = w.state, due_at = :now, failure = null from (values ('rata ltd', 'CONFLICT'),"
            " ('waits ltd', 'PENDING')) w(name, state), contact c where c.id = l.contact_id and lower(c.name) = w.name"
        )
    return ada


def is_listed(text: str) -> bool:
    executor = Executor.build(schema._schema, parse(text))
    assert isinstance(executor, Executor)
    return compile_operation(executor).is_listed


async def test_each_page_has_the_same_bytes_both_ways(some: make.Client) -> None:
    text = LIST % NODE
    assert is_listed(text)
    whole = json.loads(await BOTH.same(text, {}, some.context))[0]["contacts"]
    assert whole["totalCount"] == len(whole["edges"]) > len(NAMES)
    assert {link["state"] for edge in whole["edges"] for link in edge["node"]["syncLinks"]} >= {
        "PENDING",
        "CONFLICT",
    }
    middle = whole["edges"][4]["cursor"]
    for variables in (
        {"first": 2},
        {"first": 3, "after": middle},
        {"last": 2, "before": middle},
        {"last": 100},
        {"order": {"field": "UPDATED_AT", "direction": "DESC"}, "first": 4},
        {"filter": {"search": "a"}},
        {"filter": {"search": "nothing-has-this"}},
        {"filter": {"syncState": ["CONFLICT"], "includeArchived": True}},
        {"first": 0},
        {"after": "?"},
    ):
        await BOTH.same(text, variables, some.context)


async def test_a_link_that_waits_for_xero_is_shown_as_failing(some: make.Client) -> None:
    async with some.process.database.transaction(some.world.workspace, some.viewer.actor) as tx:
        await tx.run("update organisation set health = 'NEEDS_RECONNECT'")
    assert '"state":"FAILING"' in await BOTH.same(LIST % NODE, {}, some.context)


async def test_a_list_with_an_undeclared_field_stays_with_its_resolvers(some: make.Client) -> None:
    for node in (
        "id identifiers { value }",
        "id syncLinks { id warnings }",
        "id invoices { totalCount }",
    ):
        text = LIST % node
        assert not is_listed(text)
        await BOTH.same(text, {}, some.context)


async def test_a_selection_may_be_in_fragments_under_other_names_and_twice(some: make.Client) -> None:
    text = """query Generated { a: contacts(first: 2) { edges { at: cursor cursor one: node { id } two: node { ...N title: name } } }
      b: contacts(last: 1) { __typename edges { __typename } pageInfo { __typename end: endCursor } n: totalCount }
      viewer { __typename } } fragment N on Contact { ... on Node { id } kind name }"""
    assert is_listed(text)
    await BOTH.same(text, {}, some.context)


async def test_a_value_that_sql_does_not_know_is_left_to_the_resolvers(some: make.Client) -> None:
    async with some.process.database.transaction(some.world.workspace, some.viewer.actor) as tx:
        await tx.run("update contact set confidence = 1e-9 where name = 'ab'")
    assert "1e-9" in await BOTH.same(LIST % "id classification { confidence }", {}, some.context)


async def test_a_list_shows_nothing_of_another_workspace(some: make.Client) -> None:
    other = await make.client(some.process)
    await other.world.contact("Of another practice")
    answer = await BOTH.same(LIST % NODE, {}, other.context)
    assert json.loads(answer)[0]["contacts"]["totalCount"] == 1
