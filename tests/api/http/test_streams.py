"""Event streams whose client hangs up."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from typing import Any

from api.http.streams import until


async def test_the_end_of_a_stream_that_nobody_waits_for_is_not_reported() -> None:
    """A stream may end, instead of being cancelled, when its client hangs up."""
    reported: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    asked = asyncio.Event()

    async def stream() -> AsyncGenerator[str, None]:
        asked.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return
        yield ""

    async def read() -> None:
        async for _ in until(asyncio.Event(), stream()):
            pass

    try:
        reading = asyncio.create_task(read())
        await asked.wait()
        reading.cancel()
        await asyncio.wait({reading})
        del reading
        gc.collect()
    finally:
        loop.set_exception_handler(None)
    assert reported == []
