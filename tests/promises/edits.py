"""Edits of the code by meaning: a refactoring that keeps the meaning does not have to change them.

An edit names a place and some words.

- The place is `package.module:function`, `package.module:Class.method`, `package.module:CONSTANT`, or a module without a
  name. A package in place of a module stands for all its modules, so that a function may move between them.
- The words are names, attributes, keys or keywords of Python that the condition or statement contains. The edit means the
  smallest condition or statement that contains all of them. Exactly one must be found.

Line breaks, module aliases, and the difference between `row["name"]` and `row.name` do not matter.

    always, never   a condition becomes True or False
    when            a condition becomes another condition
    skip            a statement that only calls a function is removed
    give, omit      a name is given another value (assignment, keyword or key), or the keyword or key is removed
    swap            an expression becomes another expression
    instead         a statement becomes other statements
    sql             a short fragment of SQL becomes another fragment

In the new code, OLD stands for the code that was there.
"""

import ast
import copy
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

OLD = re.compile(r"\bOLD\b")


class Stale(Exception):
    """The edit does not find exactly one place. The message says how many places it finds."""


@dataclass(frozen=True)
class Change:
    """A range of bytes in a module's text, and the text that replaces it."""

    begin: int
    end: int
    new: str


@dataclass(frozen=True)
class Module:
    text: bytes
    tree: ast.Module
    lines: tuple[int, ...]
    """Where each line begins, in bytes."""

    def span(self, node: ast.AST) -> tuple[int, int]:
        if isinstance(node, ast.Module):
            return 0, len(self.text)
        part = cast(ast.expr, node)
        assert part.end_lineno is not None
        assert part.end_col_offset is not None
        first = min([part.lineno, *(one.lineno for one in getattr(part, "decorator_list", []))])
        begin = self.lines[first - 1] + part.col_offset
        return begin, self.lines[part.end_lineno - 1] + part.end_col_offset

    def source(self, node: ast.AST) -> str:
        begin, end = self.span(node)
        return self.text[begin:end].decode()

    def contains(self, node: ast.AST, words: Sequence[str]) -> bool:
        source = self.source(node)
        return all(word in source for word in words) and set(words) <= set(re.findall(r"\w+", source))

    def replace(self, node: ast.AST, new: str) -> Change:
        begin, end = self.span(node)
        return Change(begin, end, OLD.sub(lambda _: self.source(node), new))


@cache
def parsed(text: str) -> Module:
    starts = [0]
    for line in text.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return Module(text.encode(), ast.parse(text), tuple(starts))


Search = Callable[[Module, ast.AST], Iterator[Change]]


@dataclass(frozen=True)
class Edit:
    where: str
    told: str
    find: Search

    def apply(self, folder: Path) -> Path:
        """Change the tree in this folder and return the path of the changed module. Raises Stale."""
        scope, _, name = self.where.partition(":")
        found = [
            (path, change)
            for path in modules(folder, scope)
            if name.rpartition(".")[2] in (text := path.read_text())
            for place in places(parsed(text).tree, name)
            for change in self.find(parsed(text), place)
        ]
        if len(found) != 1:
            raise Stale(f"{self.where}: found {len(found)} times: {self.told}")
        path, change = found[0]
        whole = path.read_bytes()
        path.write_bytes(whole[: change.begin] + change.new.encode() + whole[change.end :])
        return path


def modules(folder: Path, scope: str) -> list[Path]:
    path = folder.joinpath(*scope.split("."))
    file = path.with_suffix(".py")
    return [file] if file.is_file() else sorted(path.rglob("*.py"))


def places(tree: ast.Module, name: str) -> Iterator[ast.AST]:
    """The functions, classes and constants with this name. `Class.method` means a method of that class."""
    if not name:
        yield tree
        return
    around, _, last = name.rpartition(".")
    for outer in places(tree, around) if around else [tree]:
        for node in ast.walk(outer):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                named = node.name == last
            elif isinstance(node, ast.Assign | ast.AnnAssign) and node in tree.body:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                named = any(isinstance(one, ast.Name) and one.id == last for one in targets)
            else:
                continue
            if named and node is not outer:
                yield node


