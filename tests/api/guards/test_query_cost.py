"""The limits on the cost of a request."""

import time
from pathlib import Path

import httpx
import pytest
from graphql import GraphQLSchema, build_schema, get_introspection_query, parse

from api.guards.document_cache import LONGEST, MOST_DOCUMENTS, Documents
from api.guards.query_cost import FIELDS, NODES, TooCostlyError, measure, root_fields
from tests.api.edge import ask, codes, data

SHARED = Path(__file__).resolve().parents[4] / "shared" / "contract"
SCHEMA = build_schema("""
    type Query { hello(name: String): String people(first: Int = 20, last: Int): People! person: Person tags: [Tag!]! found: Found }
    type People { edges: [Edge!]! totalCount: Int }
    type Edge { node: Person! }
    type Person { name: String friends(first: Int, last: Int): People! tags: [Tag!]! }
    type Tag { name: String person: Person }
    union Found = Person | Tag
    type Mutation { merge(rows: [Int!]): Merged }
    type Merged { results: [Person!]! }
""")


def nodes(query: str, schema: GraphQLSchema = SCHEMA, **variables: object) -> int:
    return measure(schema, parse(query), variables).costs[0].nodes


def test_the_cost_of_a_list_is_multiplied_by_its_length() -> None:
    assert nodes("{person{name}}") == 1
    assert nodes("{tags{name}}") == 5
    assert nodes("{people(first: 30){totalCount edges{node{name}}}}") == 1 + 30 * 2
    assert nodes("{people{edges{node{name}}}}") == 1 + 50 * 2
    assert nodes("query($n: Int){people(last: $n){edges{node{name}}}}", n=7) == 1 + 7 * 2
    assert nodes("{people(first: 99999999999){edges{node{name}}}}") == 1 + 100 * 2
    assert nodes("{people(first: 10){edges{node{friends(first: 10){edges{node{name}}}}}}}") == 1 + 10 * (
        2 + 1 + 20
    )


def test_a_fragment_costs_as_much_as_its_fields() -> None:
    plain = "{people(first: 9){edges{node{name tags{name}}}}}"
    spread = "{people(first: 9){...P}} fragment P on People {edges{node{...N}}} fragment N on Person {name tags{name}}"
    assert nodes(plain) == nodes(spread) == 1 + 9 * (2 + 5)


def test_a_fragment_costs_more_where_lists_are_longer() -> None:
    """A fragment that was cheap at its first use is not cheap at its second."""
    query = "{few: people(first: 1){...P} many: people(first: 100){...P}} fragment P on People {edges{node{name}}}"
    assert nodes(query) == (1 + 2) + (1 + 200)


def test_a_fragment_on_a_member_of_a_union_costs_that_types_fields() -> None:
    assert nodes("{found{... on Person{friends(first: 100){edges{node{name}}}}}}") == 1 + 1 + 200


def test_a_page_size_in_a_variable_counts_as_its_value_or_the_largest() -> None:
    """The default that a document writes is not among the variables."""
    query = "query($n: Int = 100){people(first: $n){edges{node{name}}}}"
    assert nodes(query) == 1 + 100 * 2
    assert nodes(query, n=3) == 1 + 3 * 2


def test_the_results_of_a_bulk_mutation_count_once_for_each_row() -> None:
    assert nodes("mutation($r: [Int!]){merge(rows: $r){results{name}}}", r=[1] * 500) == 501
    assert nodes("mutation{merge(rows: [1,2,3,4,5,6,7]){results{name}}}") == 8


def test_each_fragment_is_counted_once() -> None:
    levels = " ".join(f"fragment F{n} on Query {{...F{n + 1} ...F{n + 1}}}" for n in range(40))
    document = parse(f"{{...F0}} {levels} fragment F40 on Query {{hello}}")
    begun = time.process_time()
    with pytest.raises(TooCostlyError, match="fields"):
        measure(SCHEMA, document, {})
    assert time.process_time() - begun < 1


def test_root_fields_inside_fragments_are_counted() -> None:
    query = "{a ...F ... {b}} fragment F on Query {c {no} ...F ...G} mutation M {d}"
    assert root_fields(parse(query)) == {"a", "b", "c", "d"}


