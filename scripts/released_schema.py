"""Writes tests/released.graphql: what clients of this version rely on. `make released-schema` runs it at a release."""

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

from graphql import Visitor, parse, print_ast, visit

ROOT = Path(__file__).resolve().parent.parent


class WithoutDescriptions(Visitor):
    def enter(self, node: Any, *_: object) -> Any:
        return dataclasses.replace(node, description=None) if getattr(node, "description", None) else None


def main() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    schema = visit(parse((ROOT / "schema.graphql").read_text(), no_location=True), WithoutDescriptions())
    (ROOT / "tests" / "released.graphql").write_text(
        f"# The schema of version {version}, without descriptions. `make released-schema` writes this file.\n\n"
        f"{print_ast(schema)}\n"
    )


if __name__ == "__main__":
    main()