def always(where: str, words: str) -> Edit:
    """The smallest condition that contains the words becomes True."""
    return when(where, words, "True")


def never(where: str, words: str) -> Edit:
    """The smallest condition that contains the words becomes False."""
    return when(where, words, "False")


def when(where: str, words: str, condition: str) -> Edit:
    """The smallest condition that contains the words becomes `condition`.

    A condition is a test, an operand of `and` or `or`, or a comparison. `not x` is one condition; its `x` is none.
    """

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for node in _smallest(module, list(_conditions(place)), words):
            yield module.replace(node, _as_operand(condition))

    return Edit(where, f"a condition with {words}", find)


def skip(where: str, call: str, beside: str = "") -> Edit:
    """The statement that only calls the function with this name becomes `pass`. `beside`: further words in it."""

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for node in ast.walk(place):
            if isinstance(node, ast.Expr):
                value = node.value.value if isinstance(node.value, ast.Await) else node.value
                if (
                    isinstance(value, ast.Call)
                    and _last(value.func) == call
                    and module.contains(node, beside.split())
                ):
                    yield module.replace(node, "pass")

    return Edit(where, f"a statement that calls {call} {beside}", find)


def give(where: str, name: str, value: str, beside: str = "") -> Edit:
    """The value that `name` receives becomes the expression `value`.

    A name receives a value by an assignment (to a variable, an attribute or a key), as a keyword of a call, or as a key
    of a dictionary. `beside`: words in that assignment, call or dictionary.
    """

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for around, key, given in _given(place):
            if key == name and module.contains(around, beside.split()):
                yield module.replace(given, f"({value})")

    return Edit(where, f"a value given to {name} {beside}", find)


def omit(where: str, name: str, beside: str = "") -> Edit:
    """The keyword of a call, or the key of a dictionary, with this name is removed."""

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for around, key, given in _given(place):
            if key != name or not module.contains(around, beside.split()):
                continue
            less = copy.copy(around)
            if isinstance(less, ast.Call):
                less.keywords = [one for one in less.keywords if one.value is not given]
            elif isinstance(less, ast.Dict):
                kept = [n for n, one in enumerate(less.values) if one is not given]
                less.keys, less.values = [less.keys[n] for n in kept], [less.values[n] for n in kept]
            else:
                continue
            yield module.replace(around, ast.unparse(less))

    return Edit(where, f"a key {name} {beside}", find)


def swap(where: str, old: str, new: str, beside: str = "") -> Edit:
    """The expression that looks like `old` becomes `new`.

    In `old`, `...` stands for any expression, and as a last argument for all arguments that follow. A name stands for
    every dotted name that ends with it: `claim(...)` finds `deliveries.claim(tx, id)`. `row.name` finds `row["name"]`.
    `beside`: words in the statement.
    """
    form = ast.parse(old, mode="eval").body

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for statement in _statements(place):
            if module.contains(statement, beside.split()):
                for node in _own(statement):
                    if isinstance(node, ast.expr) and _is_like(form, node):
                        yield module.replace(node, _as_operand(new))

    return Edit(where, f"{old} {beside}", find)


def instead(where: str, words: str, code: str) -> Edit:
    """The smallest statement that contains the words becomes `code`."""

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        for node in _smallest(module, list(_statements(place)), words):
            begin, _ = module.span(node)
            column = begin - max(start for start in module.lines if start <= begin)
            indented = textwrap.indent(textwrap.dedent(code).strip("\n"), " " * column).lstrip()
            yield module.replace(node, indented)

    return Edit(where, f"a statement with {words}", find)


def sql(where: str, old: str, new: str) -> Edit:
    """A short fragment of SQL becomes another one. White space in `old` stands for any white space, line breaks too."""
    form = re.compile(r"\s+".join(re.escape(part) for part in re.split(r"\s+", old)))

    def find(module: Module, place: ast.AST) -> Iterator[Change]:
        begin, end = module.span(place)
        for match in form.finditer(module.text[begin:end].decode()):
            before = len(match.string[: match.start()].encode())
            yield Change(begin + before, begin + before + len(match.group().encode()), new)

    return Edit(where, f"the text {old!r}", find)


