"""What the schema says about ids: where it takes them, and documents that ask with them. For the tests that try to cross into another
workspace."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from graphql import (
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
from tests import make
from tests.api.nodes import TABLES, fill
from tests.domain.world import World

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


@dataclass(frozen=True)
class Attempt:
    """A call of a field with an id of the type `kind` at the place `place` of one argument. `nothing` is an id that no object has."""

    name: str
    field: GraphQLField
    argument: str
    place: Place
    kind: str
    nothing: str
    own: dict[str, str]

    def __str__(self) -> str:
        return f"{self.name}.{'.'.join((self.argument, *self.place))} ({self.kind})"

    def given(self, chosen: str) -> Any:
        """The argument with the chosen id."""
        last = (self.place or (self.argument,))[-1]
        return value(self.field.args[self.argument].type, last, self.place, chosen, self.own)

    @property
    def needed(self) -> dict[str, Any]:
        """The other arguments that the field requires, with the caller's own ids."""
        return {
            key: value(other.type, key, (), "", self.own)
            for key, other in self.field.args.items()
            if key != self.argument and is_required_argument(other)
        }

    @property
    def shown(self) -> str:
        return "" if is_leaf_type(get_named_type(self.field.type)) else selection(self.field.type)


def attempts(root: GraphQLObjectType, own: dict[str, str]) -> Iterator[Attempt]:
    """Each place of an id, with each type of node that the place may take."""
    tried = 0
    for name, field in root.fields.items():
        for argument, each in field.args.items():
            for place in id_places(each.type, ()):
                last = (place or (argument,))[-1]
                for kind in [KINDS[last]] if last in KINDS else sorted(TABLES):
                    tried += 1
                    nothing = ids.encode(kind, UUID(int=tried))
                    yield Attempt(name, field, argument, place, kind, nothing, own)


async def keys_of(world: World) -> dict[str, str]:
    return {kind: ids.encode(kind, key) for kind, key in (await fill(world)).items()}


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
