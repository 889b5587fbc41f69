"""The simulator as one ASGI app: identity, Accounting API and control routes on one address."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from xero.simulator.accounting import accounting_routes
from xero.simulator.control import control_routes
from xero.simulator.faults import CUT_EXTENSION, CutConnectionError
from xero.simulator.identity import identity_routes
from xero.simulator.invoicing import invoicing_routes
from xero.simulator.ledger_control import ledger_control_routes
from xero.simulator.settings import settings_routes
from xero.simulator.simulation import Simulation
from xero.simulator.wire import not_found
from xero.simulator.world import World, write_file

logger = logging.getLogger(__name__)

LARGEST_BODY = 10 * 1024 * 1024
SAVE_AFTER = 1.0
"""Seconds between two checks of whether something is to be saved."""


def create_app(
    world: World, save_to: Path | None = None, webhook_transport: httpx.AsyncBaseTransport | None = None
) -> Starlette:
    """The app. With `save_to` the world is saved in that file, soon after each change and at the end.

    Webhooks are sent while the app's lifespan runs. Without a lifespan only the control route sends them.
    """
    simulation = Simulation(world, webhook_transport)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        stop = asyncio.Event()
        tasks = [asyncio.create_task(simulation.courier.run(stop))]
        if save_to is not None:
            tasks.append(asyncio.create_task(_keep_saved(world, save_to, stop)))
        try:
            yield
        finally:
            stop.set()
            await asyncio.gather(*tasks)

    app = Starlette(
        routes=[
            *identity_routes(),
            *accounting_routes(),
            *invoicing_routes(),
            *settings_routes(),
            *control_routes(),
            *ledger_control_routes(),
        ],
        exception_handlers={CutConnectionError: _leave_unanswered, 404: _answer_not_found},
        lifespan=lifespan,
        max_body_size=LARGEST_BODY,
    )
    app.state.simulation = simulation
    return app


async def _keep_saved(world: World, path: Path, stop: asyncio.Event) -> None:
    """Save, one at a time. A new world is saved at once. A failed save is tried again; the last one raises."""
    saved: int | None = None
    while not stop.is_set():
        try:
            saved = await _save_changes(world, path, saved)
        except OSError as error:
            logger.warning("the simulator's world could not be saved: %s", error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), SAVE_AFTER)
    await _save_changes(world, path, saved)


async def _save_changes(world: World, path: Path, saved: int | None) -> int:
    """Save. Returns the count of writes that the file now holds."""
    writes = world.writes
    if writes != saved:
        await asyncio.to_thread(write_file, path, world.encode())
    return writes


async def _leave_unanswered(request: Request, error: Exception) -> Response:
    """End a cut request: over a socket the response is lost, in process the error is the answer."""
    if CUT_EXTENSION in request.scope.get("extensions", {}):
        return Response()
    raise error


async def _answer_not_found(request: Request, error: Exception) -> Response:
    return not_found()
