"""HTTP clients of tests, and servers for them in the test's own loop."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn


def web_client(**given: Any) -> httpx.AsyncClient:
    """Without a time-out, as the limit of the test counts, and without certificates, which take 30 ms of CPU to read."""
    return httpx.AsyncClient(**{"timeout": None, "verify": False} | given)


@asynccontextmanager
async def listening(server: uvicorn.Server) -> AsyncIterator[str]:
    """Run the server on a free port of 127.0.0.1. Gives host:port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started:
                if task.done():
                    task.result()
                await asyncio.sleep(0.005)
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
