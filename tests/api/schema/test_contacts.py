"""Contacts through the API: create, update, search, pages."""

from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from graphql import GraphQLError
from hypothesis import given, settings
from hypothesis import strategies as st

from api.context import Process
from api.relay.paging import Key, Listing, Order, asked, pack
from api.schema import contacts
from domain.tables import Scope
from tests import make
from tests.database import rows_of

CREATE = """mutation($i: CreateContactInput!) { createContact(input: $i) {
  contact { id name kind version classification { needsReview } contactType { name } } userErrors { code path } } }"""
UPDATE = """mutation($i: UpdateContactInput!) { updateContact(input: $i) {
  contact { id name version billingEmail archivedAt } userErrors { code path } } }"""
MANY = """mutation($i: CreateContactsInput!) { createContacts(input: $i) {
  results { contact { name } userErrors { code path } } userErrors { code path } } }"""
NAMES = """query($f: ContactFilter, $o: ContactOrder, $first: Int, $after: String, $last: Int, $before: String) {
  contacts(filter: $f, orderBy: $o, first: $first, after: $after, last: $last, before: $before) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { name } } } }"""


async def create(ada: make.Client, **values: Any) -> Any:
    return (await ada.ask(CREATE, i=values))["createContact"]


async def names(ada: make.Client, **variables: Any) -> list[str]:
    return [edge["node"]["name"] for edge in (await ada.ask(NAMES, **variables))["contacts"]["edges"]]


async def test_a_contact_is_created_and_found(ada: make.Client) -> None:
    made = await create(ada, name="Zoë Nguyễn", billingEmail="zoe@x.example", kind="PERSON")
    assert made["userErrors"] == []
    assert made["contact"]["classification"] is None
    for search in ("zoe", "ZOË", "nguyen", "zoe@x"):
        assert await names(ada, f={"search": search}) == ["Zoë Nguyễn"]
    assert await names(ada, f={"search": "goe"}) == []


async def test_the_same_key_gives_the_same_contact_and_another_input_is_refused(ada: make.Client) -> None:
    first = await create(ada, name="Kauri", idempotencyKey="k")
    assert (await create(ada, name="Kauri", idempotencyKey="k")) == first
    assert (await create(ada, name="Rimu", idempotencyKey="k"))["userErrors"][0]["code"] == "KEY_REUSED"
    assert await names(ada) == ["Kauri"]


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"name": " "}, "REQUIRED", ["name"]),
        ({"name": "\u200b"}, "REQUIRED", ["name"]),
        ({"name": "x" * 300}, "TOO_LONG", ["name"]),
        ({"name": "a\x07b"}, "INVALID", ["name"]),
        ({"name": "A", "billingEmail": "nobody"}, "INVALID", ["billingEmail"]),
        ({"name": "A", "contactTypeId": "x"}, "NOT_FOUND", ["contactTypeId"]),
        ({"name": "A", "idempotencyKey": " "}, "INVALID", ["idempotencyKey"]),
        ({"name": "A", "billingAddress": {"lines": ["a"] * 9}}, "TOO_MANY", ["billingAddress", "lines"]),
    ],
)
async def test_each_error_of_a_contact_has_the_path_of_its_field(
    ada: make.Client, values: dict[str, Any], code: str, path: list[str]
) -> None:
    answer = await create(ada, **values)
    assert answer == {"contact": None, "userErrors": [{"code": code, "path": path}]}
    assert await names(ada) == []


async def test_a_stale_version_is_refused_with_the_current_contact(ada: make.Client) -> None:
    key = (await create(ada, name="Kauri"))["contact"]["id"]
    await ada.ask(UPDATE, i={"contactId": key, "version": 1, "name": "Kauri Ltd"})
    answer = (await ada.ask(UPDATE, i={"contactId": key, "version": 1, "name": "Rimu"}))["updateContact"]
    assert answer["userErrors"] == [{"code": "STALE_VERSION", "path": ["version"]}]
    assert (answer["contact"]["name"], answer["contact"]["version"]) == ("Kauri Ltd", 2)


async def test_an_absent_field_stays_and_null_clears_it(ada: make.Client) -> None:
    key = (await create(ada, name="Kauri", billingEmail="a@x.example"))["contact"]["id"]
    kept = (await ada.ask(UPDATE, i={"contactId": key, "archived": True}))["updateContact"]["contact"]
    assert (kept["billingEmail"], kept["archivedAt"] is not None) == ("a@x.example", True)
    cleared = (await ada.ask(UPDATE, i={"contactId": key, "billingEmail": None}))["updateContact"]["contact"]
    assert cleared["billingEmail"] is None
    assert await names(ada) == []
    assert await names(ada, f={"includeArchived": True}) == ["Kauri"]


