"""The certificates that HTTP clients trust."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that httpx trusts (`verify`). Reading them takes 30 ms of CPU, so a process reads them once."""
    return httpx.create_ssl_context()
