"""Streams of server-sent events: their form, their beginning, their end, and what happens if the client hangs up in between."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, contextmanager, suppress
from contextvars import Context, copy_context
from typing import Any, cast

import structlog
from strawberry.http.streaming import SSETransport
from strawberry.types import ExecutionResult, SubscriptionExecutionResult
from strawberry.types.execution import PreExecutionError

from api.errors import StreamInterrupted


class EventStream(SSETransport):
    """Events with LF alone at the end of a line. CR LF, as Strawberry writes it, is allowed too, but urql
    (`fetchSubscriptions`) looks for LF LF and shows no event of such a stream."""

    def encode_event(self, event: str, data: str | None = None) -> str:
        return super().encode_event(event, data).replace("\r\n", "\n")

    def encode_comment(self, comment: str) -> str:
        return super().encode_comment(comment).replace("\r\n", "\n")


class OpenStreams:
    """The open streams of this process. A server that ends would wait for them, and accept no new connection meanwhile."""

    def __init__(self) -> None:
        self._open: set[asyncio.Event] = set()
        self._is_over = False

    @contextmanager
    def ended_with_others(self, ended: asyncio.Event) -> Iterator[None]:
        """Set the event when all streams are to end."""
        self._open.add(ended)
        if self._is_over:
            ended.set()
        try:
            yield
        finally:
            self._open.discard(ended)

    def end(self) -> None:
        """End all streams, and each one that begins later. The streams end without `complete`, so that clients subscribe
        again."""
        self._is_over = True
        for ended in self._open:
            ended.set()


async def begun(
    stream: AsyncGenerator[Any, None], accepted: asyncio.Event
) -> ExecutionResult | SubscriptionExecutionResult:
    """The stream, or the refusal of its operation, which is then answered as one JSON document and not as a stream.

    The first result is a refusal if nothing was executed. `accepted` is set when a subscription that may have no event for
    long has been accepted. The log lines of the request name the operation from then on.
    """
    context = copy_context()
    first = _ask(stream, context)
    accepting = asyncio.create_task(accepted.wait())
    try:
        await asyncio.wait({first, accepting}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        first.cancel()
        await _end(first)
        await stream.aclose()
        raise
    finally:
        accepting.cancel()
    if first.done() and first.exception() is None and isinstance(first.result(), PreExecutionError):
        await stream.aclose()
        refused: PreExecutionError = first.result()
        return refused
    operation = context.run(structlog.contextvars.get_contextvars).get("operation", "")
    structlog.contextvars.bind_contextvars(operation=operation)
    return cast(SubscriptionExecutionResult, _resumed(first, stream))


async def _resumed(
    first: asyncio.Future[Any], stream: AsyncGenerator[Any, None]
) -> AsyncGenerator[Any, None]:
    """The stream with the result that was asked for already."""
    async with aclosing(stream):
        try:
            yield await first
        except StopAsyncIteration:
            return
        finally:
            first.cancel()
            await _end(first)
        async for result in stream:
            yield result


async def until(ended: asyncio.Event, stream: AsyncIterator[str]) -> AsyncIterator[str]:
    """The stream's chunks, until the event is set."""
    ending = asyncio.create_task(ended.wait())
    try:
        while True:
            coming = _ask(stream, copy_context())
            try:
                await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    return
                yield coming.result()
            except StopAsyncIteration:
                return
            finally:
                if coming.cancel():
                    await _end(coming)
    finally:
        ending.cancel()


def _ask(stream: AsyncIterator[Any], context: Context) -> asyncio.Task[Any]:
    """Asks for the next result. asyncio does not report an error that came after the client had hung up: nobody asks for the result then."""

    async def ask() -> Any:
        return await anext(stream)

    task = asyncio.get_running_loop().create_task(ask(), context=context)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    return task


async def _end(task: asyncio.Future[Any]) -> None:
    """Wait for the end of a cancelled task, even if this task is cancelled meanwhile.

    Starlette cancels the stream of a disconnected client at each of its awaits. Closing a generator that still runs
    raises an error.
    """
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def without_complete(stream: AsyncIterator[str]) -> AsyncIterator[str]:
    """An interrupted stream ends without `complete`, so that its client subscribes again."""
    with suppress(StreamInterrupted):
        async for chunk in stream:
            yield chunk
