"""Compiles one operation into a plan: closures and generated code that turn the resolvers' objects into the answer.

`ObjectPlan.run` renders many objects of one type together, so a level costs its work once for each field and not once for each row.
A plain field is an attribute of the object, down to the leaves: it becomes a part of one dict display in generated code. Every
other field is gathered: it is resolved for all objects, then waited for, then completed for all objects.

A plan handles only what is expected. A null where the type allows none, a value that its scalar refuses, an object of another
type, an exception: each raises, and graphql-core then executes the operation (api.compiled.run). So a plan has no code for
errors, and no plan gives an answer that has errors.

The generated code holds response keys and names of attributes: identifiers in ASCII, by the grammar of GraphQL and by `isidentifier`.
All other values reach the code through its namespace.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from operator import attrgetter
from typing import Any, Protocol

from graphql import (
    Executor,
    FieldNode,
    GraphQLAbstractType,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
    GraphQLString,
    OperationType,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    collect_fields,
    collect_subfields,
)
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from api.compiled.sql import LISTS, TYPENAME, ListPlan, NotCompiled, Unexpected, compile_list
from api.relay.loaders import together
from runtime import tally

MOST_FIELDS = 1_000  # of one plan, with the fields of each possible type; api.guards.query_cost admits 250 as they are written
BACK = GraphQLCoreConverter.DEFINITION_BACKREF  # leads from graphql-core's types and fields to Strawberry's
# When a value of these types is its own output. `{first}` is the value as it is read, `{again}` the same value later.
AS_IT_IS = {
    GraphQLString: "type({first}) is str",
    GraphQLID: "type({first}) is str",
    GraphQLBoolean: "type({first}) is bool",
    GraphQLInt: "type({first}) is int and -2147483648 <= {again} <= 2147483647",
    GraphQLFloat: "type({first}) is float and isfinite({again})",
}


class Request(Protocol):
    """One execution of a plan (api.compiled.run)."""

    async def gather(self, fields: Sequence["Gathered"], objects: Sequence[Any]) -> list[Sequence[object]]:
        """The completed values of each field for all objects."""

    def info(self, of: "Gathered") -> GraphQLResolveInfo[Any]: ...


Rendered = dict[str, object]  # a part of the answer: by response keys, what JSON can hold
# Completes the values that one field has in many objects, or the items of all lists among them.
Complete = Callable[[Request, Sequence[Any], "Gathered"], Coroutine[Any, Any, Sequence[object]]]


@dataclass(eq=False)
class Gathered:
    """A field that is resolved, waited for and completed for all objects of a level.

    `attribute` reads a field that has no resolver. `is_direct`: the field's own function can be called, since the field has no extension
    and no parameter for the parent. Otherwise Strawberry's resolver is called for each object.
    """

    key: str
    nodes: list[FieldNode]
    parent_type: GraphQLObjectType
    definition: GraphQLField
    declared: StrawberryField
    above: "Gathered | None"
    attribute: Callable[[Any], Any] | None = None
    is_direct: bool = False
    listed: ListPlan | None = None
    checks: Sequence[Callable[[Any], None]] = ()
    complete: Complete = field(init=False)


@dataclass(eq=False)
class ObjectPlan:
    """The selected fields of one object type.

    `rows` is generated: it makes the dicts of the objects, with the completed values of each gathered field. `render` makes the dict of one
    object; None if a field is gathered. `usual` is the class of the objects; `check` is asked about any other.
    """

    kind: GraphQLObjectType
    usual: type[Any]
    check: Callable[[Any], None]
    gathered: list[Gathered] = field(default_factory=list)
    rows: Callable[..., list[Rendered]] = field(init=False)
    render: Callable[[Any], Rendered] | None = None

    async def run(self, request: Request, objects: Sequence[Any]) -> list[Rendered]:
        if not objects:
            return []
        if set(map(type, objects)) != {self.usual}:
            for each in objects:
                if type(each) is not self.usual:
                    self.check(each)
        tally.count_nodes(len(objects))
        return self.rows(objects, *await request.gather(self.gathered, objects))


@dataclass(frozen=True)
class Plan:
    """`fields`: how many fields were compiled, a measure of the plan's memory."""

    root: ObjectPlan
    fields: int
    is_listed: bool  # PostgreSQL can write a part of the answer


