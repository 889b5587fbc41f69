"""The routes under /simulator, for tests and the demo. These routes are not part of Xero."""

import re
from datetime import timedelta
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from xero.simulator.clock import ShiftedClock
from xero.simulator.contact_input import parse_contact
from xero.simulator.contact_json import Form, render_contact
from xero.simulator.contact_writes import Outcome, create_contact, merge_contact, update_contact
from xero.simulator.contacts import GDPRREQUEST, Contact
from xero.simulator.demo import DEMO_CLIENT_ID
from xero.simulator.elements import parse_elements
from xero.simulator.faults import Chaos, Fault
from xero.simulator.limits import Limits
from xero.simulator.simulation import Simulation
from xero.simulator.webhooks import MOST_EVENTS, Chance
from xero.simulator.wire import Refusal, json_response, not_found, truncate_to_millisecond
from xero.simulator.world import Organisation, Subscription


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """An action of a person on a contact in Xero's pages. `fields` are Xero's own fields; ContactStatus archives and
    restores."""

    fields: dict[str, Any] = {}
    mergeInto: str | None = None
    gdprRequest: bool = False
    isCustomer: bool | None = None
    isSupplier: bool | None = None


class Hook(msgspec.Struct, forbid_unknown_fields=True):
    """A webhook subscription as it is asked for; see Subscription. `held`: only the route `deliver` sends
    webhooks."""

    url: str
    key: str
    clientId: str = DEMO_CLIENT_ID
    ownWrites: bool = True
    retrySeconds: float = 900.0
    giveUpSeconds: float = 86_400.0
    held: bool = False
    chance: Chance = msgspec.field(default_factory=Chance)


class Delivery(msgspec.Struct, forbid_unknown_fields=True):
    """`most` events a request. `early` also sends events that are not due yet."""

    most: int = MOST_EVENTS
    early: bool = True


def simulation_of(request: Request) -> Simulation:
    simulation: Simulation = request.app.state.simulation
    return simulation


async def read_state(request: Request) -> Response:
    simulation = simulation_of(request)
    world = simulation.world
    organisations = [
        {"tenantId": o.id, "name": o.name, "contacts": len(o.contacts)} for o in world.organisations.values()
    ]
    tallies = [
        {"clientId": client_id, "tenantId": tenant_id, **msgspec.to_builtins(tally)}
        for (client_id, tenant_id), tally in simulation.limiter.tallies.items()
    ]
    return json_response(
        {
            **msgspec.to_builtins(simulation.counts),
            "now": world.clock().isoformat(),
            "organisations": organisations,
            "connections": len(world.connections),
            "tallies": tallies,
            "faults": {"armed": len(simulation.faults.armed), "struck": simulation.faults.struck},
        }
    )


async def read_calls(request: Request) -> Response:
    """The last calls in their order, with the time at which each arrived; `since` leaves out older ones."""
    since = float(request.query_params.get("since", "-inf"))
    calls = [call for call in simulation_of(request).log if call.at > since]
    return json_response({"calls": msgspec.to_builtins(calls)})


async def arm_faults(request: Request) -> Response:
    """Arm one fault or a list of faults."""
    try:
        content = msgspec.json.decode(await request.body(), type=Fault | list[Fault])
        armed = content if isinstance(content, list) else [content]
        for fault in armed:
            simulation_of(request).faults.arm(fault)
    except (msgspec.DecodeError, re.error) as error:
        return bad_request(str(error))
    return json_response({"armed": len(armed)}, 201)


async def clear_faults(request: Request) -> Response:
    simulation_of(request).faults.clear()
    return Response(status_code=204)


async def unleash_chaos(request: Request) -> Response:
    """Replace the armed faults by random ones. DELETE of the faults ends it."""
    try:
        simulation_of(request).faults.unleash(msgspec.json.decode(await request.body(), type=Chaos))
    except (msgspec.DecodeError, ValueError, re.error) as error:
        return bad_request(str(error))
    return Response(status_code=204)


