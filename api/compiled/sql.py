"""Lists whose JSON PostgreSQL writes: one statement gives each row's object as text, and Python writes cursors and page around it.

Next to its resolvers, a type declares how SQL reads its fields (`Fields`). `LISTS` names the lists that may be read by SQL.
A statement reads only the fields that the query selects. A list stays with its resolver if the query selects a field that
is not declared.

The JSON has the bytes that the resolvers' objects would have. SQL gives null for an object that has a value which its type
does not know. The text then contains `UNEXPECTED`, and the resolver answers. Some values only Python can make (`Made`). The text
contains the number and the raw values of each such value between two `MADE`, and Python writes the JSON into this place. A value
never contains these marks, because JSON escapes the characters.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLString,
    get_named_type,
)
from graphql.execution.collect_fields import FieldDetails
from msgspec.json import decode, encode

from api.context import Viewer
from api.mutations.payloads import given
from api.relay.paging import COUNTED, Asked, Listing, PageInfo, asked

UNEXPECTED, MADE = "\x01", "\x02"
_MARK, _MADE = "chr(1)", "chr(2)"
_TIME = r"""'\"YYYY-MM-DD"T"HH24\:MI\:SS.US"Z"\"'"""  # the colons are escaped, as they would name a value
TYPENAME = "__typename"
Rows = Sequence[Sequence[Any]]
Maker = Callable[[str, Viewer | None], str]  # makes JSON of raw values and of who asks


class NotCompiled(Exception):
    """The operation has a part that plans do not support."""


class Unexpected(Exception):
    """The answer has a value that plans do not support."""


# Declarations of a type


class Id(NamedTuple):
    """The global id of an object of this type, whose key is the UUID `key`."""

    kind: str
    key: str


class Json(NamedTuple):
    """A text in `value`, which is jsonb. A blank one counts as null."""

    value: str


class Texts(NamedTuple):
    """A list of texts in `value`, which is a jsonb array or null."""

    value: str


class Made(NamedTuple):
    """What the resolver's own code makes of raw values. `value`: SQL of them, which is jsonb; where it is null, `blank` is the JSON.
    `make` takes the values as JSON gives them, and who asks."""

    value: str
    make: Callable[[Any, Viewer | None], object]
    blank: str = "null"


class Part(NamedTuple):
    """An object that is made of values of the same row. Null where `exists` is false."""

    fields: "Fields"
    exists: str = "true"


class One(NamedTuple):
    """An object of another row: of the only row of `source`, if it has one. `source` begins after `from`."""

    fields: "Fields"
    source: str


class Many(NamedTuple):
    """The objects of other rows, in this order."""

    fields: "Fields"
    source: str
    order: str


# By the names of attributes: SQL of a plain value, which the compiler writes as the field's type needs it, or one of the above.
Fields = Mapping[str, "str | Id | Json | Texts | Made | Part | One | Many"]


@dataclass(frozen=True)
class Listed:
    """A root field. `listing` makes the list of the arguments that are not about the page; `fields` are those of a row's object."""

    listing: Callable[..., Listing[Any]]
    fields: Fields


PAGE = ("first", "after", "last", "before")
LISTS: dict[str, Listed] = {}  # by the type of the connection


class Records(Protocol):
    """Reads in one workspace."""

    async def records(self, statement: str, **values: Any) -> Rows: ...


# Selections of a query


class Collect(Protocol):
    """The selected fields of an object type, by response key, with the field's attribute in Python."""

    def __call__(
        self, kind: GraphQLObjectType, details: list[FieldDetails]
    ) -> Mapping[str, tuple[list[FieldDetails], str]]: ...


class Render(Protocol):
    """What makes the part of the answer of a value of this type, which needs no resolver. Raises NotCompiled if it needs one."""

    def __call__(self, kind: GraphQLOutputType, details: list[FieldDetails]) -> Callable[[Any], object]: ...


class _Sql(str):
    """SQL of a text value. Any other str already is JSON."""

    __slots__ = ()


def _concatenated(parts: Sequence[str]) -> str:
    """SQL of the text that the parts make."""
    merged: list[str] = []
    for each in parts:
        if merged and not isinstance(each, _Sql) and not isinstance(merged[-1], _Sql):
            merged[-1] += each
        else:
            merged.append(each)
    return " || ".join(each if isinstance(each, _Sql) else f"'{each}'" for each in merged)


