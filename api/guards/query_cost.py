"""The limits on the cost of a request. They are checked before graphql-core validates, because validation can take seconds.

Each fragment is measured once, and its cost is kept: expanding fragments takes exponential time. Lists multiply the nodes
below them. A connection counts its `first` or `last`, the results of a bulk mutation count the rows of its input, and any
other list counts `LIST`. The limits are about twice the cost of the console's most expensive operation, which has 7 levels, 121
fields and, for 500 rows, 7,001 nodes. A test measures all of the console's operations.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    ObjectValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)
from strawberry.extensions import SchemaExtension

from api.context import EdgeContext
from api.errors import Code, refusal
from api.guards.likely_cost import likely_length, likely_page, likely_rows, likely_statements
from api.guards.measured import LARGEST_PAGE, NOTHING, Cost, Measured

TOKENS = 3_000
DEPTH = 15  # the standard introspection query has 15
FIELDS = 250  # the standard introspection query has 229
ALIASES = 50
DIRECTIVES = 5
OPERATIONS = 25
VARIABLES = 50
ROWS = 1_000
NODES = 15_000
MOST_KEPT, LONGEST_KEPT = 128, 16_000  # documents whose cost is kept, and characters of one
PAGE = 50
LIST = 5  # lists that are not paged are short
# PostgreSQL cannot store NUL in text. A document can hold NUL as a character or as an escape.
NUL = re.compile(r"\x00|\\u0000|\\u\{0+\}")


class TooCostlyError(Exception):
    """`limit` names the limit in the error's `extensions`, with the count and the allowed number."""

    def __init__(self, limit: str, counted: int, allowed: int) -> None:
        super().__init__(f"The request is too costly: {limit} {counted}, allowed {allowed}")
        self.limit, self.counted, self.allowed = limit, counted, allowed


@dataclass
class Walk:
    """Measures one document with its variables. Raises TooCostlyError as soon as a count passes its limit.

    `sizes`: the variables that give the size of a page. Of all variables, only these and the longest list decide the cost."""

    schema: GraphQLSchema
    variables: Mapping[str, object]
    fragments: dict[str, FragmentDefinitionNode]
    rows: int
    costs: dict[tuple[str, int, int], Cost | None] = field(default_factory=dict)
    sizes: set[str] = field(default_factory=set)

    def operation(self, node: OperationDefinitionNode) -> Cost:
        _check("variables", len(node.variable_definitions or ()), VARIABLES)
        _check_directives(node)
        root = self.schema.get_root_type(node.operation)
        bulk = self.rows if node.operation is OperationType.MUTATION else LIST
        total = self._selections(node.selection_set, root, 1, LIST, bulk)
        _check("nodes", total.nodes, NODES)
        return total

    def _selections(
        self, node: SelectionSetNode, parent: GraphQLNamedType | None, level: int, size: int, bulk: int
    ) -> Cost:
        """A list among these selections counts `size` nodes. A list one level below counts `bulk`: the results of a payload."""
        _check("depth", level, DEPTH)
        total = NOTHING
        for selection in node.selections:
            _check_directives(selection)
            if isinstance(selection, FieldNode):
                total = total.plus(self._field(selection, parent, level, size, bulk))
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inner = self.schema.get_type(condition.name.value) if condition else parent
                total = total.plus(self._selections(selection.selection_set, inner, level, size, bulk))
            elif isinstance(selection, FragmentSpreadNode):
                total = total.plus(self._fragment(selection.name.value, level, size, bulk))
            _check("fields", total.fields, FIELDS)
            _check("aliases", total.aliases, ALIASES)
        return total

    def _fragment(self, name: str, level: int, size: int, bulk: int) -> Cost:
        """The cost is kept by the fragment's name and by what its lists count. An unknown or circular fragment costs
        nothing, because validation refuses it."""
        key = (name, size, bulk)
        if key not in self.costs:
            self.costs[key] = None
            definition = self.fragments.get(name)
            if definition is not None:
                parent = self.schema.get_type(definition.type_condition.name.value)
                self.costs[key] = self._selections(definition.selection_set, parent, 1, size, bulk)
        cost = self.costs[key] or NOTHING
        _check("depth", level + max(cost.depth - 1, 0), DEPTH)
        return cost

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType | None, level: int, size: int, bulk: int
    ) -> Cost:
        name = node.name.value
        definition = getattr(parent, "fields", {}).get(name)
        aliases = 1 if node.alias else 0
        if node.selection_set is None:
            statements = likely_statements(parent, name, None, is_page=False)
            return Cost(1, 1, aliases, 0, likely_rows(parent, name, None), statements)
        named = get_named_type(definition.type) if definition else None
        page = self._page(node, definition)
        inner = self._selections(node.selection_set, named, level + 1, page or bulk, LIST)
        counted = is_composite_type(named) and not name.startswith("__")
        times = size if definition and _is_list(definition.type) else 1
        nodes = times * (1 + inner.nodes) if counted else 0
        likely = 0.0
        if counted:
            is_full = parent is self.schema.query_type and not _is_filtered(node)
            share = likely_page(name, self._expected(node, page), is_full=is_full) / page if page else 1.0
            below = likely_rows(parent, name, named) + share * inner.likely
            likely = likely_length(name, times) * (1 + below)
        statements = inner.statements + likely_statements(parent, name, named, is_page=page is not None)
        return Cost(inner.depth + 1, inner.fields + 1, inner.aliases + aliases, nodes, likely, statements)

    def _page(self, node: FieldNode, definition: GraphQLField | None) -> int | None:
        """The number of rows that a connection can return; None for a field that is no connection."""
        if definition is None or not {"first", "last"} <= definition.args.keys():
            return None
        asked = [
            self._number(argument.value)
            for argument in node.arguments or ()
            if argument.name.value in {"first", "last"}
        ]
        sizes = [number for number in asked if number is not None]
        return max(1, min(max(sizes, default=PAGE), LARGEST_PAGE))

    def _expected(self, node: FieldNode, page: int) -> int:
        """The likely size of the page: a variable without a value counts as the usual size."""
        unknown = [
            argument
            for argument in node.arguments or ()
            if argument.name.value in {"first", "last"}
            and isinstance(argument.value, VariableNode)
            and argument.value.name.value not in self.variables
        ]
        return min(page, PAGE) if unknown else page

    def _number(self, value: ValueNode) -> int | None:
        if isinstance(value, IntValueNode):
            return LARGEST_PAGE if len(value.value) > 9 else int(value.value)
        if isinstance(value, VariableNode):
            self.sizes.add(value.name.value)
            given = self.variables.get(value.name.value, LARGEST_PAGE)
            return given if isinstance(given, int) else None
        return None


