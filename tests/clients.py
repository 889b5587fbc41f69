"""HTTP clients of tests."""

from typing import Any

import httpx


def web_client(**given: Any) -> httpx.AsyncClient:
    """Without a time-out, as the limit of the test counts, and without certificates, which take 30 ms of CPU to read."""
    return httpx.AsyncClient(**{"timeout": None, "verify": False} | given)
