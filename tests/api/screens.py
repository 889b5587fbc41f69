"""The operations of the contract's screens, where the contract is at hand."""

from pathlib import Path
from typing import Any

from graphql import DocumentNode, FragmentDefinitionNode, OperationDefinitionNode, parse
from graphql.language import FragmentSpreadNode, Visitor, visit

SCREENS = Path(__file__).parents[3] / "shared/contract/screens"


class Spreads(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.names.add(node.name.value)


def operations() -> dict[str, DocumentNode]:
    """Each with the fragments that it needs."""
    found = {}
    for path in sorted(SCREENS.glob("*.graphql")):
        document = parse(path.read_text())
        fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        for node in document.definitions:
            if isinstance(node, OperationDefinitionNode):
                assert node.name is not None
                spreads = Spreads()
                visit(node, spreads)
                for name in list(spreads.names):
                    visit(fragments[name], spreads)
                parts = (node, *(fragments[name] for name in sorted(spreads.names)))
                found[node.name.value] = DocumentNode(definitions=parts)
    return found