def compile_operation(executor: Executor[Any]) -> Plan:
    """The plan of the executor's query. Of its variables, only those of @skip and @include go into the plan. Raises NotCompiled."""
    return _Compiler(executor).plan()


class _Compiler:
    """`executor` knows the schema, the fragments, the operation and its variables."""

    def __init__(self, executor: Executor[Any]) -> None:
        self._executor = executor
        self._known = executor.schema, executor.fragments, executor.variable_values
        self._fields = 0
        self._numbers = count()
        self._names: dict[str, object] = {"isfinite": math.isfinite, "sequence": _sequence}

    def plan(self) -> Plan:
        executor, root = self._executor, self._executor.schema.query_type
        if root is None or executor.operation.operation is not OperationType.QUERY:
            raise NotCompiled("no query")
        found = collect_fields(*self._known, root, executor.operation, executor.hide_suggestions)
        plan = ObjectPlan(root, type(None), _check(root))
        self._fill(plan, self._counted(found), None)
        return Plan(plan, self._fields, any(each.listed is not None for each in plan.gathered))

    def _object(self, kind: GraphQLObjectType, details: list[FieldDetails], above: Gathered) -> ObjectPlan:
        declared = kind.extensions.get(BACK)
        if declared is None:
            raise NotCompiled(f"{kind.name} belongs to introspection")
        plan = ObjectPlan(kind, declared.origin, _check(kind))
        self._fill(plan, self._subfields(kind, details), above)
        return plan

    def _subfields(self, kind: GraphQLObjectType, details: list[FieldDetails]) -> CollectedFields:
        operation, hides = self._executor.operation, self._executor.hide_suggestions
        return self._counted(collect_subfields(*self._known, operation, kind, details, hides))

    def _counted(self, found: CollectedFields) -> CollectedFields:
        if found.new_defer_usages:
            raise NotCompiled("@defer")
        self._fields += len(found.grouped_field_set)
        if self._fields > MOST_FIELDS:
            raise NotCompiled("too many fields")
        return found

    def _fill(self, plan: ObjectPlan, found: CollectedFields, above: Gathered | None) -> None:
        parts: list[str] = []
        for key, details in found.grouped_field_set.items():
            code = self._plain(plan.kind, details)
            if code is None:
                code = f"x{len(plan.gathered)}"
                plan.gathered.append(self._gathered(plan.kind, key, details, above))
            parts.append(f"{key!r}: {code}")
        row = f"{{{', '.join(parts)}}}"
        if not plan.gathered:
            usual, check = self._name(plan.usual), self._name(plan.check)
            checked = f"if type(o) is not {usual}: {check}(o)"
            render = plan.render = self._function("render", "o", checked, f"return {row}")
            plan.rows = lambda objects: list(map(render, objects))
            return
        xs = [f"x{n}" for n in range(len(plan.gathered))]
        each, given = ", ".join(["o", *xs]), ", ".join(["os", *(f"{x}s" for x in xs)])
        plan.rows = self._function("rows", given, f"return [{row} for {each} in zip({given})]")

    def _plain(self, parent_type: GraphQLObjectType, details: list[FieldDetails]) -> str | None:
        """The expression of the field's completed value in the object `o`; None for a field that is gathered."""
        if details[0].node.name.value == TYPENAME:
            return repr(parent_type.name)
        definition, declared = self._declared(parent_type, details)
        if not declared.is_basic_field or not _is_leaf(definition.type):
            return None
        if not declared.python_name.isidentifier():
            raise NotCompiled(f"{declared.python_name} is no name in Python")
        return self._expression(definition.type, f"o.{declared.python_name}")

    def _declared(
        self, parent_type: GraphQLObjectType, details: list[FieldDetails]
    ) -> tuple[GraphQLField, StrawberryField]:
        """The field in both schemas: graphql-core's and Strawberry's."""
        definition = parent_type.fields.get(details[0].node.name.value)
        if any(each.fragment_variable_values is not None for each in details):
            raise NotCompiled("variables of a fragment")
        declared = definition.extensions.get(BACK) if definition is not None else None
        if definition is None or not isinstance(declared, StrawberryField):
            raise NotCompiled("a field of introspection")
        return definition, declared

    def _gathered(
        self, parent_type: GraphQLObjectType, key: str, details: list[FieldDetails], above: Gathered | None
    ) -> Gathered:
        definition, declared = self._declared(parent_type, details)
        nodes = [each.node for each in details]
        gathered = Gathered(key, nodes, parent_type, definition, declared, above)
        if declared.is_basic_field:
            gathered.attribute = attrgetter(declared.python_name)
        else:
            gathered.is_direct = _is_direct(declared)
        gathered.complete = self._completion(definition.type, details, gathered)
        checks = [getattr(each, "check", None) for each in declared.extensions]
        if above is None and None not in checks:
            gathered.checks = checks  # type: ignore[assignment]  # none is None
            gathered.listed = self._listed(gathered, details)
        return gathered

    def _listed(self, of: Gathered, details: list[FieldDetails]) -> ListPlan | None:
        named = get_named_type(of.definition.type)
        listed = LISTS.get(named.name)
        if listed is not None and isinstance(named, GraphQLObjectType):
            with suppress(NotCompiled):
                return compile_list(listed, named, details, self._collect, partial(self._made, of))
        return None

    def _made(
        self, above: Gathered, kind: GraphQLOutputType, details: list[FieldDetails]
    ) -> Callable[[Any], object]:
        """What renders a value that Python makes within a list of PostgreSQL. It raises Unexpected where an object is null."""
        if _is_leaf(kind):
            return self._function("leaf", "o", f"return {self._expression(kind, 'o')}")
        some = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if isinstance(some, GraphQLList):
            item = self._made(above, some.of_type, details)
            return lambda values: [item(each) for each in _sequence(values)]
        render = self._object(some, details, above).render if isinstance(some, GraphQLObjectType) else None
        if render is None:
            raise NotCompiled(f"{some} has resolvers")
        return render

    def _collect(
        self, kind: GraphQLObjectType, details: list[FieldDetails]
    ) -> dict[str, tuple[list[FieldDetails], str]]:
        """The selected fields by response key, each with the name of its attribute."""
        selected: dict[str, tuple[list[FieldDetails], str]] = {}
        for key, found in self._subfields(kind, details).grouped_field_set.items():
            is_name = found[0].node.name.value == TYPENAME
            selected[key] = found, TYPENAME if is_name else self._declared(kind, found)[1].python_name
        return selected

    def _completion(self, kind: GraphQLOutputType, details: list[FieldDetails], of: Gathered) -> Complete:
        if isinstance(kind, GraphQLNonNull):
            return self._completion_of_some(kind.of_type, details, of)
        return _nullable(self._completion_of_some(kind, details, of))

    def _completion_of_some(self, kind: Any, details: list[FieldDetails], of: Gathered) -> Complete:
        if isinstance(kind, GraphQLList):
            return _lists(self._completion(kind.of_type, details, of))
        if is_leaf_type(kind):
            code = self._expression(GraphQLNonNull(kind), "o")
            return _rendered(self._function("leaf", "o", f"return {code}"))
        if is_abstract_type(kind):
            possible = self._executor.schema.get_possible_types(kind)
            return _abstract(kind, {each.name: self._object(each, details, of) for each in possible})
        plan = self._object(kind, details, of)
        return _rendered(plan.render, nodes=1) if plan.render is not None else _objects(plan)

    def _expression(self, kind: GraphQLOutputType, value: str) -> str:
        """Python for the completed leaf, or list of leaves, that the expression `value` gives."""
        name = f"v{next(self._numbers)}"
        first = f"({name} := {value})"
        if isinstance(kind, GraphQLNonNull):
            return self._some(kind.of_type, first, name)
        return f"(None if {first} is None else {self._some(kind, name, name)})"

    def _some(self, kind: Any, first: str, again: str) -> str:
        if isinstance(kind, GraphQLList):
            item = self._expression(kind.of_type, "i")
            items = self._function("items", "all", f"return [{item} for i in sequence(all)]")
            return f"{self._name(items)}({first})"
        if isinstance(kind, GraphQLEnumType):
            return f"{self._name(_Names(kind))}[{first}]"
        leaf = self._name(_leaf(kind))
        if kind not in AS_IT_IS:
            return f"{leaf}({first})"
        return f"({again} if {AS_IT_IS[kind].format(first=first, again=again)} else {leaf}({again}))"

    def _name(self, value: object) -> str:
        """A name by which generated code finds the value."""
        name = f"n{next(self._numbers)}"
        self._names[name] = value
        return name

    def _function(self, name: str, given: str, *lines: str) -> Callable[..., Any]:
        source = f"def {name}({given}):\n" + "".join(f"    {line}\n" for line in lines)
        made: dict[str, Callable[..., Any]] = {}
        code = compile(source, "<plan>", "exec")
        exec(code, self._names, made)  # noqa: S102  # the module says what the source holds
        return made[name]


