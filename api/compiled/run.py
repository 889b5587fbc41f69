"""Executes compiled operations. graphql-core executes all other operations.

`Compiled` is the last extension of the schema: limits, rates, logs and metrics come before it and are the same for both
ways. The extension runs the plan and gives Strawberry the result. Without a result, graphql-core executes the operation.
There is no result if

- the operation has no plan: mutations, subscriptions, introspection;
- the variables are refused, or
- the plan raised: the answer has an error below a root field, and graphql-core gives it its path, place and message.

So a read that has an error below a root field is read twice. An error of the only root field itself (a refused argument, a database
that does not answer) is answered from here, once.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FragmentDefinitionNode,
    GraphQLNonNull,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    located_error,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from msgspec import Raw
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema import Schema
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.execution import ExecutionContext

from api.compiled.plan import Gathered, ObjectPlan, Plan, Rendered, compile_operation
from api.compiled.sql import ListPlan, NotCompiled, Unexpected, count_in_json
from api.relay.loaders import Loading, forget_read, together
from api.relay.paging import Asked, Listing
from runtime import tally

MOST_PLANS = 512
MOST_FIELDS = 20_000  # of all plans together: a field takes some 1.3 KB
MOST_CONDITIONS = 6  # variables of @skip and @include in a document: each may double the number of its plans
LONGEST = 16_000  # characters of a document


class _Key(NamedTuple):
    """An operation, with the values of the variables that @skip and @include ask for."""

    text: str
    operation: str | None
    conditions: tuple[object, ...]


class Plans:
    """The most recently used plans of one schema. An operation without a plan is remembered too.

    `fields`: of all plans. `compiled`: how many operations were compiled. `asked`, `answered`: how many operations came, and how
    many of them a plan answered. While `are_used` is False, graphql-core answers all: tests and benches compare the two.
    """

    def __init__(self, most: int = MOST_PLANS, most_fields: int = MOST_FIELDS) -> None:
        self._most, self._most_fields = most, most_fields
        self._kept: OrderedDict[_Key, Plan | None] = OrderedDict()
        self._conditions: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self.fields = self.compiled = self.asked = self.answered = 0
        self.are_used = True

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, text: str, executor: Executor[Any], document: DocumentNode) -> Plan | None:
        """The plan; None for an operation that is not compiled."""
        names = self._conditions.get(text)
        if names is None:
            names = self._conditions[text] = tuple(sorted(_conditions(document)))
            while len(self._conditions) > self._most:
                self._conditions.popitem(last=False)
        if len(names) > MOST_CONDITIONS or len(text) > LONGEST:
            return None
        values = executor.variable_values.coerced
        name = executor.operation.name
        key = _Key(text, name.value if name else None, tuple(values.get(each) for each in names))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        return self._keep(key, executor)

    def _keep(self, key: _Key, executor: Executor[Any]) -> Plan | None:
        try:
            plan = compile_operation(executor)
        except NotCompiled:
            plan = None
        self.compiled += 1
        self._kept[key] = plan
        self.fields += _weight(plan)
        while len(self._kept) > self._most or (self.fields > self._most_fields and len(self._kept) > 1):
            self.fields -= _weight(self._kept.popitem(last=False)[1])
        return plan


def _weight(plan: Plan | None) -> int:
    return plan.fields if plan is not None else 1


def _conditions(document: DocumentNode) -> set[str]:
    """The names of the variables that @skip and @include of the document ask for."""
    waiting: list[OperationDefinitionNode | FragmentDefinitionNode | SelectionNode] = [
        each
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    found: set[str] = set()
    while waiting:
        node = waiting.pop()
        for directive in node.directives or ():
            found |= {
                argument.value.name.value
                for argument in directive.arguments or ()
                if isinstance(argument.value, VariableNode)
            }
        selections = getattr(node, "selection_set", None)
        waiting += selections.selections if selections is not None else ()
    return found


class Compiled(SchemaExtension):
    """The last extension of the schema, which runs plans: see the module."""

    def __init__(self, plans: Plans) -> None:
        self._plans = plans

    async def on_execute(self) -> AsyncIterator[None]:
        plans = self._plans
        if self.execution_context.result is None and plans.are_used:
            result = await execute(plans, self.execution_context)
            plans.asked += 1
            if result is not None:
                plans.answered += 1
                self.execution_context.result = result
        yield


async def execute(plans: Plans, execution: ExecutionContext) -> ExecutionResult | None:
    """The result of the operation; None if graphql-core is to execute it."""
    document, text = execution.graphql_document, execution.query
    if document is None or not text:
        return None
    executor = _executor(
        execution.schema,
        document,
        execution.root_value,
        execution.context,
        execution.variables,
        execution.operation_name,
    )
    plan = plans.find(text, executor, document) if executor is not None else None
    if executor is None or plan is None:
        return None
    takes_json = plan.is_listed and getattr(execution.context, "takes_json", False)
    ways = [True, False] if takes_json else [False]
    for takes_json in ways:
        try:
            return await _Run(executor, execution.schema, takes_json=takes_json).root(plan.root)
        except Exception as error:  # graphql-core meets it again, and answers and logs it
            forget_read(execution.context)
            tally.forget_nodes()
            if not isinstance(error, Unexpected):
                break
    return None


@dataclass(frozen=True)
class OneList:
    """An operation whose whole answer is one list that PostgreSQL writes. `name`: of the operation."""

    run: "_Run"
    root: ObjectPlan
    field: Gathered
    plan: ListPlan
    name: str

    def asked(self) -> tuple[Listing[Any], Asked]:
        return self.run.asked(self.field, self.plan)

    def data(self, text: str) -> Rendered:
        """The answer's `data`, with the JSON of the list."""
        [data] = self.root.rows([None], [Raw(text.encode())])
        return data