class _Writer:
    """`made` makes the JSON of each Made of the raw values."""

    def __init__(self, collect: Collect, render: Render) -> None:
        self._collect, self._render = collect, render
        self.made: list[Maker] = []

    def object(self, kind: GraphQLOutputType, details: list[FieldDetails], fields: Fields) -> str:
        """SQL of the object's JSON. Null if a value is not as its type wants it."""
        named = get_named_type(kind)
        if not isinstance(named, GraphQLObjectType):
            raise NotCompiled(f"{named} is no object type")
        parts: list[str] = []
        for key, (found, attribute) in self._collect(named, details).items():
            parts.append(f'{"," if parts else "{"}"{key}":')
            if attribute == TYPENAME:
                parts.append(f'"{named.name}"')
                continue
            declared = fields.get(attribute)
            if declared is None or found[0].node.arguments:
                raise NotCompiled(f"{named.name}.{attribute} is not declared in SQL")
            parts.append(_Sql(self._value(named.fields[found[0].node.name.value].type, found, declared)))
        return _concatenated([*parts, "}"])

    def _value(self, kind: GraphQLOutputType, details: list[FieldDetails], declared: Any) -> str:
        match declared:
            case Part(fields, exists):
                return f"case when {exists} then {self.object(kind, details, fields)} else 'null' end"
            case One(fields, source):
                found = f"(select coalesce({self.object(kind, details, fields)}, {_MARK}) from {source})"
                return found if isinstance(kind, GraphQLNonNull) else f"coalesce({found}, 'null')"
            case Many(fields, source, order):
                item = f"coalesce({self.object(kind, details, fields)}, {_MARK})"
                rows = f"select {item} from {source} order by {order}"
                return f"'[' || array_to_string(array({rows}), ',') || ']'"
            case Made(value, make, blank):
                render, number = self._render(kind, details), len(self.made)
                self.made.append(lambda raw, viewer: encode(render(make(decode(raw), viewer))).decode())
                place = f"{_MADE} || '{number}:' || ({value})::text || {_MADE}"
                return f"coalesce({place}, '{blank}')"
            case Id(name, key):
                return _global_id(name, key)
            case Json(value):
                return f"coalesce(nullif(({value})::text, '\"\"'), 'null')"
            case Texts(value):
                items = f"array_to_string(array(select t from jsonb_array_elements({value}) as e(t)), ',')"
                return (
                    f"case when {value} is null then '[]' when jsonb_array_length({value}) < 2"
                    f" then ({value})::text else '[' || {items} || ']' end"
                )
            case str():
                return _leaf(kind, declared)
        raise NotCompiled(f"{declared} is not known")


def _filled(text: str, made: Sequence[Maker], viewer: Viewer | None) -> str:
    """The JSON with all that Python makes in its place. The same raw values are made once."""
    parts, known = text.split(MADE), dict[str, str]()
    for n in range(1, len(parts), 2):
        raw = parts[n]
        if raw not in known:
            number, _, value = raw.partition(":")
            known[raw] = made[int(number)](value, viewer)
        parts[n] = known[raw]
    return "".join(parts)


def _global_id(kind: str, key: str) -> str:
    """SQL that makes the same id as api.relay.ids.encode: base64 of these ids has no +, no / and no line breaks."""
    size = len(kind) + 1 + 36
    text = f"encode(('{kind}:' || {key})::bytea, 'base64')"
    whole = f"left({text}, {-(-size * 4 // 3)})" if size % 3 else text
    return f"'\"' || {whole} || '\"'"


def _leaf(kind: GraphQLOutputType, value: str) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _some_leaf(kind.of_type, value)
    if (
        isinstance(kind, GraphQLEnumType) or kind is GraphQLFloat
    ):  # whose SQL is null for an unknown value too
        return f"case when {value} is null then 'null' else {_some_leaf(kind, value)} end"
    return f"coalesce({_some_leaf(kind, value)}, 'null')"


