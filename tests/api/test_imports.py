"""Modules of api import each other in one direction. Only the nouns of api/schema may refer to each other, by lazy references."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOUNS = "api.schema"


def imports() -> dict[str, set[str]]:
    """Each module of api and those that it imports, also where only a type checker does."""
    trees = {name_of(path): ast.parse(path.read_text()) for path in (ROOT / "api").rglob("*.py")}
    return {name: set(imported(tree)) & trees.keys() - {name} for name, tree in trees.items()}


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.Module) -> list[str]:
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_only_the_types_of_the_schema_import_each_other_in_a_circle() -> None:
    graph = imports()
    assert "api.errors" in graph["api.http.view"]
    # Between two nouns an import counts for nothing; to and from them it counts.
    without = {
        name: {other for other in others if not (name.startswith(NOUNS) and other.startswith(NOUNS))}
        for name, others in graph.items()
    }
    assert circle(without) == []


def test_the_search_for_circles_finds_one() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
