"""Faults on request: late, refused, failed, lost or malformed answers, before or after the work is done."""

import asyncio
import re
from decimal import Decimal
from enum import Enum
from random import Random
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from xero.simulator.elements import Element, PartError
from xero.simulator.limits import too_many
from xero.simulator.wire import encode, problem, text_response, unreadable

_decoder = msgspec.json.Decoder(float_hook=Decimal)
CUT_EXTENSION = "tandem.cut"
"""Key in the ASGI scope's extensions of a callable that cuts the connection; the server that `serve` runs has it."""


class Kind(Enum):
    DELAY = "delay"
    STATUS = "status"
    DROP = "drop"
    MALFORM = "malform"
    REFUSE = "refuse"
    WARN = "warn"


Part = Literal["Contact", "Phones", "Addresses", "ContactPersons", "LineItems"]


class Fault(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Strikes requests whose method and path match (`path` is a regular expression, without case).

    `when` says whether the work is done before the fault; DELAY makes the work itself late (an answer replayed for a
    key is not), MALFORM comes after it, and a DROP `later` cuts the connection while the request still travels: it
    lands when `seconds` of the world's clock have passed. `count` is how often a fault strikes, unbounded if None;
    `probability` is drawn from the world's seed. DELAY takes `seconds`. STATUS takes `status` of 400 (the whole body is
    refused), 401 or 403 (in `form`: Xero's own problem JSON with `detail`, or HTML or text as from a proxy), 429 (with
    `limit` and `retry_after`), 500, 502, 503 or 504. REFUSE takes the first element of a write of contacts, invoices or
    credit notes out, as if Xero refused it with `message`, on its `part` where one is given. WARN adds a Warning to the
    first element of an answer.
    """

    kind: Kind
    when: Literal["before", "after", "later"] = "before"
    seconds: float = 0.0
    status: Literal[400, 401, 403, 429, 500, 502, 503, 504] = 500
    form: Literal["problem", "html", "text"] = "problem"
    detail: str = "AuthenticationUnsuccessful"
    message: str = "The simulator was asked to say this."
    part: Part | None = None
    limit: Literal["minute", "day", "concurrent", "appminute"] = "minute"
    retry_after: int | None = None
    method: str | None = None
    path: str = ".*"
    count: int | None = 1
    probability: float = 1.0

    def matches(self, method: str, path: str) -> bool:
        return self.method in (None, method) and re.search(self.path, path, re.IGNORECASE) is not None

    @property
    def at_gate(self) -> bool:
        """Whether it strikes before the request is looked at: such an outcome is remembered for no key."""
        if self.kind is Kind.DROP:
            return self.when in ("before", "later")
        return self.kind is Kind.STATUS and self.when == "before" and self.status not in (400, 500)


class Chaos(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Random faults for a whole run: about `level` of the calls that match `path` meet one. `delay` is how
    late an answer comes, `late` how long after the cut a request takes effect; both in seconds."""

    level: float
    seed: int = 1
    delay: float = 0.05
    late: float = 120.0
    path: str = "/api.xro/"

    def faults(self) -> list[Fault]:
        shapes: list[dict[str, Any]] = [
            {"kind": Kind.DELAY, "seconds": self.delay},
            *(
                {"kind": Kind.STATUS, "status": 429, "limit": limit, "retry_after": wait}
                for limit, wait in _LIMITED
            ),
            *({"kind": Kind.STATUS, "status": status, "when": when} for status in _FAILED for when in _WHENS),
            {"kind": Kind.STATUS, "status": 503},
            *({"kind": Kind.DROP, "when": when} for when in _WHENS),
            {"kind": Kind.DROP, "when": "later", "seconds": self.late},
        ]
        each = 1 - (1 - self.level) ** (1 / len(shapes))
        return [Fault(**shape, path=self.path, count=None, probability=each) for shape in shapes]


_LIMITED = (("minute", 5), ("day", 30), ("appminute", 5), ("concurrent", None))
_FAILED = (500, 502, 504)
_WHENS = ("before", "after")


class CutConnectionError(ConnectionResetError):
    """Reaches the caller of an in-process transport in place of an answer."""


