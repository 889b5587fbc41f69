"""The credential of a client: a token, and the workspace if the client names one. The same over HTTP and in `connection_init`.

A client sends the token in the header Authorization, or in the payload of `connection_init` on a socket, and nowhere else.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar
from uuid import UUID

from api.errors import RETRY_AFTER, STATUS, Code
from api.relay import ids

BEARER = re.compile(r"[Bb]earer +([!-~]{1,8000}) *")
WORKSPACE_HEADER = "X-Tandem-Workspace"
SEND_BEARER = "A valid token is needed: send the header Authorization: Bearer …"
NO_WORKSPACE_ID = (
    f"{WORKSPACE_HEADER} holds no id of a workspace. Send the id that `workspace {{ id }}` gives."
)

Key = TypeVar("Key")


class Validity(Protocol[Key]):
    """Finds the valid ones among many credentials."""

    async def find_valid(self, keys: Collection[Key], /) -> set[Key]: ...


@dataclass(frozen=True)
class Credential:
    token: str = field(repr=False)
    workspace: str | None = None


class NotLetIn(Exception):
    """The credential is refused. The message is for the client."""

    def __init__(self, code: Code, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self._retry_after = code, message, retry_after

    @property
    def status(self) -> int:
        return STATUS.get(self.code, 400)

    @property
    def headers(self) -> Mapping[str, str]:
        if self.code is Code.UNAUTHENTICATED:
            return {"www-authenticate": "Bearer"}
        if self._retry_after is not None:
            return {"retry-after": str(self._retry_after)}
        return RETRY_AFTER if self.code is Code.UNAVAILABLE else {}


def find_bearer(header: object) -> str | None:
    """The token in `Bearer …`; None for any other value."""
    found = BEARER.fullmatch(header) if isinstance(header, str) else None
    return found[1] if found else None


def read_credential(
    authorization: Sequence[object], workspace: Sequence[object], *, without: str = SEND_BEARER
) -> Credential:
    """The credential in the values of the two headers. Raises NotLetIn if a value has the wrong form or comes twice.

    `without` is the message for a client that has sent no token: how to send a token.
    """
    token = find_bearer(authorization[0]) if len(authorization) == 1 else None
    if token is None:
        raise NotLetIn(Code.UNAUTHENTICATED, without)
    if not workspace:
        return Credential(token)
    [named, *more] = workspace
    if more or not isinstance(named, str) or workspace_key(named) is None:
        raise NotLetIn(Code.BAD_REQUEST, NO_WORKSPACE_ID)
    return Credential(token, named)


def workspace_key(text: str) -> UUID | None:
    """The key of a workspace's id: the API's id, or the UUID itself. None for anything else."""
    with suppress(ValueError):
        return UUID(text.strip())
    return ids.find("Workspace", text.strip())
