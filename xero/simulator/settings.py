"""The Accounting API's TrackingCategories, BrandingThemes, Items, Organisation/Actions, Prepayments and Overpayments.

All are read only. No organisation here has prepayments or overpayments: their lists are empty.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from xero.simulator.accounting import ROOT, Call, Operation, endpoint, not_implemented
from xero.simulator.listing import choose_rows, page_of, parse_page
from xero.simulator.wire import not_found
from xero.simulator.world import Organisation

Row = dict[str, Any]
Rows = Callable[[Organisation], list[Row]]
_ACTIONS = (
    "CreateApprovedInvoice",
    "CreateDraftInvoice",
    "CreateInvoicePayment",
    "CreateRepeatingInvoice",
    "CreateApprovedBill",
    "CreateDraftBill",
    "CreateRepeatingBill",
    "CreateDraftPurchaseOrder",
    "CreateApprovedPurchaseOrder",
    "CreateDraftQuote",
    "CreateSentQuote",
    "AttachFilesIntoInvoice",
)


async def read_actions(call: Call) -> Response:
    """The actions that the user may do. Invoices cannot be approved once the plan's sales are used up."""
    organisation = call.organisation
    allowed = dict.fromkeys(_ACTIONS, True)
    allowed["CreateApprovedInvoice"] = organisation.approvals_left != 0
    allowed["UseMulticurrency"] = len(organisation.currencies) > 1
    shown = [{"Name": name, "Status": "ALLOWED" if may else "NOT-ALLOWED"} for name, may in allowed.items()]
    return call.answer(Actions=shown)


def _reading_all(name: str, rows: Rows) -> Operation:
    async def read_all(call: Call) -> Response:
        return call.answer(**{name: choose_rows(call.request, rows(call.organisation))})

    return read_all


def _reading_one(name: str, rows: Rows, keys: tuple[str, ...]) -> Operation:
    async def read_one(call: Call) -> Response:
        key = call.request.path_params["key"]
        found = [row for row in rows(call.organisation) if key in [row[one] for one in keys]]
        return call.answer(**{name: found}) if found else not_found()

    return read_one


def _reading_none(name: str) -> Operation:
    async def read_none(call: Call) -> Response:
        page = parse_page(call.request, forced=False)
        if page is None:
            return call.answer(**{name: []})
        shown, pagination = page_of(list[Row](), page)
        return call.answer(**{"pagination": pagination, name: shown})

    return read_none


async def read_nothing(call: Call) -> Response:
    return not_found()


def _tracking(organisation: Organisation) -> list[Row]:
    shown: list[Row] = msgspec.to_builtins(organisation.catalogue.tracking)
    return shown


def _themes(organisation: Organisation) -> list[Row]:
    shown: list[Row] = msgspec.to_builtins(organisation.catalogue.themes)
    return shown


def _items(organisation: Organisation) -> list[Row]:
    shown: list[Row] = msgspec.to_builtins(organisation.catalogue.items)
    return shown


_SETTINGS = ("accounting.settings", "accounting.settings.read")
_INVOICES = (
    "accounting.invoices",
    "accounting.invoices.read",
    "accounting.transactions",
    "accounting.transactions.read",
)
_PAYMENTS = (
    "accounting.payments",
    "accounting.payments.read",
    "accounting.transactions",
    "accounting.transactions.read",
)


def settings_routes() -> list[Route]:
    """The scopes are those that FACTS of Xero's granular scopes give each resource."""
    lists: list[tuple[str, Rows, tuple[str, ...], tuple[str, ...]]] = [
        ("TrackingCategories", _tracking, ("TrackingCategoryID",), _SETTINGS),
        ("BrandingThemes", _themes, ("BrandingThemeID",), _SETTINGS),
        ("Items", _items, ("ItemID", "Code"), _INVOICES + _SETTINGS),
    ]
    routes = [_route("Organisation/Actions", read_actions, _SETTINGS)]
    for name, rows, keys, scopes in lists:
        routes.append(_route(name, _reading_all(name, rows), scopes))
        routes.append(_route(f"{name}/{{key}}", _reading_one(name, rows, keys), scopes))
        routes.append(_unwritable(name, scopes))
    for name in ("Prepayments", "Overpayments"):
        routes.append(_route(name, _reading_none(name), _PAYMENTS))
        routes.append(_route(f"{name}/{{key}}", read_nothing, _PAYMENTS))
    return routes


def _route(path: str, operation: Callable[[Call], Awaitable[Response]], scopes: tuple[str, ...]) -> Route:
    return Route(f"{ROOT}/{path}", endpoint(operation, *scopes), methods=["GET"])


def _unwritable(path: str, scopes: tuple[str, ...]) -> Route:
    return Route(f"{ROOT}/{path}", endpoint(not_implemented, *scopes), methods=["POST", "PUT", "DELETE"])