def _some_leaf(kind: object, value: str) -> str:
    """SQL of the JSON of a value that is not null. Null for a value that the type does not know."""
    if isinstance(kind, GraphQLEnumType):
        names = [f"when '{found.value}' then '\"{name}\"'" for name, found in kind.values.items()]
        return f"case {value} {' '.join(names)} end"
    if kind is GraphQLString:
        return f"to_json({value})::text"
    if kind is GraphQLID:
        return f"to_json(({value})::text)::text"
    if isinstance(kind, GraphQLList) and get_named_type(kind) is GraphQLString:  # of an array of PostgreSQL
        return f"array_to_json({value})::text"
    if kind is GraphQLInt or kind is GraphQLBoolean:
        return f"({value})::text"
    if kind is GraphQLFloat:  # PostgreSQL writes 1.0 as 1; both write other numbers of this size alike
        text = f"({value})::text"
        return (
            f"case when abs({value}) between 0.001 and 1e6 or {value} = 0 then"
            f" {text} || case when {value} = trunc({value}) then '.0' else '' end end"
        )
    match str(kind):
        case "DateTime":
            return f"to_char({value} at time zone 'UTC', {_TIME})"
        case "Decimal":
            return f"'\"' || ({value})::text || '\"'"
        case "Date":
            return f"to_char({value}, '\\\"YYYY-MM-DD\\\"')"
    raise NotCompiled(f"SQL writes no {kind}")


# A page


@dataclass(frozen=True)
class _Page:
    info: PageInfo
    total: int
    edges: Sequence[tuple[str, ...]]  # the cursor and the nodes of each


class _Edge(NamedTuple):
    """JSON of an edge, with a %s for each of the `picks`: 0 is the cursor, and from 1 on come the nodes."""

    text: str
    picks: list[int]


class _Template(NamedTuple):
    """JSON with a %s for each of the values."""

    text: str
    values: tuple[Callable[[Any], str], ...]

    def fill(self, source: Any) -> str:
        return self.text % tuple([value(source) for value in self.values])


@dataclass(frozen=True)
class ListPlan:
    """A list as PostgreSQL writes it. `nodes`: SQL of each `node` that edges select. `counts`: whether the statement counts the list's rows
    too. `page`: the JSON of the connection."""

    listed: Listed
    nodes: tuple[str, ...]
    counts: bool
    page: _Template
    made: tuple[Maker, ...]

    def asked(
        self, arguments: Mapping[str, object], convert: Callable[[dict[str, object]], dict[str, object]]
    ) -> tuple[Listing[Any], Asked]:
        """The list and the page for which the arguments of the root field ask. Refuses what the resolver refuses. `convert` makes
        Strawberry's values of the arguments that are not about the page."""
        page = asked(**{name: arguments.get(name) for name in PAGE})  # type: ignore[arg-type]  # of these types, by the schema
        more = {name: each for name, each in arguments.items() if name not in PAGE}
        if more:
            more = {name: given(each) for name, each in convert(more).items() if name != "info"}
        return self.listed.listing(**more), page

    async def read(self, tx: Records, listing: Listing[Any], page: Asked, viewer: Viewer | None) -> str:
        """The JSON of the connection. Raises Unexpected for a value that SQL does not render, and for a page without rows."""
        sql, values = self.statement(listing, page)
        return self.written(listing, page, await tx.records(sql, **values), viewer)

    def statement(
        self, listing: Listing[Any], page: Asked, extra: str | None = None
    ) -> tuple[str, dict[str, object]]:
        """SQL of the page with its values. `extra`: SQL of one more value, which each row has as `extra`."""
        columns = [f"coalesce({each}, {_MARK})" for each in self.nodes]
        if self.counts:
            columns.append(listing.count_sql)
        if extra is not None:
            columns.append(f"({extra}) as extra")
        return listing.statement(page, ", ".join(columns) or "1")

    def written(self, listing: Listing[Any], page: Asked, rows: Rows, viewer: Viewer | None) -> str:
        """The JSON of the connection, made of the statement's rows. Raises the errors of `read`."""
        if not rows:
            raise Unexpected  # no row has the count
        total = rows[0][len(self.nodes)] if self.counts else 0
        sorts = len(rows[0]) - len(listing.order.keys) - 1
        nodes, kept = len(self.nodes), rows[: page.limit]
        placed = [
            (cursor, *row[:nodes])
            for cursor, row in zip(listing.cursors([row[sorts:] for row in kept]), kept, strict=True)
        ]
        if page.backward:
            placed.reverse()
        info = listing.info(page, len(rows), placed[0][0], placed[-1][0])
        text = self.page.fill(_Page(info, total, placed))
        if UNEXPECTED in text:
            raise Unexpected
        return _filled(text, self.made, viewer) if self.made else text