async def test_each_row_of_a_bulk_mutation_succeeds_or_fails_alone(ada: make.Client) -> None:
    rows = [{"name": "A"}, {"name": ""}, {"name": "C"}]
    answer = (await ada.ask(MANY, i={"contacts": rows}))["createContacts"]
    assert [one["contact"] and one["contact"]["name"] for one in answer["results"]] == ["A", None, "C"]
    assert answer["results"][1]["userErrors"] == [{"code": "REQUIRED", "path": ["contacts", "1", "name"]}]
    assert await names(ada) == ["A", "C"]


async def test_a_call_with_its_key_repeated_gives_the_same_contacts(ada: make.Client) -> None:
    call = {"contacts": [{"name": "A"}, {"name": ""}], "idempotencyKey": "file-1", "refuseDuplicates": True}
    first = await ada.ask(MANY, i=call)
    assert await ada.ask(MANY, i=call) == first
    other = (await ada.ask(MANY, i={**call, "refuseDuplicates": False}))["createContacts"]
    assert other == {"results": [], "userErrors": [{"code": "KEY_REUSED", "path": ["idempotencyKey"]}]}
    taken = (await ada.ask(MANY, i={**call, "idempotencyKey": "file-2"}))["createContacts"]["results"][0]
    assert taken == {"contact": None, "userErrors": [{"code": "TAKEN", "path": ["contacts", "0", "name"]}]}
    assert await names(ada) == ["A"]


async def test_the_statements_of_a_bulk_create_do_not_grow_with_its_rows(ada: make.Client) -> None:
    async def spent(count: int) -> int:
        return await ada.statements(MANY, i={"contacts": [{"name": f"{count} {n}"} for n in range(count)]})

    assert await spent(2) == await spent(50)


async def test_more_than_500_rows_are_refused_whole(ada: make.Client) -> None:
    answer = (await ada.ask(MANY, i={"contacts": [{"name": "A"}] * 501}))["createContacts"]
    assert (answer["results"], answer["userErrors"][0]["code"]) == ([], "TOO_MANY")
    assert await names(ada) == []


async def test_two_mutations_of_one_request_see_each_other(ada: make.Client) -> None:
    key = (await create(ada, name="A"))["contact"]["id"]
    query = """mutation($k: ID!) {
      a: updateContact(input: {contactId: $k, name: "B"}) { contact { name version } }
      b: updateContact(input: {contactId: $k, version: 1, name: "C"}) { contact { name } userErrors { code } }
      c: updateContact(input: {contactId: $k, version: 2, name: "D"}) { contact { name version } } }"""
    answer = await ada.ask(query, k=key)
    assert answer["a"]["contact"] == {"name": "B", "version": 2}
    assert answer["b"] == {"contact": {"name": "B"}, "userErrors": [{"code": "STALE_VERSION"}]}
    assert answer["c"]["contact"] == {"name": "D", "version": 3}


async def test_a_reader_may_not_write(process: Process) -> None:
    reader = await make.client(process, Scope.READ)
    data, errors = await reader.answer(CREATE, i={"name": "A"})
    assert (data, errors[0][1]) == ({"createContact": None}, "FORBIDDEN")
    assert await names(reader) == []


async def test_a_search_shows_the_best_match_first(ada: make.Client) -> None:
    for name in ("Aroha Kauri", "Kauri Trust", "Zed Kauri"):
        await ada.world.contact(name)
    assert await names(ada, f={"search": "kau"}) == ["Kauri Trust", "Aroha Kauri", "Zed Kauri"]
    first = (await ada.ask(NAMES, f={"search": "kau"}, first=1))["contacts"]
    after = first["pageInfo"]["endCursor"]
    assert await names(ada, f={"search": "kau"}, after=after) == ["Aroha Kauri", "Zed Kauri"]


async def test_contacts_are_filtered_by_link(ada: make.Client) -> None:
    await ada.world.contact("Alone")
    await make.imported(ada.world, ("Linked", None))
    assert await names(ada, f={"linked": True}) == ["Linked"]
    assert await names(ada, f={"linked": False}) == ["Alone"]
    assert await names(ada, f={"syncState": ["SYNCED"]}) == ["Linked"]
    assert await names(ada, f={"syncState": []}) == []


