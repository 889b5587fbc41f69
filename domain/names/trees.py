"""Small boosted trees, computed without the library that trained them. Pure.

A tree is a leaf (a number) or a node [feature, threshold, below, above]. `below` is taken if the feature's value is at
most the threshold. The sum of all trees is a log-odds.
"""

import math
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


class Forest:
    """Trees whose sum is computed only as far as it matters."""

    _STEP = 25

    def __init__(self, trees: tuple[Tree, ...]) -> None:
        self.trees = trees
        steps = [trees[at : at + self._STEP] for at in range(0, len(trees), self._STEP)]
        most = 0.0
        after: list[float] = []
        for step in reversed(steps):
            after.append(most)
            most += sum(map(_most, step))
        self._steps = tuple(zip(steps, reversed(after), strict=True))

    def add_up(self, features: Sequence[float], least: float = -math.inf) -> float:
        """The sum of the trees; minus infinity as soon as the sum cannot reach `least`."""
        total = 0.0
        for trees, most in self._steps:
            total += add_up(trees, features)
            if total + most < least:
                return -math.inf
        return total


def _most(tree: Tree) -> float:
    return max(_most(tree[2]), _most(tree[3])) if isinstance(tree, tuple) else tree


def _read(node: Written) -> Tree:
    if not isinstance(node, list):
        return float(node)
    feature, threshold, below, above = node
    assert isinstance(feature, int)
    assert isinstance(threshold, int | float)
    return (feature, float(threshold), _read(below), _read(above))
