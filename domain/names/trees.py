"""Small boosted trees, computed without the library that trained them. Pure.

A tree is a leaf (a number) or a node [feature, threshold, below, above]. `below` is taken if the feature's value is at
most the threshold. The sum of all trees is a log-odds.
"""

from collections.abc import Sequence
from typing import TypeAlias

Tree: TypeAlias = "float | tuple[int, float, Tree, Tree]"
Written: TypeAlias = "float | list[int | float | Written]"


def read_trees(written: Sequence[Written]) -> tuple[Tree, ...]:
    """The trees from their JSON form."""
    return tuple(_read(tree) for tree in written)


def add_up(trees: tuple[Tree, ...], features: Sequence[float]) -> float:
    total = 0.0
    for node in trees:
        while type(node) is tuple:
            feature, threshold, below, above = node
            node = below if features[feature] <= threshold else above
        total += node  # type: ignore[operator]  # a leaf: mypy does not narrow by `type(...) is`
    return total


def _read(node: Written) -> Tree:
    if not isinstance(node, list):
        return float(node)
    feature, threshold, below, above = node
    assert isinstance(feature, int)
    assert isinstance(threshold, int | float)
    return (feature, float(threshold), _read(below), _read(above))