class Faults:
    def __init__(self, seed: int) -> None:
        self.armed: list[Fault] = []
        self.struck: dict[str, int] = {}
        self._random = Random(seed)  # noqa: S311 - chance that can be repeated, nothing secret

    def arm(self, fault: Fault) -> None:
        """Arm the fault. Raise re.error for a path that is no regular expression."""
        re.compile(fault.path)
        self.armed.append(fault)

    def unleash(self, chaos: Chaos) -> None:
        """Replace the armed faults. Raise re.error as `arm` does, and ValueError for a level that is no share."""
        if not 0 <= chaos.level < 1:
            raise ValueError("level is a share of the calls, below 1")
        self.clear()
        self._random.seed(chaos.seed)
        for fault in chaos.faults():
            self.arm(fault)

    def clear(self) -> None:
        self.armed.clear()

    def claim(self, method: str, path: str) -> list[Fault]:
        """The faults that strike this request, in the order armed. Each use is counted."""
        claimed = [f for f in self.armed if f.matches(method, path) and self._strikes(f)]
        for fault in claimed:
            if fault.count is not None:
                fault.count -= 1
            name = fault.kind.value
            self.struck[name] = self.struck.get(name, 0) + 1
        self.armed = [f for f in self.armed if f.count is None or f.count > 0]
        return claimed

    def _strikes(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._random.random() < fault.probability


async def delay(faults: list[Fault]) -> None:
    for fault in faults:
        if fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.seconds)


async def strike(request: Request, faults: list[Fault], when: str) -> Response | None:
    """The answer of the first fault of that time that gives one. A DROP cuts the connection."""
    for fault in faults:
        if fault.when != when:
            continue
        if fault.kind is Kind.DROP:
            await cut(request)
        if fault.kind is Kind.STATUS:
            return _status_answer(fault)
    return None


async def cut(request: Request) -> None:
    """End the connection without an answer. Always raises CutConnectionError."""
    cut_transport = request.scope.get("extensions", {}).get(CUT_EXTENSION)
    if cut_transport is not None:
        cut_transport()
        while (await request.receive())["type"] != "http.disconnect":
            pass
    raise CutConnectionError("the simulator cut the connection, as it was asked to")


def alter(response: Response, faults: list[Fault]) -> Response:
    """Apply MALFORM or WARN to the first element of the answer's list: make it unreadable, or add a warning."""
    altering = [fault for fault in faults if fault.kind in (Kind.MALFORM, Kind.WARN)]
    if not altering:
        return response
    content = _decoder.decode(response.body)
    elements = next((v for v in content.values() if isinstance(v, list) and v), [])
    for fault in altering if elements else ():
        if fault.kind is Kind.MALFORM:
            elements[0] |= _nonsense(elements[0])
        else:
            warned = elements[0] if fault.part is None else _part(elements[0], fault.part)
            warned["Warnings"] = [*warned.get("Warnings", []), {"Message": fault.message}]
    return Response(encode(content), response.status_code, media_type="application/json; charset=utf-8")


def _part(element: Element, part: Part) -> Element:
    """The part itself, the first of several; the element where it shows no such part."""
    shown = element.get(part)
    found: Element = shown[0] if isinstance(shown, list) and shown else shown or element
    return found


def blame(faults: list[Fault], errors: list[str], part_errors: list[PartError]) -> None:
    """Add the message of REFUSE to the errors of an element."""
    for fault in faults:
        if fault.kind is not Kind.REFUSE:
            continue
        if fault.part is None:
            errors.append(fault.message)
        else:
            part_errors.append(PartError(fault.part, 0, fault.message))


def _nonsense(element: dict[str, Any]) -> dict[str, Any]:
    wrong: dict[str, Any] = {"Name": ["?"], "UpdatedDateUTC": "yesterday", "Phones": "none"}
    return {name: value for name, value in wrong.items() if name in element}


def _status_answer(fault: Fault) -> Response:
    if fault.status in (401, 403):
        return _gate_answer(fault)
    if fault.status == 429:
        return too_many(fault.limit, fault.retry_after).response
    if fault.status == 400:
        return unreadable("The request could not be read.").response
    if fault.status == 503:
        return text_response("The Organisation is offline", 503)
    return HTMLResponse(f"<html><body><h1>{fault.status} Server Error</h1></body></html>", fault.status)


def _gate_answer(fault: Fault) -> Response:
    title = "Unauthorized" if fault.status == 401 else "Forbidden"
    if fault.form == "problem":
        return problem(fault.status, title, fault.detail).response
    if fault.form == "text":
        return text_response(f"{fault.status} {title}", fault.status)
    return HTMLResponse(f"<html><body><h1>{fault.status} {title}</h1></body></html>", fault.status)
