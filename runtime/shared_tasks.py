"""Tasks that serve many requests."""

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

Made = TypeVar("Made")


def create_shared_task(work: Coroutine[Any, Any, Made]) -> asyncio.Task[Made]:
    """A task with none of the request's context variables. Its log lines and its cost would else belong to the request that happened to
    start it."""
    return asyncio.get_running_loop().create_task(work, context=Context())