def _conditions(place: ast.AST) -> Iterator[ast.AST]:
    """Each test, each `and` or `or`, each of their operands, and each comparison."""
    found: dict[int, ast.AST] = {}
    for node in ast.walk(place):
        parts: Sequence[ast.AST] = ()
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            parts = (node.test,)
        elif isinstance(node, ast.comprehension):
            parts = node.ifs
        elif isinstance(node, ast.match_case) and node.guard:
            parts = (node.guard,)
        elif isinstance(node, ast.BoolOp):
            parts = (node, *node.values)
        elif isinstance(node, ast.Compare):
            parts = (node,)
        found |= {id(part): part for part in parts}
    for node in ast.walk(place):
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and id(node) in found:
            found.pop(id(node.operand), None)
    yield from found.values()


def _statements(place: ast.AST) -> Iterator[ast.stmt]:
    """The statements inside a function or class; a constant is a statement itself."""
    for node in ast.walk(place):
        if isinstance(node, ast.stmt) and (node is not place or isinstance(node, ast.Assign | ast.AnnAssign)):
            yield node


def _smallest(module: Module, nodes: Sequence[ast.AST], words: str) -> Iterator[ast.AST]:
    hits = [node for node in nodes if module.contains(node, words.split())]
    for hit in hits:
        inner = {id(node) for node in ast.walk(hit)} - {id(hit)}
        if not any(id(other) in inner for other in hits):
            yield hit


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of the statement, without the statements inside it."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.stmt)]


def _given(place: ast.AST) -> Iterator[tuple[ast.AST, str, ast.expr]]:
    """Each value that a name receives: the assignment, call or dictionary; the name; the value."""
    for node in ast.walk(place):
        if isinstance(node, ast.Call):
            yield from ((node, one.arg, one.value) for one in node.keywords if one.arg)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield node, key.value, value
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                    yield from (
                        (node, _last(one), value)
                        for one, value in zip(target.elts, node.value.elts, strict=True)
                    )
                else:
                    yield node, _last(target), node.value
        elif isinstance(node, ast.AnnAssign) and node.value:
            yield node, _last(node.target), node.value


def _last(node: ast.AST) -> str:
    """`c` of `a.b.c`, and of `a["c"]`."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def _is_like(form: ast.AST, node: ast.AST) -> bool:
    match form, node:
        case ast.Constant(value=value), _ if value is ...:
            return True
        case ast.Name(id=name), _ if isinstance(node, ast.Name | ast.Attribute):
            return _last(node) == name
        case ((ast.Attribute() | ast.Subscript()), (ast.Attribute() | ast.Subscript())) if _last(form):
            return _last(form) == _last(node) and _is_like(form.value, node.value)
        case ast.Call(), ast.Call():
            given = [*form.args, *form.keywords]
            there = [*node.args, *node.keywords]
            if given and isinstance(given[-1], ast.Constant) and given[-1].value is ...:
                given, there = given[:-1], there[: len(given) - 1]
            return _is_like(form.func, node.func) and _is_same(given, there)
    return type(form) is type(node) and all(
        _is_same(value, getattr(node, name)) for name, value in ast.iter_fields(form) if name != "ctx"
    )


def _is_same(value: object, other: object) -> bool:
    if isinstance(value, ast.AST) and isinstance(other, ast.AST):
        return _is_like(value, other)
    if isinstance(value, list) and isinstance(other, list):
        return len(value) == len(other) and all(map(_is_same, value, other))
    return value == other


def _as_operand(code: str) -> str:
    """The expression, in parentheses if a neighbouring operator could split it."""
    bare = isinstance(
        ast.parse(code, mode="eval").body, ast.BoolOp | ast.BinOp | ast.Compare | ast.IfExp | ast.UnaryOp
    )
    return f"({code})" if bare else code
