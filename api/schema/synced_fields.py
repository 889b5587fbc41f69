"""The synced fields in the schema: SYNCED declares them, and these decorators put them into the types and inputs.

A decorator is written below `strawberry.type` or `strawberry.input`. It inserts one field for each synced field, before the
field that it names.
"""

from collections.abc import Callable, Iterable
from typing import Self, TypeVar

import strawberry

from domain.fields.synced import SYNCED, Kind, Synced, Values
from domain.fields.values import PostalAddress, Value
from domain.tables import SyncedField

Class = TypeVar("Class", bound=type)
_Declared = tuple[str, object, object]


@strawberry.type(description="A postal address. It is compared and synced as a whole.")
class Address:
    lines: list[str] = strawberry.field(
        description="Street and number, post box and the like: at most 4 lines."
    )
    city: str | None = strawberry.field(description="The town or city, as letters need it.")
    region: str | None = strawberry.field(description="The state, county or province, as letters need it.")
    postal_code: str | None = strawberry.field(description="The postal code or ZIP code, as it was typed.")
    country: str | None = strawberry.field(description="The country as it was typed, not as a code.")
    attention_to: str | None = strawberry.field(
        description="The person or department for whom letters are meant."
    )

    @classmethod
    def of(cls, address: PostalAddress) -> Self:
        return cls(
            lines=list(address.lines),
            city=address.city,
            region=address.region,
            postal_code=address.postal_code,
            country=address.country,
            attention_to=address.attention_to,
        )


@strawberry.input(
    description="A postal address. It replaces the whole address: parts that are left out become blank."
)
class AddressInput:
    lines: list[str] = strawberry.field(
        description="Street and number, post box and the like. At most 4 lines of 500 characters; blank lines are dropped."
    )
    city: str | None = strawberry.field(
        default=strawberry.UNSET, description="The town or city, at most 255 characters."
    )
    region: str | None = strawberry.field(
        default=strawberry.UNSET, description="The state, county or province, at most 255 characters."
    )
    postal_code: str | None = strawberry.field(
        default=strawberry.UNSET, description="The postal code or ZIP code, at most 50 characters."
    )
    country: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The country as it should appear on letters, at most 50 characters. Xero takes only the letters A to Z"
        " and spaces.",
    )
    attention_to: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The person or department for whom letters are meant, at most 255 characters.",
    )

    def typed(self) -> PostalAddress:
        """The address as it was typed; a part that was left out is None."""
        return PostalAddress(
            tuple(self.lines),
            city=self.city or None,
            region=self.region or None,
            postal_code=self.postal_code or None,
            country=self.country or None,
            attention_to=self.attention_to or None,
        )


def contact_fields(before: str) -> Callable[[Class], Class]:
    """The synced fields of Contact; `contact_values` gives their values."""
    return _inserted(before, [_output(one, one.column, one.descriptions.contact) for one in SYNCED.values()])


def xero_contact_fields(before: str) -> Callable[[Class], Class]:
    """The synced fields of XeroContact; `xero_contact_values` gives their values."""
    return _inserted(
        before, [_output(one, one.xero_column, one.descriptions.xero_contact) for one in SYNCED.values()]
    )


def input_fields(before: str, *, new: bool) -> Callable[[Class], Class]:
    """The synced fields of an input; `given_values` reads them. `new`: a required field must be given."""
    return _inserted(before, [_input(one, needed=new and one.required) for one in SYNCED.values()])


def contact_values(values: Values) -> dict[str, object]:
    """The practice's values, by the field names of Contact."""
    return {one.column: _shown(one, values[field]) for field, one in SYNCED.items()}


def xero_contact_values(values: Values) -> dict[str, object]:
    """The mirror's values, by the field names of XeroContact."""
    return {one.xero_column: _shown(one, values[field]) for field, one in SYNCED.items()}


def given_values(given: object) -> dict[SyncedField, Value]:
    """The values of the synced fields in the input. A field that was left out is absent."""
    said = {field: getattr(given, one.column) for field, one in SYNCED.items()}
    return {
        field: value.typed() if isinstance(value, AddressInput) else value
        for field, value in said.items()
        if value is not strawberry.UNSET
    }


def _shown(one: Synced, value: Value) -> object:
    if isinstance(value, PostalAddress):
        return Address.of(value)
    return "" if value is None and one.required else value


def _output(one: Synced, name: str, description: str) -> _Declared:
    shape = Address if one.kind is Kind.ADDRESS else str
    return name, shape if one.required else shape | None, strawberry.field(description=description)


def _input(one: Synced, *, needed: bool) -> _Declared:
    shape, description = AddressInput if one.kind is Kind.ADDRESS else str, one.descriptions.given
    if needed:
        return one.column, shape, strawberry.field(description=description)
    return one.column, shape | None, strawberry.field(default=strawberry.UNSET, description=description)


def _inserted(before: str, fields: Iterable[_Declared]) -> Callable[[Class], Class]:
    declared = list(fields)

    def insert(cls: Class) -> Class:
        annotations: dict[str, object] = {}
        for name, shape in cls.__annotations__.items():
            if name == before:
                annotations |= {added: kind for added, kind, _ in declared}
            annotations[name] = shape
        cls.__annotations__ = annotations
        for name, _, field in declared:
            setattr(cls, name, field)
        return cls

    return insert
