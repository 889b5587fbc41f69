"""Checks an answer against Xero's own OpenAPI description, if a copy is at hand."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft7Validator

_PLACES = [
    Path(os.environ.get("TANDEM_SHARED", "/nonexistent")),
    Path(__file__).parents[3].parent / "shared",
]
_DESCRIPTION = next(
    (p for place in _PLACES if (p := place / "xero/openapi/xero_accounting.yaml").exists()), None
)

DESCRIBED = _DESCRIPTION is not None

# In the description's own examples, but not in its schemas.
_UNLISTED = {
    "Invoice": ("DateString", "DueDateString"),
    "CreditNote": ("DateString",),
    "Phone": ("ValidationErrors",),
    "Address": ("ValidationErrors",),
}


@cache
def description() -> dict[str, Any]:
    assert _DESCRIPTION is not None
    loaded: dict[str, Any] = yaml.load(_DESCRIPTION.read_text(), Loader=yaml.CSafeLoader)
    for name, schema in loaded["components"]["schemas"].items():
        # The description lists properties only; a misspelt one would pass unseen.
        if "properties" in schema and name not in ("Element", "Error"):
            schema["additionalProperties"] = False
    for name, unlisted in _UNLISTED.items():
        loaded["components"]["schemas"][name]["properties"] |= {each: {} for each in unlisted}
    return loaded


def problems(name: str, answer: httpx.Response) -> list[str]:
    """The errors that the schema of that name finds, without the envelope."""
    assert answer.status_code == 200, answer.text
    content = {
        k: v for k, v in answer.json().items() if k not in ("Id", "Status", "ProviderName", "DateTimeUTC")
    }
    schema = {"$ref": f"#/components/schemas/{name}", "components": description()["components"]}
    return [f"{list(e.absolute_path)}: {e.message}" for e in Draft7Validator(schema).iter_errors(content)]
