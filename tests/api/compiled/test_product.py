"""The product's own reads, compiled and by graphql-core: the same answers, and the screens' queries all have a plan."""

from random import Random

import pytest
from graphql import (
    Executor,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    parse,
    validate,
)
from graphql.utilities import type_from_ast

from api.compiled.plan import compile_operation
from api.relay import ids
from api.root import plans, schema
from domain.tables import Scope
from tests import make
from tests.api.compiled.both_ways import BothWays
from tests.api.compiled.documents import Documents
from tests.api.screens import SCREENS, operations

CORE = schema._schema
QUERIES_OF_THE_SCREENS = 12
WRITTEN_BY_POSTGRESQL = {
    "ContactsList",
    "ContactPage",
    "InvoiceList",
    "MatchInbox",
    "Unsynced",
}  # or a list of them


def example(kind: GraphQLInputType) -> object:
    if isinstance(kind, GraphQLNonNull):
        return example(kind.of_type)
    if isinstance(kind, GraphQLList):
        return []
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name: one for name, one in kind.fields.items() if isinstance(one.type, GraphQLNonNull)}
        return {name: example(one.type) for name, one in needed.items()}
    examples = {"Int": 1, "Boolean": True, "Date": "2026-01-01", "DateTime": "2026-01-01T00:00:00Z"}
    return examples.get(str(kind), "1")


@pytest.mark.skipif(not SCREENS.is_dir(), reason="the contract's screens are not here")
def test_every_query_of_the_screens_is_compiled() -> None:
    compiled, listed = 0, set()
    for name, document in operations().items():
        [operation] = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        if operation.operation is not OperationType.QUERY:
            continue
        variables = {
            one.variable.name.value: example(kind)
            for one in operation.variable_definitions or ()
            if isinstance(one.type, NonNullTypeNode) and (kind := type_from_ast(CORE, one.type)) is not None
        }
        executor = Executor.build(CORE, document, None, None, variables, name)
        assert isinstance(executor, Executor), executor
        plan = compile_operation(executor)
        assert plan.fields > 5
        compiled += 1
        listed |= {name} if plan.is_listed else set()
    assert compiled == QUERIES_OF_THE_SCREENS
    assert listed == WRITTEN_BY_POSTGRESQL


async def test_generated_reads_of_the_product_are_the_same_both_ways(ada: make.Client) -> None:
    await make.conflict(ada.world)
    await make.linked(ada.world, "Rata Ltd", "rata@x.example")
    await make.imported(ada.world, ("Same", "s@x.example"), ("Same", "t@x.example"))
    contact = await ada.world.contact("Somebody")
    known = [
        ids.encode("Contact", contact.id),
        ids.encode("XeroOrganisation", ada.world.organisation),
        "none",
    ]
    assert CORE.query_type is not None
    fields = list(CORE.query_type.fields)
    both, asked, answered = BothWays(schema, plans, with_lists=True), plans.asked, plans.answered
    for seed, root in enumerate(fields * 2):
        documents = Documents(CORE, Random(seed), {"ID": [f'"{one}"' for one in known]}, deepest=4)
        text, variables = documents.next(root)
        if validate(CORE, parse(text)):
            continue
        await both.same(text, variables, ada.context)
    assert plans.answered - answered > 20
    assert plans.answered - answered > (plans.asked - asked) * 0.6


async def test_a_refused_read_is_the_same_both_ways(ada: make.Client) -> None:
    nobody = await make.client(ada.process, Scope.READ)
    nobody.viewer = nobody.viewer.__class__(nobody.viewer.workspace, nobody.viewer.actor, frozenset())
    for client, text in (
        (nobody, "query Generated { contacts { edges { node { id } } } }"),
        (ada, "query Generated { contacts(first: 101) { edges { node { id } } } }"),
        (ada, 'query Generated { contact(id: "x") { id } contacts(after: "?") { edges { cursor } } }'),
        (ada, "query Generated($n: Int!) { contacts(first: $n) { edges { cursor } } }"),
    ):
        assert not (await BothWays(schema, plans, with_lists=True).same(text, {}, client.context)).endswith(
            ",[]]"
        )
    introspection = "query Generated { __schema { queryType { name } } viewer { __typename } }"
    await BothWays(schema, plans).same(introspection, {}, ada.context)