TOO_COSTLY = {
    "depth": "{thing" + "{things" * 20 + "{name}" + "}" * 21,
    "levels by the thousand": "{a" * 1400 + "}" * 1400,
    "fields": "{" + "hello " * (FIELDS + 1) + "}",
    "aliases": "{" + " ".join(f"a{n}: hello" for n in range(51)) + "}",
    "directives": "{hello" + " @skip(if: false)" * 6 + "}",
    "operations": " ".join(f"query q{n} {{hello}}" for n in range(1000)),
    "variables": "query(" + " ".join(f"$v{n}: Int" for n in range(51)) + "){hello}",
    "tokens": "{" + "hello " * 4000 + "}",
    "nodes": "{things(first: 100){things(first: 100){things(first: 100){name}}}}",
    "overlapping": "{" + " ".join("thing{things{name}}" for _ in range(100)) + "}",
    "fragments": "{...F0} " + " ".join(f"fragment F{n} on Query {{...F{n + 1} ...F{n + 1}}}" for n in range(30)) + " fragment F30 on Query {hello}",
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_COSTLY)
async def test_an_expensive_document_is_refused_before_it_runs(http: httpx.AsyncClient, name: str) -> None:
    operation = {"operationName": "q0"} if name == "operations" else {}
    begun = time.process_time()
    answer = await http.post("/graphql", json={"query": TOO_COSTLY[name], **operation})
    assert codes(answer) == ["TOO_COSTLY"]
    assert time.process_time() - begun < 2


async def test_bulk_rows_are_allowed_up_to_a_thousand(http: httpx.AsyncClient) -> None:
    query = "query($rows: [String!]!){lengths(rows: $rows)}"
    assert data(await ask(http, query, rows=["x" * 1500] * 500)) == {"lengths": 500}
    refused = await ask(http, query, rows=["x"] * 1001)
    assert refused.json()["errors"][0]["extensions"] == {
        "code": "TOO_COSTLY", "limit": "rows in a list", "counted": 1001, "allowed": 1000,
    }  # fmt: skip


async def test_introspection_is_within_the_limits(http: httpx.AsyncClient) -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
    )
    assert "errors" not in (await ask(http, query)).json()
    nested = "{__schema{types{fields{type{fields{type{fields{type{fields{name}}}}}}}}}}"
    assert codes(await ask(http, nested)) == ["BAD_REQUEST"]


@pytest.mark.parametrize("path", sorted(SHARED.glob("screens/*.graphql")), ids=lambda path: path.stem)
def test_every_screen_costs_at_most_half_of_the_limits(path: Path) -> None:
    schema = build_schema((SHARED / "schema.graphql").read_text())
    costs = measure(schema, parse(path.read_text()), {"first": 100, "input": [{}] * 500}).costs
    assert max(cost.nodes for cost in costs) * 2 <= NODES
    assert max(cost.fields for cost in costs) * 2 <= FIELDS


def test_the_document_cache_is_bounded() -> None:
    documents = Documents()
    for number in range(MOST_DOCUMENTS + 1):
        documents.keep(f"{{a{number}}}", parse(f"{{a{number}}}"))
    documents.keep("{a}" + " " * LONGEST, parse("{a}"))
    assert documents.find("{a0}") is None
    assert documents.find("{a1}") is not None
    assert documents.find("{a}" + " " * LONGEST) is None


def test_the_document_cache_drops_the_least_recently_used_document() -> None:
    """A client's own documents stay though a stranger sends many others."""
    documents = Documents()
    for number in range(MOST_DOCUMENTS):
        documents.keep(f"{{a{number}}}", parse(f"{{a{number}}}"))
    assert documents.find("{a0}") is not None
    documents.keep("{b}", parse("{b}"))
    assert documents.find("{a0}") is not None
    assert documents.find("{a1}") is None


def test_a_known_document_costs_what_its_variables_say() -> None:
    document = parse("query($n: Int, $word: String) { things(first: $n) { things { name } } }")
    first = measure(SCHEMA, document, {"n": 2, "word": "a"})
    assert measure(SCHEMA, document, {"n": 2, "word": "b"}, first) is first
    for variables in ({"n": 100}, {"n": None}, {}, {"n": 2, "word": [1] * 6}):
        assert measure(SCHEMA, document, variables, first) == measure(SCHEMA, document, variables)


def test_kept_documents_are_bounded_in_number_and_in_tokens() -> None:
    documents = Documents(most=3, most_tokens=25)
    for n in range(9):
        documents.keep(f"{{ a{n} }}", parse(f"{{ a{n} }}"))
        assert len(documents) <= 3
    long = "{ " + " ".join("abcdefgh") + " }"
    documents.keep(long, parse(long))
    documents.keep(long.upper(), parse(long.upper()))
    assert documents.tokens <= 25
    assert documents.find(long.upper()) is not None
    assert documents.find("{ a8 }") is None