@pytest.mark.parametrize("field", ["NAME", "UPDATED_AT", "CREATED_AT"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
async def test_paging_either_way_gives_each_row_once(ada: make.Client, field: str, direction: str) -> None:
    await make.many_contacts(ada.world, 23)
    order = {"field": field, "direction": direction}
    everything = await names(ada, o=order, first=100)
    for size in (1, 7, 23, 50):
        assert await walked(ada, size, order, backward=False) == everything
        assert await walked(ada, size, order, backward=True) == everything


async def walked(ada: make.Client, size: int, order: dict[str, str], *, backward: bool) -> list[str]:
    found: list[str] = []
    place: dict[str, Any] = {}
    while True:
        page = (await ada.ask(NAMES, o=order, **{"last" if backward else "first": size}, **place))["contacts"]
        rows = [edge["node"]["name"] for edge in page["edges"]]
        found = rows + found if backward else found + rows
        info = page["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            return found
        place = {"before": info["startCursor"]} if backward else {"after": info["endCursor"]}


async def test_counts_stop_at_ten_thousand(ada: make.Client) -> None:
    await make.many_contacts(ada.world, 10_001)
    answer = (await ada.ask("{ contacts(first: 1) { totalCount totalCountIsExact } }"))["contacts"]
    assert answer == {"totalCount": 10_000, "totalCountIsExact": False}
    assert await ada.statements("{ contacts(first: 1) { edges { cursor } } }") == 2


@pytest.mark.parametrize("size", [{"first": 0}, {"first": 101}, {"last": -1}, {"first": 1, "last": 1}])
async def test_an_invalid_page_size_is_refused(ada: make.Client, size: dict[str, int]) -> None:
    _, [(_, code)] = await ada.answer(NAMES, **size)
    assert code == "BAD_REQUEST"


async def test_a_page_size_over_the_limit_names_the_limit(ada: make.Client) -> None:
    _, [(message, _)] = await ada.answer("{ contacts(first: 1000) { totalCount } }")
    assert message == "`first` may be 1 to 100, and is 1000: take the next page with `after`"


async def test_a_negative_page_size_names_the_valid_sizes(ada: make.Client) -> None:
    _, [(message, _)] = await ada.answer("{ contacts(last: -1) { totalCount } }")
    assert message == "`last` may be 1 to 100, and is -1: leave it out for 50"


@pytest.mark.parametrize(
    ("query", "variables"),
    [
        ("{ contacts(filter: {kind: HUMAN}) { totalCount } }", {}),
        ('{ contacts(filter: {kind: "PERSON"}) { totalCount } }', {}),
        ("query($k: ContactKind) { contacts(filter: {kind: $k}) { totalCount } }", {"k": "human"}),
        ("query($f: ContactFilter) { contacts(filter: $f) { totalCount } }", {"f": {"kind": 7}}),
    ],
)
async def test_an_unknown_enum_value_names_the_valid_values(
    ada: make.Client, query: str, variables: dict[str, Any]
) -> None:
    _, [(message, code)] = await ada.answer(query, **variables)
    assert code == "BAD_REQUEST"
    assert "It is one of ORGANISATION, PERSON" in message
    assert ("written without quotes" in message) == ('"PERSON"' in query)


async def test_a_cursor_of_another_order_is_refused(ada: make.Client) -> None:
    await ada.world.contact("A")
    page = (await ada.ask(NAMES, first=1))["contacts"]
    order = {"field": "CREATED_AT", "direction": "ASC"}
    _, [(_, code)] = await ada.answer(NAMES, o=order, after=page["pageInfo"]["endCursor"])
    assert code == "BAD_REQUEST"


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_cursor_is_refused_or_is_a_valid_position(data: st.DataObject) -> None:
    """Decoding never fails otherwise, and its values can be bound as parameters."""
    cursor = pack("contacts UPDATED_AT", "2026-11-24T05:00:00+00:00", str(UUID(int=7)))
    at = data.draw(st.integers(0, len(cursor) - 1))
    damaged = cursor[:at] + data.draw(st.text(max_size=2)) + cursor[at + 1 :]
    order = Order("contacts UPDATED_AT", (Key("c.updated_at", datetime),))
    with suppress(GraphQLError):
        [moment, key] = Listing(dict, "c.id", "contact c", order, "c.id")._decode(damaged)
        assert (type(moment), type(key)) == (datetime, UUID)


async def test_a_search_uses_the_index_under_row_level_security(ada: make.Client) -> None:
    """Even before PostgreSQL has gathered statistics of many rows just made, and then by the ids alone."""
    await make.many_contacts(ada.world, 5000)
    found = contacts.listing(contacts.ContactFilter(search="contact 99"), None)
    async with ada.context().transaction() as tx:
        explain = f"explain {found._select(asked(), found.columns, found.where)}"
        before = "\n".join(row["QUERY PLAN"] for row in await rows_of(tx, explain, **found.values))
        await rows_of(tx, "select door.refresh_statistics()")
        after = "\n".join(row["QUERY PLAN"] for row in await rows_of(tx, explain, **found.values))
    for plan in (before, after):
        assert "Seq Scan on contact" not in plan, plan
        assert "(id = ANY ((InitPlan" in plan, plan
    assert "Index Cond: ((workspace_id = " in after, after
