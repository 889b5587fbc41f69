"""Generates documents over a schema: aliases, fragments, directives, variables with and without defaults, arguments of every kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

FLAGS = ("$yes", "$no", "$maybe")
VARIABLES = {
    "$yes": "Boolean! = true",
    "$no": "Boolean!",
    "$maybe": "Boolean! = false",
    "$size": "Int = 2",
    "$absent": "Int",
}


@dataclass
class Documents:
    """`literals`: what to write for a named input type. `deepest`: levels below the root."""

    schema: GraphQLSchema
    random: Random
    literals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    deepest: int = 4
    _fragments: list[str] = field(default_factory=list)
    _aliases: int = 0

    def next(self, root: str | None = None) -> tuple[str, dict[str, object]]:
        """A document, perhaps not a valid one, and its variables. `root`: the only root field."""
        self._fragments, self._aliases = [], 0
        query = self.schema.query_type
        assert query is not None
        if root is None:
            body = self._selections(query, 0)
        else:
            body = f"{{ {self._field(root, query.fields[root], 0)} }}"
        variables: dict[str, object] = {"no": self.random.random() < 0.3}
        if self.random.random() < 0.5:
            variables["maybe"] = self.random.choice([True, False])
        if self.random.random() < 0.5:
            variables["size"] = self.random.choice([1, 3, None, 0])
        whole = "\n".join([body, *self._fragments])
        declared = ", ".join(f"{name}: {kind}" for name, kind in VARIABLES.items() if name in whole)
        return f"query Generated{f'({declared})' if declared else ''} {whole}", variables

    def _selections(self, kind: GraphQLNamedType, depth: int) -> str:
        if isinstance(kind, GraphQLUnionType | GraphQLInterfaceType):
            possible = self.random.sample(list(self.schema.get_possible_types(kind)), 1)
            parts = [f"... on {each.name} {self._selections(each, depth)}" for each in possible]
            parts += ["__typename"] if self.random.random() < 0.5 else []
            if isinstance(kind, GraphQLInterfaceType):
                parts += [self._field(*each, depth) for each in self._chosen(kind, depth)]
            self.random.shuffle(parts)
            return f"{{ {' '.join(parts)} }}"
        assert isinstance(kind, GraphQLObjectType)
        parts = [self._wrapped(kind, self._field(*each, depth)) for each in self._chosen(kind, depth)]
        if not parts or self.random.random() < 0.2:
            parts.insert(self.random.randrange(len(parts) + 1), "__typename")
        return f"{{ {' '.join(parts)} }}"

    def _chosen(
        self, kind: GraphQLObjectType | GraphQLInterfaceType, depth: int
    ) -> list[tuple[str, GraphQLField]]:
        fields = [
            (name, each)
            for name, each in kind.fields.items()
            if depth < self.deepest or is_leaf_type(get_named_type(each.type))
        ]
        return self.random.sample(fields, min(len(fields), self.random.randint(1, 4)))

    def _field(self, name: str, declared: GraphQLField, depth: int) -> str:
        text = name
        given = [
            f"{argument}: {value}"
            for argument, each in declared.args.items()
            if (value := self._argument(each.type, needed=isinstance(each.type, GraphQLNonNull))) is not None
        ]
        text += f"({', '.join(given)})" if given else ""
        kind = get_named_type(declared.type)
        if not is_leaf_type(kind):
            text += f" {self._selections(kind, depth + 1)}"
        if self.random.random() < 0.2:
            self._aliases += 1
            text = f"a{self._aliases}: {text}"
        return text

    def _wrapped(self, kind: GraphQLObjectType, text: str) -> str:
        """The same selection in a fragment, under a directive, or twice."""
        dice = self.random.random()
        directive = f"@{self.random.choice(['include', 'skip'])}(if: {self.random.choice(FLAGS)})"
        if dice < 0.08:
            return f"... on {kind.name} {directive} {{ {text} }}"
        if dice < 0.16:
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {kind.name} {{ {text} }}")
            return f"...{name} {self.random.choice(['', directive])}"
        if dice < 0.24:
            return f"... {{ {text} }} {text}"
        if dice < 0.32 and "{" not in text:
            return f"{text} {directive}"
        return text

    def _argument(self, kind: GraphQLInputType, *, needed: bool) -> str | None:
        """A literal or a variable; None for an argument that is left out."""
        if not needed and self.random.random() < 0.6:
            return None
        named = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if not needed and str(named) == "Int" and self.random.random() < 0.5:
            return self.random.choice(["$size", "$absent"])
        if not needed and self.random.random() < 0.1:
            return "null"
        return self._literal(named)

    def _literal(self, kind: GraphQLInputType) -> str:
        if isinstance(kind, GraphQLNonNull):
            return self._literal(kind.of_type)
        if isinstance(kind, GraphQLList):
            return f"[{', '.join(self._literal(kind.of_type) for _ in range(self.random.randint(0, 2)))}]"
        if isinstance(kind, GraphQLEnumType):
            return self.random.choice([str(name) for name in kind.values])
        if isinstance(kind, GraphQLInputObjectType):
            given = {
                name: self._argument(each.type, needed=isinstance(each.type, GraphQLNonNull))
                for name, each in kind.fields.items()
            }
            return f"{{{', '.join(f'{name}: {value}' for name, value in given.items() if value and value[0] != '$')}}}"
        usual = {"Int": ["1", "2", "3"], "Boolean": ["true", "false"], "String": ['"a"', '""']}
        chosen = self.literals.get(str(kind)) or usual.get(str(kind)) or ['"2026-01-01T00:00:00Z"']
        return self.random.choice(chosen)
