"""Executes compiled operations, and leaves to graphql-core whatever a plan does not do.

`Compiled` is the last extension of the schema: limits, rates, logs and metrics come before it and are the same for both ways. It
runs the plan and hands the result to Strawberry. It hands over nothing, and graphql-core then executes the operation, if

- the operation has no plan: mutations, subscriptions, introspection;
- the variables are refused, or
- the plan raised: the answer has an error below a root field, and graphql-core gives it its path, place and message.

So a read that has an error below a root field is read twice. An error of the only root field itself (a refused argument, a database
that does not answer) is answered from here, once.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from typing import Any, NamedTuple

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FragmentDefinitionNode,
    GraphQLNonNull,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionNode,
    VariableNode,
    located_error,
)
from graphql.execution.values import get_argument_values
from graphql.pyutils import Path
from strawberry.execution.is_awaitable import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema_converter import get_arguments
from strawberry.types.execution import ExecutionContext

from api.compiled.plan import Gathered, NotCompiled, ObjectPlan, Plan, compile_operation, together
from api.relay.loaders import Loading, forget_read
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
    """The last extension. See the module."""

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
    schema: GraphQLSchema = execution.schema._schema
    executor = Executor.build(
        schema,
        document,
        execution.root_value,
        execution.context,
        execution.variables,
        execution.operation_name,
        is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]  # Strawberry types it as a plain predicate
    )
    if isinstance(executor, list):
        return None
    plan = plans.find(text, executor, document)
    if plan is None:
        return None
    try:
        return await _Run(executor, execution).root(plan.root)
    except Exception:  # graphql-core meets it again, and answers and logs it
        forget_read(execution.context)
        tally.forget_nodes()
        return None


class _Run:
    """One execution of a plan: what its fields need of graphql-core and of Strawberry."""

    def __init__(self, executor: Executor[Any], execution: ExecutionContext) -> None:
        self._executor = executor
        self._strawberry = execution.schema
        self._infos: dict[Gathered, GraphQLResolveInfo[Any]] = {}

    async def root(self, plan: ObjectPlan) -> ExecutionResult:
        if len(plan.gathered) != 1:
            [data] = plan.rows([None], *await self.gather(plan.gathered, [None]))
            return ExecutionResult(data, None)
        [only] = plan.gathered
        try:
            values = await _settled(self._begin(only, [None]))
        except Exception as error:
            return self._failed(plan, only, error)
        [data] = plan.rows([None], await only.complete(self, values, only))
        return ExecutionResult(data, None)

    def _failed(self, plan: ObjectPlan, of: Gathered, error: Exception) -> ExecutionResult:
        """The answer of graphql-core where the resolver of the only root field raised."""
        [data] = plan.rows([None], [None])
        located = located_error(error, of.nodes, [of.key])
        return ExecutionResult(None if isinstance(of.definition.type, GraphQLNonNull) else data, [located])

    async def gather(self, fields: Sequence[Gathered], objects: Sequence[Any]) -> list[Sequence[object]]:
        """All fields are begun before the first is waited for, so that the loaders see all keys of a level."""
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
        return await of.complete(self, values, of)

    def _begin(self, of: Gathered, objects: Sequence[Any]) -> list[Any]:
        """Call the field's resolver for each object, and return the results."""
        if of.attribute is not None:
            return list(map(of.attribute, objects))
        info = self.info(of)
        given = of.nodes[0].arguments or of.definition.args
        arguments = (
            get_argument_values(
                of.definition,
                of.nodes[0],
                self._executor.variable_values,
                None,
                self._executor.hide_suggestions,
            )
            if given
            else {}
        )
        begun: list[Any] = []
        try:
            if of.direct is None:
                resolve = of.definition.resolve or self._executor.field_resolver
                for each in objects:
                    begun.append(resolve(each, info, **arguments))
            else:
                function, values = self._bound(of, info, arguments)
                for each in objects:
                    begun.append(function(each, **values))
        except Exception:
            _close(begun)
            raise
        return begun

    def _bound(
        self, of: Gathered, info: GraphQLResolveInfo[Any], arguments: dict[str, object]
    ) -> tuple[Callable[..., Any], dict[str, object]]:
        """The field's own function, and the arguments that Strawberry would call it with beside the object."""
        declared = of.direct
        assert declared is not None
        assert declared.base_resolver is not None
        config = self._strawberry.config
        _, values = get_arguments(
            field=declared,
            source=None,
            info=config.info_class(_raw_info=info, _field=declared),
            kwargs=arguments,
            config=config,
            scalar_registry=self._strawberry.schema_converter.scalar_registry,
        )
        return declared.base_resolver.wrapped_func, values  # type: ignore[return-value]  # a method, as `self` is its parameter

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
    """The values, once all that can be awaited among them has been awaited. What loaders read together is waited for once."""
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