class _Names(dict[object, str]):
    """The names of an enum's values. The enum type is asked for a name that is not known yet, and may refuse the value."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, value: object) -> str:
        name = self[value] = str(_leaf(self._kind)(value))
        return name


def _leaf(kind: GraphQLLeafType) -> Callable[[object], object]:
    coerce = kind.coerce_output_value

    def leaf(value: object) -> object:
        if value is None or (output := coerce(value)) is None or output is Undefined:
            raise Unexpected
        return output

    return leaf


def _sequence(value: object) -> Sequence[Any]:
    if type(value) is list or type(value) is tuple:
        return value
    raise Unexpected


def _rendered(render: Callable[[Any], object], *, nodes: int = 0) -> Complete:
    """`nodes`: 1 if each value is an object of the answer, 0 for leaves."""

    async def complete(request: Request, values: Sequence[Any], of: Gathered) -> Sequence[object]:
        tally.count_nodes(nodes * len(values))
        return list(map(render, values))

    return complete


def _objects(plan: ObjectPlan) -> Complete:
    async def complete(request: Request, values: Sequence[Any], of: Gathered) -> Sequence[object]:
        return await plan.run(request, values)

    return complete


def _nullable(inner: Complete) -> Complete:
    async def complete(request: Request, values: Sequence[Any], of: Gathered) -> Sequence[object]:
        present = [each for each in values if each is not None]
        if len(present) == len(values):
            return await inner(request, values, of)
        completed = iter(await inner(request, present, of))
        return [None if each is None else next(completed) for each in values]

    return complete


def _lists(inner: Complete) -> Complete:
    async def complete(request: Request, values: Sequence[Any], of: Gathered) -> Sequence[object]:
        lists = list(map(_sequence, values))
        completed = iter(await inner(request, [item for each in lists for item in each], of))
        return [list(islice(completed, len(each))) for each in lists]

    return complete


def _abstract(kind: GraphQLAbstractType, plans: Mapping[str, ObjectPlan]) -> Complete:
    """Objects of each type are completed together, and put back into their places."""
    name_of = kind.resolve_type
    if name_of is None:
        raise NotCompiled(f"{kind.name} has no resolve_type")

    async def complete(request: Request, values: Sequence[Any], of: Gathered) -> Sequence[object]:
        info = request.info(of)
        places: dict[str, list[int]] = defaultdict(list)
        for place, each in enumerate(values):
            if each is None:
                raise Unexpected
            places[str(name_of(each, info, kind))].append(place)
        chosen = [(plans[name], found) for name, found in places.items()]
        runs = [plan.run(request, [values[n] for n in found]) for plan, found in chosen]
        completed: list[object] = [None] * len(values)
        for found, rows in zip(places.values(), await together(runs), strict=True):
            for place, row in zip(found, rows, strict=True):
                completed[place] = row
        return completed

    return complete


def _check(kind: GraphQLObjectType) -> Callable[[Any], None]:
    """Refuse values that are not objects of this type, as graphql-core would. For an object of an unusual class only."""
    fits = kind.is_type_of

    def check(value: Any) -> None:
        if value is None or isinstance(value, Exception) or hasattr(value, "__await__"):
            raise Unexpected
        if fits is not None and fits(value, None) is not True:  # type: ignore[arg-type]  # Strawberry's ignores the info
            raise Unexpected

    return check


def _is_leaf(kind: GraphQLOutputType) -> bool:
    """A leaf, or a list of leaves."""
    while isinstance(kind, GraphQLNonNull | GraphQLList):
        kind = kind.of_type
    return is_leaf_type(kind)


def _is_direct(declared: StrawberryField) -> bool:
    """Whether the resolver can be called without what Strawberry wraps around it."""
    resolver = declared.base_resolver
    return (
        resolver is not None
        and not declared.extensions
        and resolver.self_parameter is not None
        and resolver.parent_parameter is None
        and resolver.root_parameter is None
    )
