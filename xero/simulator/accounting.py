"""The Accounting API under /api.xro/2.0: authentication, rate limits, contacts and settings."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xero.simulator import faults as fault_rules
from xero.simulator.contact_input import ContactInput, parse_contact
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contact_writes import (
    Outcome,
    create_contact,
    render_outcome,
    render_refused,
    update_contact,
    upsert_contact,
)
from xero.simulator.elements import parse_elements
from xero.simulator.listing import choose_rows, list_contacts, parse_if_modified_since
from xero.simulator.simulation import Simulation
from xero.simulator.tokens import Access
from xero.simulator.wire import (
    Refusal,
    envelope,
    json_response,
    no_data,
    not_found,
    problem,
    text_response,
    validation_exception,
)
from xero.simulator.world import Organisation
from xero.simulator.xml import as_xml, wants_xml

ROOT = "/api.xro/2.0"


class Call(msgspec.Struct):
    """One admitted request: its access token, its organisation, its time and the faults that apply to it."""

    simulation: Simulation
    request: Request
    access: Access
    organisation: Organisation
    now: datetime
    faults: list[fault_rules.Fault] = []

    def answer(self, **content: object) -> Response:
        app = self.simulation.world.apps[self.access.client_id]
        return json_response(envelope(app.name, self.now, **content))

    def note(self, *outcomes: Outcome) -> None:
        """Count the written objects, announce them to subscribers, and store them."""
        for outcome in outcomes:
            self.simulation.note_write(self.organisation, outcome, self.access.client_id)
        self.simulation.world.changed()


Operation = Callable[[Call], Awaitable[Response]]


def endpoint(operation: Operation, *scopes: str) -> Callable[[Request], Awaitable[Response]]:
    """Admit, count and answer one request. Any one of `scopes` suffices."""

    async def respond(request: Request) -> Response:
        simulation: Simulation = request.app.state.simulation
        simulation.log_call(request.method, request.url.path, request.headers.get("xero-tenant-id", ""))
        try:
            response = await _respond(simulation, request, operation, scopes)
        except Refusal as refusal:
            response = refusal.response
        except fault_rules.CutConnectionError:
            simulation.count(request.method, "cut")
            raise
        simulation.count(request.method, response.status_code)
        return response

    return respond


async def _respond(
    simulation: Simulation, request: Request, operation: Operation, scopes: tuple[str, ...]
) -> Response:
    await simulation.catch_up()
    access = authenticate(simulation, request, scopes)
    organisation = _get_organisation(simulation, request, access)
    call = Call(simulation, request, access, organisation, simulation.world.clock())
    with simulation.limiter.call(access.client_id, organisation.id, call.now) as remaining:
        response = await _with_faults(call, operation)
    # The answer may be one that is remembered for its key: it is copied, not altered.
    answer = Response(response.body, response.status_code, dict(response.headers))
    if wants_xml(request):
        answer = as_xml(answer)
    answer.headers.update(remaining.headers())
    return answer


def authenticate(simulation: Simulation, request: Request, scopes: tuple[str, ...] = ()) -> Access:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    access = simulation.tokens.find_access(token) if kind.lower() == "bearer" else None
    if access is None or access.client_id not in simulation.world.apps:
        raise problem(401, "Unauthorized", "AuthenticationUnsuccessful")
    if access.expires <= simulation.world.clock():
        when = access.expires.strftime("%m/%d/%Y %H:%M:%S")
        raise problem(401, "Unauthorized", f"TokenExpired: token expired at {when}")
    if scopes and not access.scopes & set(scopes):
        challenge = {"WWW-Authenticate": 'Bearer error="insufficent_scope"'}
        raise problem(401, "Unauthorized", "AuthorizationUnsuccessful", challenge)
    return access


def _get_organisation(simulation: Simulation, request: Request, access: Access) -> Organisation:
    world = simulation.world
    tenant_id = request.headers.get("Xero-Tenant-Id", "").lower()
    if not tenant_id and access.user_id is None:
        tenant_id = world.apps[access.client_id].custom_tenant or ""
    if world.find_connection(access.client_id, access.user_id, tenant_id) is None:
        raise problem(403, "Forbidden", "AuthenticationUnsuccessful")
    return world.organisations[tenant_id]


async def _with_faults(call: Call, operation: Operation) -> Response:
    """A 400 or 500 is remembered for its idempotency key like any outcome. A call that is refused or cut before is not."""
    request = call.request
    armed = call.faults = call.simulation.faults.claim(request.method, request.url.path)
    at_gate = [fault for fault in armed if fault.at_gate]
    if at_gate:
        await fault_rules.delay(armed)
        await _postpone(call, operation, at_gate)
        refused = await fault_rules.strike(request, at_gate, "before")
        if refused is not None:
            return refused

    async def perform() -> Response:
        await fault_rules.delay(armed)
        failed = await fault_rules.strike(request, armed, "before")
        return failed or await _perform(call, operation)

    response = await call.simulation.idempotency.answer(call.access.client_id, request, perform)
    late = await fault_rules.strike(request, armed, "after")
    return late or fault_rules.alter(response, armed)


async def _postpone(call: Call, operation: Operation, at_gate: list[fault_rules.Fault]) -> None:
    """Cut the connection while the request is on its way. The request takes effect later, under its key."""
    late = next((fault for fault in at_gate if fault.when == "later"), None)
    if late is None:
        return
    await call.request.body()
    simulation = call.simulation

    async def land() -> Response:
        landed = replace(call, now=simulation.world.clock())
        return await simulation.idempotency.answer(
            call.access.client_id, call.request, lambda: _perform(landed, operation)
        )

    simulation.postpone(late.seconds, land)
    await fault_rules.cut(call.request)


async def _perform(call: Call, operation: Operation) -> Response:
    try:
        return await operation(call)
    except Refusal as refusal:
        return refusal.response


async def read_contacts(call: Call) -> Response:
    return call.answer(**list_contacts(call.request, call.organisation.contacts.visible(call.now)))


async def read_contact(call: Call) -> Response:
    book = call.organisation.contacts.visible(call.now)
    contact = book.find_by_id_or_number(call.request.path_params["key"])
    if contact is None:
        return not_found()
    return call.answer(Contacts=[render_contact(contact, Form.DETAIL)])


async def _asked(call: Call) -> list[ContactInput]:
    inputs = [parse_contact(element) for element in parse_elements(await call.request.body(), "Contacts")]
    fault_rules.blame(call.faults, inputs[0].errors, inputs[0].part_errors)
    return inputs


async def put_contacts(call: Call) -> Response:
    book = call.organisation.contacts
    return _answer_batch(call, [create_contact(book, asked, call.now) for asked in await _asked(call)])


async def post_contacts(call: Call) -> Response:
    book = call.organisation.contacts
    return _answer_batch(call, [upsert_contact(book, asked, call.now) for asked in await _asked(call)])


async def post_contact(call: Call) -> Response:
    book = call.organisation.contacts
    contact = book.find(call.request.path_params["key"])
    if contact is None:
        return not_found()
    inputs = await _asked(call)
    if len(inputs) != 1:
        raise no_data()
    outcome = update_contact(book, contact, inputs[0], call.now)
    call.note(outcome)
    if outcome.contact is None:
        return validation_exception([render_refused(outcome)])
    return call.answer(Contacts=[render_contact(outcome.contact, Form.WRITTEN)])


def _answer_batch(call: Call, outcomes: list[Outcome]) -> Response:
    """Answer a batch. With summarizeErrors, Xero's default, one bad element gives a 400 without the good ones, which are saved."""
    call.note(*outcomes)
    if not is_summarised(call.request):
        return call.answer(Contacts=[render_outcome(outcome, with_status=True) for outcome in outcomes])
    bad = [render_refused(outcome) for outcome in outcomes if outcome.contact is None]
    if bad:
        return validation_exception(bad)
    return call.answer(Contacts=[render_outcome(outcome, with_status=False) for outcome in outcomes])