async def set_lag(request: Request) -> Response:
    """{"seconds": n}: reads show the state of n seconds ago, from the next change on. Flags show at once."""
    organisation = find_organisation(request)
    if organisation is None:
        return not_found()
    try:
        seconds = msgspec.json.decode(await request.body(), type=dict[str, float])["seconds"]
        organisation.contacts.lag = timedelta(seconds=seconds)
    except (msgspec.DecodeError, KeyError, OverflowError) as error:
        return bad_request(f"give the seconds: {error}")
    return Response(status_code=204)


async def read_written(request: Request) -> Response:
    """For each object by id, how often the API wrote it, and how often each field was sent."""
    return json_response(simulation_of(request).written)


async def set_webhooks(request: Request) -> Response:
    """Replace the app's subscription. The new one is enabled."""
    simulation = simulation_of(request)
    try:
        hook = msgspec.json.decode(await request.body(), type=Hook)
    except msgspec.DecodeError as error:
        return bad_request(str(error))
    if hook.clientId not in simulation.world.apps:
        return bad_request("no such app")
    simulation.world.subscribe(
        Subscription(
            hook.clientId,
            hook.url,
            hook.key,
            hook.ownWrites,
            retry_seconds=hook.retrySeconds,
            give_up_seconds=hook.giveUpSeconds,
        )
    )
    simulation.courier.chance, simulation.courier.held = hook.chance, hook.held
    return Response(status_code=204)


async def read_webhooks(request: Request) -> Response:
    simulation = simulation_of(request)
    courier = simulation.courier
    subscriptions = [
        {"clientId": one.client_id, "url": one.url, "enabled": one.enabled, "attempts": one.attempts,
         "waiting": courier.waiting(one.client_id)}
        for one in simulation.world.subscriptions.values()
    ]  # fmt: skip
    return json_response(
        {"subscriptions": subscriptions, "delivered": courier.delivered, "failed": courier.failed}
    )


async def deliver_webhooks(request: Request) -> Response:
    try:
        asked = msgspec.json.decode(await request.body() or b"{}", type=Delivery)
    except msgspec.DecodeError as error:
        return bad_request(str(error))
    accepted = await simulation_of(request).courier.deliver(asked.most, early=asked.early)
    return json_response({"accepted": accepted})


async def ask_intent(request: Request) -> Response:
    """Xero's check "intent to receive" of the app's address."""
    simulation = simulation_of(request)
    client_id = request.query_params.get("clientId", DEMO_CLIENT_ID)
    if client_id not in simulation.world.subscriptions:
        return bad_request("this app has no webhooks")
    return json_response(await simulation.courier.ask_intent(client_id))


async def set_limits(request: Request) -> Response:
    try:
        limits = msgspec.json.decode(await request.body(), type=Limits)
    except msgspec.DecodeError as error:
        return bad_request(str(error))
    simulation_of(request).limiter.limits = limits
    return json_response(msgspec.to_builtins(limits))


async def advance_clock(request: Request) -> Response:
    """{"seconds": n}. Works only if the world runs on a ShiftedClock."""
    clock = simulation_of(request).world.clock
    if not isinstance(clock, ShiftedClock):
        return bad_request("this world's clock cannot be set")
    try:
        seconds = msgspec.json.decode(await request.body(), type=dict[str, float])["seconds"]
        clock.advance(timedelta(seconds=seconds))
    except (msgspec.DecodeError, KeyError, ValueError, OverflowError) as error:
        return bad_request(f"give the seconds to advance by: {error}")
    await simulation_of(request).catch_up()
    return json_response({"now": clock().isoformat()})


async def add_contacts(request: Request) -> Response:
    """Add contacts as a person does in Xero's pages, which accept values that the API refuses. No call is counted."""
    simulation = simulation_of(request)
    organisation = find_organisation(request)
    if organisation is None:
        return not_found()
    try:
        elements = parse_elements(await request.body(), "Contacts")
        inputs = [parse_contact(element, by_person=True) for element in elements]
    except Refusal as refusal:
        return refusal.response
    now = simulation.world.clock()
    outcomes = [create_contact(organisation.contacts, asked, now) for asked in inputs]
    for outcome in outcomes:
        if outcome.contact is not None:
            simulation.courier.announce(organisation.id, "CONTACT", outcome.contact.id, created=True)
    simulation.world.changed()
    return _answer_outcomes(outcomes)