def compile_list(
    listed: Listed, kind: GraphQLObjectType, details: list[FieldDetails], collect: Collect, render: Render
) -> ListPlan:
    """Compile the selected fields of a list. Raises NotCompiled for a field that SQL does not read."""
    writer, nodes = _Writer(collect, render), list[str]()
    keys: list[str] = []
    values: list[Callable[[Any], str]] = []
    counts = False
    for key, (found, attribute) in collect(kind, details).items():
        below = get_named_type(kind.fields[found[0].node.name.value].type) if attribute != TYPENAME else None
        if attribute == TYPENAME:
            keys.append(f'"{key}":"{kind.name}"')
        elif attribute == "edges" and isinstance(below, GraphQLObjectType):
            edge = _edges(below, found, listed, writer, nodes, collect)
            keys.append(f'"{key}":[%s]')
            values.append(_all_of(edge))
        elif attribute == "page_info" and isinstance(below, GraphQLObjectType):
            info = _page_info(below, found, collect)
            keys.append(f'"{key}":{info.text}')
            values += info.values
        elif attribute in _COUNTS:
            counts = True
            keys.append(f'"{key}":%s')
            values.append(_COUNTS[attribute])
        else:
            raise NotCompiled(f"{attribute} of a list")
    template = _Template(f"{{{','.join(keys)}}}", tuple(values))
    return ListPlan(listed, tuple(nodes), counts, template, tuple(writer.made))


_COUNTS: dict[str, Callable[[_Page], str]] = {
    "total_count": lambda page: str(min(page.total, COUNTED)),
    "total_count_is_exact": lambda page: "true" if page.total <= COUNTED else "false",
}


def _all_of(edge: _Edge) -> Callable[[_Page], str]:
    """The edges of a page."""
    text, picks = edge.text, edge.picks
    if not picks:
        return lambda page: ",".join([text] * len(page.edges))
    pick = itemgetter(*picks)  # a tuple, or the only value
    return lambda page: ",".join([text % pick(row) for row in page.edges])


def _edges(
    kind: GraphQLObjectType,
    details: list[FieldDetails],
    listed: Listed,
    writer: _Writer,
    nodes: list[str],
    collect: Collect,
) -> _Edge:
    keys: list[str] = []
    picks: list[int] = []
    for key, (found, attribute) in collect(kind, details).items():
        if attribute == TYPENAME:
            keys.append(f'"{key}":"{kind.name}"')
        elif attribute == "cursor":
            keys.append(f'"{key}":"%s"')
            picks.append(0)
        elif attribute == "node":
            nodes.append(writer.object(kind.fields["node"].type, found, listed.fields))
            keys.append(f'"{key}":%s')
            picks.append(len(nodes))
        else:
            raise NotCompiled(f"{attribute} of an edge")
    return _Edge(f"{{{','.join(keys)}}}", picks)


def _page_info(kind: GraphQLObjectType, details: list[FieldDetails], collect: Collect) -> _Template:
    keys: list[str] = []
    values: list[Callable[[Any], str]] = []
    for key, (_, attribute) in collect(kind, details).items():
        if attribute == TYPENAME:
            keys.append(f'"{key}":"{kind.name}"')
        else:
            keys.append(f'"{key}":%s')
            values.append(_of_info(attribute))
    return _Template(f"{{{','.join(keys)}}}", tuple(values))


def _of_info(attribute: str) -> Callable[[_Page], str]:
    return lambda page: encode(getattr(page.info, attribute)).decode()


def count_in_json(text: str) -> int:
    """The objects in JSON without spaces. Each has a key; in a text a quotation mark has a backslash before it."""
    return text.count('{"')