def is_summarised(request: Request) -> bool:
    return request.query_params.get("summarizeErrors", "true").lower() != "false"


async def read_currencies(call: Call) -> Response:
    return call.answer(Currencies=choose_rows(call.request, call.organisation.currencies))


async def read_organisation(call: Call) -> Response:
    return call.answer(Organisations=[call.organisation.details])


async def read_accounts(call: Call) -> Response:
    accounts = choose_rows(call.request, call.organisation.accounts)
    since = parse_if_modified_since(call.request)
    if since is not None:
        first = int(since.timestamp() * 1000)
        accounts = [a for a in accounts if int(a["UpdatedDateUTC"][6:-7]) > first]
    return call.answer(Accounts=accounts)


async def read_account(call: Call) -> Response:
    key = call.request.path_params["key"].lower()
    found = [account for account in call.organisation.accounts if account["AccountID"] == key]
    return call.answer(Accounts=found) if found else not_found()


async def read_tax_rates(call: Call) -> Response:
    return call.answer(TaxRates=choose_rows(call.request, call.organisation.tax_rates))


async def read_tax_rate(call: Call) -> Response:
    key = call.request.path_params["key"]
    found = [rate for rate in call.organisation.tax_rates if rate["TaxType"] == key]
    return call.answer(TaxRates=found) if found else not_found()


async def not_implemented(call: Call) -> Response:
    return text_response(f"{call.request.method} is not there for this resource", 501)


_CONTACTS_READ = ("accounting.contacts", "accounting.contacts.read")
_SETTINGS_READ = ("accounting.settings", "accounting.settings.read")


def accounting_routes() -> list[Route]:
    """Contacts and settings. Invoices, credit notes and payments are in `invoicing`."""
    contacts = endpoint(read_contacts, *_CONTACTS_READ)
    settings: list[tuple[str, Operation]] = [
        ("Organisation", read_organisation),
        ("Organisations", read_organisation),
        ("Currencies", read_currencies),
        ("Accounts", read_accounts),
        ("Accounts/{key}", read_account),
        ("TaxRates", read_tax_rates),
        ("TaxRates/{key}", read_tax_rate),
    ]
    routes = [
        Route(f"{ROOT}/Contacts", contacts, methods=["GET"]),
        Route(f"{ROOT}/Contacts", endpoint(put_contacts, "accounting.contacts"), methods=["PUT"]),
        Route(f"{ROOT}/Contacts", endpoint(post_contacts, "accounting.contacts"), methods=["POST"]),
        Route(f"{ROOT}/Contacts/{{key}}", endpoint(read_contact, *_CONTACTS_READ), methods=["GET"]),
        Route(f"{ROOT}/Contacts/{{key}}", endpoint(post_contact, "accounting.contacts"), methods=["POST"]),
    ]
    for path, operation in settings:
        routes.append(Route(f"{ROOT}/{path}", endpoint(operation, *_SETTINGS_READ), methods=["GET"]))
        others = endpoint(not_implemented, "accounting.settings")
        routes.append(Route(f"{ROOT}/{path}", others, methods=["POST", "PUT", "DELETE"]))
    return routes
