"""`extensions.cost`: the estimate before an operation runs, and what it has cost."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from graphql import OperationDefinitionNode, OperationType, print_ast

from api.context import EdgeContext
from api.guards.cost_report import Asked, Experience, count_objects
from api.guards.measured import Cost, Measured
from api.guards.rate_limit import LEAST, Rates
from api.relay import ids
from api.root import plans, schema
from runtime.tally import STATEMENT
from tests import make
from tests.api.edge import ask, codes
from tests.api.schema.conftest import ada
from tests.api.screens import SCREENS, operations

__all__ = ["ada"]
NEAR = 1.5
PAGE = """query Page { contacts(first: 40) { totalCount edges { node { id name billingAddress { city }
  syncLinks { id organisation { id } } } } } }"""
CREATE = 'mutation { createContact(input: {name: "Rata"}) { contact { id syncLinks { id } } userErrors { code } } }'


async def cost(client: make.Client, query: str, **variables: Any) -> dict[str, Any]:
    """The answer's `extensions.cost`, for the client's token."""
    rates = Rates(
        client.process.settings.model_copy(update={"redis_url": None}), client.process.database.clock
    )
    context = EdgeContext(client.process, client.viewer, rates=rates)
    result = await schema.execute(query, variable_values=variables, context_value=context)
    assert not result.errors, result.errors
    found: dict[str, Any] = (result.extensions or {})["cost"]
    return found


async def test_the_cost_is_the_objects_of_the_answer_and_the_rows_that_were_read(ada: make.Client) -> None:
    await make.many_contacts(ada.world, 30)
    shown = await cost(ada, PAGE)
    objects = 1 + 30 * 2  # the connection, edges and contacts; nothing has an address or a link
    rows = 30 + 1  # and the count
    statements = 3  # the page, the count and the links
    assert shown["actual"] == objects + rows + statements * STATEMENT


@pytest.mark.parametrize("query", [PAGE, CREATE])
async def test_a_plan_and_graphql_core_count_the_same(ada: make.Client, query: str) -> None:
    await make.linked(ada.world)
    by_plan = await cost(ada, query)
    plans.are_used = False
    try:
        by_core = await cost(ada, query)
    finally:
        plans.are_used = True
    assert by_plan["actual"] == by_core["actual"] > 5


async def test_a_document_is_estimated_by_its_earlier_cost_in_the_workspace(ada: make.Client) -> None:
    await make.many_contacts(ada.world, 3)
    query = PAGE.replace("Page", "Learned")
    first, second = await cost(ada, query), await cost(ada, query)
    assert first["requested"] > NEAR * first["actual"]  # a page of 40 was expected
    assert second["requested"] == second["actual"] == first["actual"]
    stranger = await make.client(ada.process)
    assert (await cost(stranger, query))["requested"] == first["requested"]


async def test_the_minute_is_charged_with_the_estimate_and_the_answer_shows_the_rest(
    http: httpx.AsyncClient,
) -> None:
    async def asked() -> tuple[int, int, str]:
        answer = await ask(http, "{things(first: 90) {name}}")
        shown = answer.json()["extensions"]["cost"]
        assert f";r={shown['remaining']};" in answer.headers["ratelimit"]
        assert datetime.fromisoformat(shown["resetAt"]) > datetime.now(UTC).replace(second=0, microsecond=0)
        return shown["requested"], shown["remaining"], shown["resetAt"]

    await asked()
    while True:
        _, before, early = await asked()
        requested, after, late = await asked()
        if early == late:  # in the same minute
            break
    assert before - after == requested > LEAST


async def test_a_failed_operation_has_a_cost_and_teaches_nothing(http: httpx.AsyncClient) -> None:
    query = "{things(first: 80) {name} broken}"
    answers = [await ask(http, query) for _ in range(2)]
    assert [codes(each) for each in answers] == [["INTERNAL"]] * 2
    first, second = [each.json()["extensions"]["cost"] for each in answers]
    assert first["actual"] == second["actual"] == 80
    assert first["requested"] == second["requested"] != 80


async def test_an_operation_that_was_not_executed_has_no_cost(http: httpx.AsyncClient) -> None:
    answer = await ask(http, "{things(first: 80) {name} nothing}")
    assert (codes(answer), "extensions" in answer.json()) == (["BAD_REQUEST"], False)


def test_known_costs_are_bounded_and_follow_the_newest() -> None:
    experience, workspace = Experience(most=3), uuid4()
    asked = [Asked(workspace, n, None, 0, ()) for n in range(5)]
    for each in asked:
        experience.add(each, 10)
    assert len(experience) == 3
    assert experience.find(asked[0]) is None
    experience.add(asked[4], 20)
    assert experience.find(asked[4]) == 15


def test_only_objects_below_the_root_count() -> None:
    assert count_objects({"a": {"b": [{"c": 1}, {"c": [[{"d": None}]]}], "e": [1]}}) == 4
    assert count_objects({"a": 1}) == count_objects(None) == 0


def test_an_operation_is_found_by_its_name() -> None:
    one, other = Cost(fields=1), Cost(fields=2)
    measured = Measured((one, other), ("A", "B"), 0, {})
    assert (measured.of("B"), measured.of("C"), measured.of(None)) == (other, None, None)
    assert Measured((one,), (None,), 0, {}).of(None) is one


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
async def test_the_estimate_is_near_the_cost_of_every_query_of_the_screens(ada: make.Client) -> None:
    """Once a query has run in the workspace; of the lists also before, if their pages are full."""
    await make.many_contacts(ada.world, 60)
    await make.link_all(ada.world)
    contact = await ada.world.contact("Somebody")
    organisation = ids.encode("XeroOrganisation", ada.world.organisation)
    given: dict[str, dict[str, Any]] = {
        "WizardOrganisation": {"id": organisation, "f": "ALL"},
        "ContactPage": {"id": ids.encode("Contact", contact.id)},
        "ErrorInbox": {"o": organisation},
        "InvoiceEditor": {"id": "none"},
        "InvoiceSetup": {"o": organisation, "start": "2026-11-01"},
        "TypingPreview": {"input": {"contactId": ids.encode("Contact", contact.id), "organisationId": organisation, "lines": [{"quantity": "1", "unitPrice": "2", "description": "x"}]}},
    }  # fmt: skip
    tried = 0
    for name, document in operations().items():
        [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        if operation.operation is not OperationType.QUERY:
            continue
        text = print_ast(document)
        first, second = [await cost(ada, text, **given.get(name, {})) for _ in range(2)]
        assert second["actual"] / NEAR <= second["requested"] <= second["actual"] * NEAR, (name, second)
        if name == "ContactsList":
            assert first["actual"] / NEAR <= first["requested"] <= first["actual"] * NEAR, first
        tried += 1
    assert tried >= 12
