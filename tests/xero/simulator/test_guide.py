"""docs/SIMULATOR.md names every control route, and each of its examples works."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from starlette.routing import Match, Route

from tests.xero.simulator.serving import connected, small_world
from xero.simulator.control import control_routes
from xero.simulator.ledger_control import ledger_control_routes

GUIDE = Path(__file__).resolve().parents[3] / "docs/SIMULATOR.md"
_ROW = re.compile(r"\| `(GET|POST|PUT|DELETE) ([^`]+)` \| (?:`(.*)` )?\| .+ \|")
_IDS = {"ContactID": "contact", "InvoiceID": "invoice", "CreditNoteID": "creditnote"}


class Example(NamedTuple):
    method: str
    path: str
    body: str


def examples() -> list[Example]:
    rows = (_ROW.fullmatch(line) for line in GUIDE.read_text().splitlines())
    return [
        Example(row[1], row[2].replace("ORG/", "/simulator/organisations/{tenant}/"), row[3] or "")
        for row in rows
        if row
    ]


def filled(text: str, known: dict[str, str]) -> str:
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def learn(known: dict[str, str], answer: Any) -> None:
    """The ids that later rows name in braces: of the object answered, or of the first and last contact added."""
    if not isinstance(answer, dict):
        return
    added = answer.get("Contacts")
    if added:
        known["contact"], known["other"] = added[0]["ContactID"], added[-1]["ContactID"]
    for member, name in _IDS.items():
        if member in answer:
            known.setdefault(name, answer[member])
    if answer.get("Payments"):
        known["payment"] = answer["Payments"][-1]["PaymentID"]


def route_of(example: Example) -> Route:
    """The route of the example; names in braces are kept."""
    scope = {"type": "http", "method": example.method, "path": example.path, "root_path": "", "headers": []}
    [found] = [
        route
        for route in (*control_routes(), *ledger_control_routes())
        if route.matches(scope)[0] is Match.FULL
    ]
    return found


def test_every_control_route_is_documented() -> None:
    documented = {(route_of(example).path, example.method) for example in examples()}
    served = {
        (route.path, method)
        for route in (*control_routes(), *ledger_control_routes())
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert documented == served


async def test_every_documented_example_works() -> None:
    async with connected(small_world()) as http:
        known = {"tenant": http.headers["Xero-Tenant-Id"]}
        refused = []
        for example in examples():
            answer = await send(http, example, known)
            if answer.status_code >= 300:
                refused.append((example, answer.text))
            if answer.content:
                learn(known, answer.json())
        assert refused == []


async def send(http: httpx.AsyncClient, example: Example, known: dict[str, str]) -> httpx.Response:
    path, body = filled(example.path, known), filled(example.body, known)
    assert "{" not in path, f"no row before gave what {example.path} names"
    return await http.request(example.method, path, json=json.loads(body) if body else None)
