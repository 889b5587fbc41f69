"""Finds the functions that take or return rows whose columns have no types, and the classes that hold such rows."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAPPINGS = {"dict", "Dict", "Mapping", "MutableMapping", "defaultdict", "Row"}
"""A mapping or row of Any if its last argument is Any, or if it has no arguments."""
ALWAYS_OF_ANY = {"RowMapping"}


@dataclass(frozen=True)
class Found:
    """A parameter (or `return`) or a field of a class whose type is, or contains, a mapping or row of Any."""

    function: str
    """`package.module.Class.function`, or `package.module.Class` of a field"""
    name: str


class Annotations:
    """The annotations of some packages. Aliases are resolved, also those of other modules of these packages."""

    def __init__(self, trees: Mapping[str, ast.Module]) -> None:
        """`trees`: by path relative to the root, as `domain/tx.py`."""
        self._trees = {_module(path): tree for path, tree in trees.items()}
        self._aliases = {name: dict(_aliases(tree)) for name, tree in self._trees.items()}
        self._imports = {name: dict(_imports(tree)) for name, tree in self._trees.items()}

    def untyped(self) -> Iterator[Found]:
        for module, tree in self._trees.items():
            for function, node in _functions(tree, module):
                arguments = node.args
                given = [
                    *arguments.posonlyargs,
                    *arguments.args,
                    *arguments.kwonlyargs,
                    *filter(None, (arguments.vararg, arguments.kwarg)),
                ]
                types = [(one.arg, one.annotation) for one in given] + [("return", node.returns)]
                for name, annotation in types:
                    if annotation is not None and self._is_untyped(annotation, module):
                        yield Found(function, name)
            for owner, field in _fields(tree, module):
                if self._is_untyped(field.annotation, module):
                    yield Found(owner, _last(field.target))

    def _is_untyped(self, node: ast.AST, module: str, seen: frozenset[str] = frozenset()) -> bool:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._is_untyped(ast.parse(node.value, mode="eval").body, module, seen)
        if isinstance(node, ast.Subscript):
            base, given = _last(node.value), _arguments(node)
            if base in MAPPINGS and self._is_any(given[-1], module):
                return True
            parts = given if base in MAPPINGS else [node.value, *given]
            return any(self._is_untyped(part, module, seen) for part in parts)
        if isinstance(node, ast.Name | ast.Attribute):
            if _last(node) in MAPPINGS | ALWAYS_OF_ANY:
                return True
            place, alias = self._resolve(node, module)
            key = f"{place}.{_last(node)}"
            return alias is not None and key not in seen and self._is_untyped(alias, place, seen | {key})
        return any(self._is_untyped(child, module, seen) for child in ast.iter_child_nodes(node))

    def _is_any(self, node: ast.AST, module: str) -> bool:
        if _last(node) == "Any":
            return True
        place, alias = self._resolve(node, module)
        return alias is not None and self._is_any(alias, place)

    def _resolve(self, node: ast.AST, module: str) -> tuple[str, ast.expr | None]:
        """The module of an alias, and its definition."""
        name = _last(node)
        if isinstance(node, ast.Attribute):
            module = (
                self._imports[module].get(_last(node.value), ("", ""))[0] if module in self._imports else ""
            )
            module = module if module in self._aliases else ""
        for _ in range(5):
            if name in self._aliases.get(module, {}):
                return module, self._aliases[module][name]
            module, name = self._imports.get(module, {}).get(name, ("", name))
            module = module.rpartition(".")[0] if module not in self._aliases else module
        return "", None


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _functions(tree: ast.AST, around: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        inside = around
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inside = f"{around}.{node.name}"
            if not isinstance(node, ast.ClassDef):
                yield inside, node
        yield from _functions(node, inside)


def _fields(tree: ast.AST, around: str) -> Iterator[tuple[str, ast.AnnAssign]]:
    """The fields of classes, which are parameters too: of a dataclass or NamedTuple."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from ((f"{around}.{node.name}", one) for one in node.body if isinstance(one, ast.AnnAssign))
            yield from _fields(node, f"{around}.{node.name}")


def _aliases(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(
            node.value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute
        ):
            yield from ((one.id, node.value) for one in node.targets if isinstance(one, ast.Name))
        elif isinstance(node, ast.AnnAssign) and _last(node.annotation) == "TypeAlias" and node.value:
            yield _last(node.target), node.value


def _imports(tree: ast.Module) -> Iterator[tuple[str, tuple[str, str]]]:
    """Each name: the module that it comes from, and its name there; a module's own name has no name there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                yield one.asname or one.name, (f"{node.module}.{one.name}", one.name)
        elif isinstance(node, ast.Import):
            yield from ((one.asname or one.name, (one.name, "")) for one in node.names)


def _arguments(node: ast.Subscript) -> list[ast.expr]:
    """The types among the arguments of a generic type."""
    given = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    match _last(node.value):
        case "Literal":
            return []
        case "Annotated":
            return given[:1]
    return given


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def of(root: Path, packages: tuple[str, ...]) -> Annotations:
    paths = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
    return Annotations({str(path.relative_to(root)): ast.parse(path.read_text()) for path in paths})
