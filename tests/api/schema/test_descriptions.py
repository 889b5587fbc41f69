"""Everything in the schema has a description, and each says more than the name of what it describes."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
)

from api.root import schema
from domain.described import DescribedEnum

_SCHEMA = build_schema(schema.as_str())
# Words that carry no meaning of their own in a description.
_EMPTY = frozenset(
    "a an the of for to in on by is are it its this that these those which what one and or as at with from has have be".split()
)


def _described() -> Iterator[tuple[str, str | None]]:
    """Each type, field, argument, input field and enum value: its place and its description."""
    for name, kind in _SCHEMA.type_map.items():
        if name.startswith("__") or name in ("String", "Int", "Float", "Boolean", "ID"):
            continue
        yield name, kind.description
        if isinstance(kind, GraphQLEnumType):
            for value, definition in kind.values.items():
                yield f"{name}.{value}", definition.description
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field, defined in kind.fields.items():
                yield f"{name}.{field}", defined.description
                for argument, given in getattr(defined, "args", {}).items():
                    yield f"{name}.{field}({argument})", given.description


_ALL = dict(_described())


def _words(text: str) -> set[str]:
    """The words of a name or a description, in the singular: `nextAttemptAt` has next, attempt and at."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return {word.lower().removesuffix("s") for word in re.findall(r"[A-Za-z]+", apart)}


def _says_more(place: str, description: str) -> bool:
    name = _words(re.split(r"[.(]", place.rstrip(")"))[-1])
    return len(_words(description) - name - _EMPTY) >= 2


def test_the_check_of_descriptions_reaches_every_part_of_the_schema() -> None:
    values = sum(isinstance(kind, GraphQLEnumType) for kind in _SCHEMA.type_map.values())
    assert values >= 30
    assert {"Query.contacts(first)", "SyncState.BROKEN", "CreateContactInput.name", "Decimal"} <= _ALL.keys()


def test_everything_is_described() -> None:
    assert [place for place, text in _ALL.items() if not (text or "").strip()] == []


def test_each_description_says_more_than_the_name() -> None:
    assert [f"{place}: {text}" for place, text in _ALL.items() if not _says_more(place, text or "")] == []


@pytest.mark.parametrize(
    ("place", "text", "more"),
    [
        ("SyncState.SYNCED", "Synced.", False),
        ("SyncLink.nextAttemptAt", "The next attempt.", False),
        ("SyncLink.nextAttemptAt", "When Tandem tries again by itself.", True),
    ],
)
def test_a_description_that_repeats_the_name_is_refused(place: str, text: str, more: bool) -> None:
    assert _says_more(place, text) is more


def test_each_description_begins_and_ends_like_a_sentence() -> None:
    """It begins with a capital letter or a name of the schema, and ends as sentences do."""
    wrong = [
        f"{place}: {text}"
        for place, text in _ALL.items()
        if not re.match(r"[A-Z`]|rematch|updateContact", text or "") or not re.search(r"[.?]$", text or "")
    ]
    assert wrong == []


def test_values_of_enums_cannot_be_declared_without_a_description() -> None:
    with pytest.raises(TypeError, match="without a description"):

        class _Shades(DescribedEnum):
            GREY = "GREY"

    class _Colours(DescribedEnum):
        RED = "RED", "The colour of fire engines."

    assert (_Colours.RED, _Colours.RED.value, str(_Colours.RED)) == ("RED", "RED", "RED")
    assert _Colours("RED").description == "The colour of fire engines."