async def edit_contact(request: Request) -> Response:
    simulation = simulation_of(request)
    organisation = find_organisation(request)
    contact = organisation.contacts.find(request.path_params["id"]) if organisation else None
    if organisation is None or contact is None:
        return not_found()
    try:
        edit = msgspec.json.decode(await request.body(), type=Edit)
        _apply(simulation, organisation, contact, edit)
    except Refusal as refusal:
        return refusal.response
    except (msgspec.DecodeError, ValueError) as error:
        return bad_request(str(error))
    simulation.world.changed()
    changed = organisation.contacts.find(contact.id) or contact
    if changed is not contact:  # flags are altered in place, and no webhook announces them
        simulation.courier.announce(organisation.id, "CONTACT", contact.id, created=False)
    return json_response(render_contact(changed, Form.DETAIL))


def _apply(simulation: Simulation, organisation: Organisation, contact: Contact, edit: Edit) -> None:
    book, now = organisation.contacts, simulation.world.clock()
    if edit.fields:
        asked = parse_contact(edit.fields, by_person=True)
        outcome = update_contact(book, contact, asked, now, by_person=True)
        if outcome.contact is None:
            raise ValueError("; ".join(outcome.messages))
        contact = outcome.contact
    if edit.gdprRequest:
        contact = replace(contact, status=GDPRREQUEST, updated=truncate_to_millisecond(now))
        book.put(contact)
    if edit.mergeInto is not None:
        survivor = book.find(edit.mergeInto)
        if survivor is None:
            raise ValueError("no such survivor")
        merge_contact(book, contact, survivor, now)
    if edit.isCustomer is not None or edit.isSupplier is not None:
        current = book.find(contact.id) or contact
        book.put_flags(
            current,
            is_customer=current.is_customer if edit.isCustomer is None else edit.isCustomer,
            is_supplier=current.is_supplier if edit.isSupplier is None else edit.isSupplier,
        )


async def disconnect_organisation(request: Request) -> Response:
    """Disconnect the app as a user does inside Xero. The tokens stay, and calls answer 403."""
    world = simulation_of(request).world
    of_tenant = [c for c in world.connections.values() if c.tenant_id == request.path_params["tenant"]]
    for connection in of_tenant:
        world.disconnect(connection.id)
    return json_response({"disconnected": len(of_tenant)})


def find_organisation(request: Request) -> Organisation | None:
    return simulation_of(request).world.organisations.get(request.path_params["tenant"].lower())


def _answer_outcomes(outcomes: list[Outcome]) -> Response:
    errors = [message for outcome in outcomes for message in outcome.messages]
    added = [render_contact(o.contact, Form.DETAIL) for o in outcomes if o.contact is not None]
    return json_response({"Contacts": added, "errors": errors}, 400 if errors else 201)


def bad_request(message: str) -> Response:
    return json_response({"error": message}, 400)


def control_routes() -> list[Route]:
    contacts = "/simulator/organisations/{tenant}/contacts"
    return [
        Route("/simulator/state", read_state, methods=["GET"]),
        Route("/simulator/calls", read_calls, methods=["GET"]),
        Route("/simulator/faults", arm_faults, methods=["POST"]),
        Route("/simulator/faults", clear_faults, methods=["DELETE"]),
        Route("/simulator/chaos", unleash_chaos, methods=["PUT"]),
        Route("/simulator/written", read_written, methods=["GET"]),
        Route("/simulator/webhooks", set_webhooks, methods=["PUT"]),
        Route("/simulator/webhooks", read_webhooks, methods=["GET"]),
        Route("/simulator/webhooks/deliver", deliver_webhooks, methods=["POST"]),
        Route("/simulator/webhooks/intent", ask_intent, methods=["POST"]),
        Route("/simulator/limits", set_limits, methods=["PUT"]),
        Route("/simulator/clock", advance_clock, methods=["POST"]),
        Route(contacts, add_contacts, methods=["POST"]),
        Route(f"{contacts}/{{id}}", edit_contact, methods=["POST"]),
        Route("/simulator/organisations/{tenant}/lag", set_lag, methods=["PUT"]),
        Route("/simulator/organisations/{tenant}/connections", disconnect_organisation, methods=["DELETE"]),
    ]