def find_list(
    plans: Plans,
    schema: Schema,
    document: DocumentNode,
    text: str,
    variables: dict[str, object],
    operation_name: str | None,
    context: object,
) -> OneList | None:
    """Return the operation if its whole answer is one list that PostgreSQL writes, else None. `document`: the parsed text,
    which has passed all checks."""
    executor = _executor(schema, document, None, context, variables, operation_name)
    plan = plans.find(text, executor, document) if executor is not None else None
    if executor is None or plan is None or len(plan.root.gathered) != 1:
        return None
    [field] = plan.root.gathered
    if field.listed is None:
        return None
    name = executor.operation.name
    run = _Run(executor, schema, takes_json=True)
    return OneList(run, plan.root, field, field.listed, name.value if name else "")


def _executor(
    schema: Schema,
    document: DocumentNode,
    root: object,
    context: object,
    variables: dict[str, object] | None,
    operation_name: str | None,
) -> Executor[Any] | None:
    """None if the variables are refused, or if the document has no such operation."""
    made = Executor.build(
        schema._schema,
        document,
        root,
        context,
        variables,
        operation_name,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # Strawberry types it as a plain predicate
    )
    return None if isinstance(made, list) else made


class _Run:
    """One execution of a plan. Gives the fields what they need of graphql-core and of Strawberry. `takes_json`: PostgreSQL
    writes the lists that it can write."""

    def __init__(self, executor: Executor[Any], schema: Schema, *, takes_json: bool = False) -> None:
        self._executor, self._takes_json = executor, takes_json
        self._strawberry = schema
        self._infos: dict[Gathered, GraphQLResolveInfo[Any]] = {}

    async def root(self, plan: ObjectPlan) -> ExecutionResult:
        if len(plan.gathered) != 1:
            [data] = plan.rows([None], *await self.gather(plan.gathered, [None]))
            return ExecutionResult(data, None)
        [only] = plan.gathered
        try:
            values = await _settled(self._begin(only, [None]))
        except Unexpected:
            raise
        except Exception as error:
            return self._failed(plan, only, error)
        completed = values if self._is_json(only) else await only.complete(self, values, only)
        [data] = plan.rows([None], completed)
        return ExecutionResult(data, None)

    def _is_json(self, of: Gathered) -> bool:
        return self._takes_json and of.listed is not None

    def _failed(self, plan: ObjectPlan, of: Gathered, error: Exception) -> ExecutionResult:
        """The answer of graphql-core where the resolver of the only root field raised."""
        [data] = plan.rows([None], [None])
        located = located_error(error, of.nodes, [of.key])
        return ExecutionResult(None if isinstance(of.definition.type, GraphQLNonNull) else data, [located])

    async def gather(self, fields: Sequence[Gathered], objects: Sequence[Any]) -> list[Sequence[object]]:
        """Begin all fields before the first is awaited, so that the loaders see all keys of a level."""
        begun: list[list[Any]] = []
        try:
            for each in fields:
                begun.append(self._begin(each, objects))
            completing = [self._completed(each, values) for each, values in zip(fields, begun, strict=True)]
            return await together(completing) if completing else []
        except BaseException:
            for values in begun:
                _close(values)
            raise

    async def _completed(self, of: Gathered, values: list[Any]) -> Sequence[object]:
        if of.attribute is None:
            values = await _settled(values)
        return values if self._is_json(of) else await of.complete(self, values, of)

    def _begin(self, of: Gathered, objects: Sequence[Any]) -> list[Any]:
        """Call the field's resolver for each object, and return the results."""
        if of.attribute is not None:
            return list(map(of.attribute, objects))
        if self._is_json(of):
            return [self._list(of)]
        info, arguments = self.info(of), self._arguments(of)
        begun: list[Any] = []
        try:
            if of.is_direct:
                function, values = of.declared.base_resolver, self._converted(of, info, arguments)
                assert function is not None
                for each in objects:
                    begun.append(function.wrapped_func(each, **values))  # type: ignore[operator]  # a method: `self` is its parameter
            else:
                resolve = of.definition.resolve or self._executor.field_resolver
                for each in objects:
                    begun.append(resolve(each, info, **arguments))
        except Exception:
            _close(begun)
            raise
        return begun

    async def _list(self, of: Gathered) -> Raw:
        """The list as PostgreSQL writes it."""
        assert of.listed is not None
        listing, page = self.asked(of, of.listed)
        async with self._executor.context_value.reading() as tx:
            text = await of.listed.read(tx, listing, page, self._executor.context_value.viewer)
        tally.count_nodes(count_in_json(text))
        return Raw(text.encode())

    def asked(self, of: Gathered, listed: ListPlan) -> tuple[Listing[Any], Asked]:
        """The list and the page that the field asks for. Refuses the arguments that the field refuses."""
        for check in of.checks:
            check(self._executor.context_value)
        return listed.asked(self._arguments(of), lambda more: self._converted(of, self.info(of), more))

    def _arguments(self, of: Gathered) -> dict[str, object]:
        if not (of.nodes[0].arguments or of.definition.args):
            return {}
        variables, hides = self._executor.variable_values, self._executor.hide_suggestions
        return get_argument_values(of.definition, of.nodes[0], variables, None, hides)

    def _converted(
        self, of: Gathered, info: GraphQLResolveInfo[Any], arguments: dict[str, object]
    ) -> dict[str, object]:
        """The arguments with which Strawberry would call the field's own function, without the object itself."""
        config = self._strawberry.config
        _, values = get_arguments(
            field=of.declared,
            source=None,
            info=config.info_class(_raw_info=info, _field=of.declared),
            kwargs=arguments,
            config=config,
            scalar_registry=self._strawberry.schema_converter.scalar_registry,
        )
        return values

    def info(self, of: Gathered) -> GraphQLResolveInfo[Any]:
        """One info for all objects of the level, so its `path` has no places in lists."""
        found = self._infos.get(of)
        if found is None:
            found = self._infos[of] = self._executor.build_resolve_info(
                of.definition, of.nodes, of.parent_type, self._path(of)
            )
        return found

    def _path(self, of: Gathered) -> Path:
        return Path(self._path(of.above) if of.above else None, of.key, of.parent_type.name)


async def _settled(values: list[Any]) -> list[Any]:
    """The values, once all that can be awaited among them has been awaited. Each batch of a loader is awaited once."""
    for reading in {each.reading for each in values if type(each) is Loading}:
        await reading.ended()
    values = [each.found() if type(each) is Loading else each for each in values]
    awaited = [place for place, each in enumerate(values) if optimized_is_awaitable(each)]
    if awaited:
        for place, value in zip(awaited, await together([values[n] for n in awaited]), strict=True):
            values[place] = value
    return values


def _close(values: Iterable[object]) -> None:
    """End coroutines that nobody will await."""
    for each in values:
        if isinstance(each, Coroutine):
            each.close()
