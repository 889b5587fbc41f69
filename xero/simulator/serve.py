"""Runs the simulator under uvicorn, with connections that can be cut."""

from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from xero.simulator.app import create_app
from xero.simulator.clock import ShiftedClock
from xero.simulator.demo import DEMO_CLIENT_ID, demo_world, register_redirect_uris
from xero.simulator.faults import CUT_EXTENSION
from xero.simulator.world import Subscription, World


class CuttableProtocol(HttpToolsProtocol):
    """A protocol that lets the app cut its own connection. Plain uvicorn answers 500 when an app gives up."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        # The type knows only extensions described by ASGI, whose values are dicts.
        extensions: dict[str, Any] = {CUT_EXTENSION: self.transport.abort}
        self.scope["extensions"] = extensions


def server_config(app: ASGIApp, host: str, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=CuttableProtocol,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=5,
    )


def open_world(
    contacts: int,
    seed: int,
    data_path: Path | None,
    redirect_uris: tuple[str, ...] = (),
    organisations: int = 1,
) -> World:
    """The world saved at `data_path`, or a new demo world of that size and seed."""
    clock = ShiftedClock()
    if data_path is not None and data_path.exists():
        world = World.load(data_path, clock)
    else:
        world = demo_world(contacts, seed, clock, organisations)
    register_redirect_uris(world, redirect_uris)
    return world


def run(
    host: str = "127.0.0.1",
    port: int = 8100,
    contacts: int = 1200,
    seed: int = 1,
    data_path: Path | None = None,
    redirect_uris: tuple[str, ...] = (),
    webhooks: tuple[str, str] | None = None,
    organisations: int = 1,
) -> None:
    """Serve until SIGINT or SIGTERM. `webhooks`: the address and key of the demo app's."""
    world = open_world(contacts, seed, data_path, redirect_uris, organisations)
    if webhooks is not None:
        world.subscribe(Subscription(DEMO_CLIENT_ID, *webhooks))
    uvicorn.Server(server_config(create_app(world, data_path), host, port)).run()