def _check(limit: str, counted: int, allowed: int) -> None:
    if counted > allowed:
        raise TooCostlyError(limit, counted, allowed)


def _check_directives(node: Node) -> None:
    _check("directives", len(getattr(node, "directives", None) or ()), DIRECTIVES)


def _is_filtered(node: FieldNode) -> bool:
    """Whether the document itself has a filter. A filter in a variable may be empty."""
    return any(
        argument.name.value == "filter" and isinstance(argument.value, ObjectValueNode)
        for argument in node.arguments or ()
    )


def _is_list(kind: GraphQLOutputType) -> bool:
    return is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)


def longest_list(variables: object) -> int:
    """The length of the longest list in the variables, or 0. Raises ValueError for a text with NUL or a lone surrogate."""
    longest = 0
    waiting = [variables]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += [*value.keys(), *value.values()]
        elif isinstance(value, list):
            longest = max(longest, len(value))
            waiting += value
        elif isinstance(value, str):
            _check_text(value)
    return longest


def _check_text(text: str) -> None:
    if "\0" in text:
        raise ValueError("NUL")
    text.encode()  # a lone surrogate raises UnicodeEncodeError, which is a ValueError


def _check_query(query: str) -> None:
    if NUL.search(query):
        raise ValueError("NUL")


def _longest_literal(operation: OperationDefinitionNode) -> int:
    """The length of the longest list among the literal arguments of the operation's root fields, or 0."""
    longest = 0
    waiting: list[ValueNode] = [
        argument.value
        for selection in operation.selection_set.selections
        if isinstance(selection, FieldNode)
        for argument in selection.arguments or ()
    ]
    while waiting:
        value = waiting.pop()
        if isinstance(value, ListValueNode):
            longest = max(longest, len(value.values))
            waiting += value.values
        elif isinstance(value, ObjectValueNode):
            waiting += [each.value for each in value.fields]
    return longest


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    variables: Mapping[str, object],
    before: Measured | None = None,
) -> Measured:
    """The cost of each operation. `before`: an earlier result for the same document. Raises TooCostlyError, and ValueError
    for a text with NUL or a lone surrogate."""
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    _check("operations", len(operations), OPERATIONS)
    rows = longest_list(variables)
    _check("rows in a list", rows, ROWS)
    if before is not None and before.holds_for(rows, variables):
        return before
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    costs: list[Cost] = []
    sizes: set[str] = set()
    for node in operations:
        walk = Walk(schema, variables, fragments, max(rows, _longest_literal(node), LIST))
        costs.append(walk.operation(node))
        sizes |= walk.sizes
    names = tuple(node.name.value if node.name else None for node in operations)
    return Measured(tuple(costs), names, rows, {name: variables.get(name, LARGEST_PAGE) for name in sizes})


def root_fields(document: DocumentNode) -> set[str]:
    """The names of the root fields of all operations, those in fragments included."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    names: set[str] = set()
    seen: set[str] = set()
    waiting: list[SelectionSetNode] = [
        node.selection_set for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in seen:
                seen.add(selection.name.value)
                if selection.name.value in fragments:
                    waiting.append(fragments[selection.name.value].selection_set)
    return names


class Costs:
    """The costs of the most recently used documents, as each was measured last, by their text."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Measured] = OrderedDict()

    def find(self, text: str) -> Measured | None:
        return self._kept.get(text)

    def keep(self, text: str, measured: Measured) -> None:
        if len(text) <= LONGEST_KEPT:
            self._kept[text] = measured
            self._kept.move_to_end(text)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)


class Limits(SchemaExtension):
    """Refuses a request that costs too much, or has text that PostgreSQL cannot store."""

    def __init__(self, costs: Costs) -> None:
        self._costs = costs

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options["max_tokens"] = TOKENS
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        assert context.graphql_document is not None
        text = context.query or ""
        before = self._costs.find(text)
        try:
            if before is None:
                _check_query(text)
            schema, document = context.schema._schema, context.graphql_document
            measured = measure(schema, document, context.variables or {}, before)
            self._costs.keep(text, measured)
            if isinstance(context.context, EdgeContext):
                context.context.measured = measured
        except TooCostlyError as error:
            numbers = {"limit": error.limit, "counted": error.counted, "allowed": error.allowed}
            context.pre_execution_errors = [refusal(Code.TOO_COSTLY, str(error), **numbers)]
        except RecursionError:
            context.pre_execution_errors = [refusal(Code.TOO_COSTLY, "The request is nested too deeply")]
        except ValueError:
            message = "A text must not contain the character NUL (U+0000) or half of a surrogate pair"
            context.pre_execution_errors = [refusal(Code.BAD_REQUEST, message)]
        yield
