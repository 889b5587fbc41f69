"""Texts that no form lets through: every query and mutation answers them, and none answers INTERNAL."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
)

from api.relay import ids
from api.root import schema
from tests import make
from tests.api.schema.bills import Office
from tests.domain.billed import set_up

GRAPHQL = schema._schema
PLAIN = {
    "Int": 1, "Float": 0.5, "Boolean": True, "Date": "2026-11-20", "DateTime": "2026-11-20T00:00:00Z", "Decimal": "1.00",
}  # fmt: skip
TEXTS = {
    "a lone surrogate": "a\ud800@x.nz", "only a surrogate": "\ud800", "NUL": "a\x00b", "too long": "a" * 300,
    "far too long": "a" * 100_000, "only blanks": " \t\u3000", "only fillers": "\u3164\u2800\u115f", "a quote": "'\\%_{}\"",
}  # fmt: skip


def value(kind: Any, name: str, text: str, known: dict[str, str], *, full: bool) -> Any:
    """A value of an input's type. Each text is `text`; an id is a known one where `known` has its name."""
    if isinstance(kind, GraphQLNonNull):
        return value(kind.of_type, name, text, known, full=full)
    if isinstance(kind, GraphQLList):
        return [value(kind.of_type, name.removesuffix("s"), text, known, full=full)]
    if isinstance(kind, GraphQLInputObjectType):
        return {
            key: value(field.type, key, text, known, full=full)
            for key, field in kind.fields.items()
            if full or isinstance(field.type, GraphQLNonNull) or get_named_type(field.type).name == "String"
        }
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if kind.name == "ID":
        return known.get(name, text)
    return PLAIN.get(kind.name, text)


def selected(kind: GraphQLNamedType) -> str:
    """What of the answer is asked for."""
    if is_leaf_type(kind):
        return ""
    fields = getattr(kind, "fields", {})
    wanted = [name for name in ("totalCount", "userErrors") if name in fields]
    more = " ".join("userErrors { code message path }" if name == "userErrors" else name for name in wanted)
    return f"{{ __typename {more} {'edges { cursor }' if 'edges' in fields else ''} }}"


def document(operation: str, name: str, field: GraphQLField) -> str:
    declared = ", ".join(f"${key}: {arg.type}" for key, arg in field.args.items())
    given = ", ".join(f"{key}: ${key}" for key in field.args)
    return f"{operation}({declared}) {{ {name}({given}) {selected(get_named_type(field.type))} }}"


def operations() -> Iterator[tuple[str, str, GraphQLField]]:
    assert GRAPHQL.query_type is not None
    assert GRAPHQL.mutation_type is not None
    for operation, root in (("query", GRAPHQL.query_type), ("mutation", GRAPHQL.mutation_type)):
        for name, field in root.fields.items():
            if field.args:
                yield operation, name, field


async def known_ids(ada: make.Client) -> dict[str, str]:
    """An object of each kind, by the names of the arguments that take its id."""
    office = Office(ada, await set_up(ada.world))
    link = await make.linked(ada.world, "Totara Ltd", "accounts@totara.example")
    issue = await make.conflict(ada.world, "Rimu Ltd")
    invoice = (await office.call("createInvoice", **office.input()))["invoice"]["id"]
    return {
        "contactId": office.contact, "organisationId": office.organisation, "linkId": ids.encode("SyncLink", link),
        "issueId": ids.encode("MatchIssue", issue), "invoiceId": invoice,
        "serviceTypeId": ids.encode("ServiceType", office.bill.service), "taxRateId": ids.encode("TaxRate", office.bill.gst),
    }  # fmt: skip


@pytest.mark.parametrize("full", [True, False])
async def test_no_text_makes_a_fault(ada: make.Client, full: bool) -> None:
    known = await known_ids(ada)
    faults = []
    for operation, name, field in operations():
        for what, text in TEXTS.items():
            given = {key: value(arg.type, key, text, known, full=full) for key, arg in field.args.items()}
            data, errors = await ada.answer(document(operation, name, field), **given)
            json.dumps([data, errors], ensure_ascii=False).encode()
            faults += [(name, what, message) for message, code in errors if code == "INTERNAL"]
    assert faults == []
