"""A small client of Tandem's API: httpx and nothing else."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx


class TandemError(Exception):
    """The API could not do what it was asked. `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Tandem:
    """`attempts`: how often a request is sent at most. `wait` sleeps for a number of seconds."""

    http: httpx.Client
    attempts: int = 4
    wait: Callable[[float], None] = time.sleep

    @classmethod
    def at(cls, url: str, token: str) -> "Tandem":
        return cls(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30))

    def ask(self, query: str, *, repeatable: bool = True, **variables: Any) -> Any:
        """The data of the answer.

        A request over the rate limit (429) was not done, so it is sent again after the seconds in Retry-After. If no answer came,
        or 503, the request may have been done: it is sent again only if it is `repeatable`. Queries are, and mutations with an
        idempotency key.
        """
        for attempt in range(1, self.attempts):
            try:
                answer = self._post(query, variables)
            except httpx.TransportError:
                if not repeatable:
                    raise
                self.wait(2.0**attempt)
                continue
            if answer.status_code != 429 and not (answer.status_code == 503 and repeatable):
                return data_of(answer)
            self.wait(float(answer.headers.get("retry-after", 2**attempt)))
        return data_of(self._post(query, variables))

    def _post(self, query: str, variables: dict[str, Any]) -> httpx.Response:
        return self.http.post("/graphql", json={"query": query, "variables": variables})

    def change(self, query: str, given: dict[str, Any], *, repeatable: bool = False) -> Any:
        """The payload of one mutation. Raises what a person has to correct, with the place in the input."""
        [payload] = self.ask(query, repeatable=repeatable, input=given).values()
        for error in payload["userErrors"]:
            place = ".".join(error["path"] or ["input"])
            raise TandemError(error["code"], f"{place}: {error['message']}")
        return payload

    def pages(self, query: str, **variables: Any) -> Iterator[dict[str, Any]]:
        """All nodes of a list. The query has one list, with `after: $after`, and asks for `pageInfo`."""
        after = None
        while True:
            [found] = self.ask(query, after=after, **variables).values()
            yield from (edge["node"] for edge in found["edges"])
            if not found["pageInfo"]["hasNextPage"]:
                return
            after = found["pageInfo"]["endCursor"]

    def follow(self, query: str, after: str | None = None) -> Iterator[dict[str, Any]]:
        """Events of `syncStatus`, without end. After a lost connection the stream goes on behind the newest event."""
        while True:
            try:
                for event in self._events(query, after):
                    after = event["cursor"]
                    yield event
            except httpx.TransportError:
                pass  # the connection was lost
            self.wait(1.0)

    def _events(self, query: str, after: str | None) -> Iterator[dict[str, Any]]:
        body = {"query": query, "variables": {"after": after}}
        headers = {"Accept": "text/event-stream"}
        with self.http.stream("POST", "/graphql", json=body, headers=headers) as answer:
            if answer.status_code != 200:
                answer.read()
                data_of(answer)
            for line in answer.iter_lines():
                if line.startswith("data: {"):
                    result = json.loads(line.removeprefix("data: "))
                    raise_first(result.get("errors"))
                    yield result["data"]["syncStatus"]


def data_of(answer: httpx.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        raise TandemError("HTTP", f"{answer.status_code} from {answer.url}") from None
    raise_first(body.get("errors"))
    return body["data"]


def raise_first(errors: list[dict[str, Any]] | None) -> None:
    for error in errors or []:
        raise TandemError(error.get("extensions", {}).get("code", "UNKNOWN"), error["message"])


CREATE_INVOICE = """mutation($input: CreateInvoiceInput!) { createInvoice(input: $input) {
  invoice { id number total } userErrors { code message path } } }"""


def create_invoice(tandem: Tandem, order: str, contact: str, price: Decimal, **line: str) -> dict[str, Any]:
    """One invoice for an order of another system. The order's number is the idempotency key: a second call within 24 hours
    gives the same invoice."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    given = {
        "contactId": contact,
        "reference": order,
        "issueDate": today,
        "dueDate": today,
        "lines": [{"description": f"Order {order}", "quantity": "1", "unitPrice": str(price), **line}],
        "idempotencyKey": f"order-{order}",
    }
    invoice: dict[str, Any] = tandem.change(CREATE_INVOICE, given, repeatable=True)["invoice"]
    return invoice | {"total": Decimal(invoice["total"])}
