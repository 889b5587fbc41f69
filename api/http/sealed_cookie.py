"""A cookie whose content only this server can read and write: sealed with TANDEM_KEYS, for one path, hidden from scripts."""

import base64
import binascii
from typing import Generic, Literal, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.consent.flows import is_secure
from api.context import Process
from runtime.seal import SealError

LONGEST = 4000  # characters; browsers drop a cookie that is longer than 4,096 with its name and attributes
TOO_LONG = "The token is too long for a cookie of 4,000 characters. Let the identity provider put fewer claims into it."
Content = TypeVar("Content", bound=msgspec.Struct)


class SealedCookie(Generic[Content]):
    """The name begins with `__Secure-` where the server is reached by https."""

    def __init__(
        self,
        process: Process,
        name: str,
        path: str,
        content: type[Content],
        *,
        same_site: Literal["strict", "lax"],
    ) -> None:
        self._keys, self._identity = process.keys, name
        self._secure = is_secure(process.settings)
        self._name = f"__Secure-{name}" if self._secure else name
        self._path, self._content, self._same_site = path, content, same_site

    def set(self, response: Response, content: Content, seconds: int) -> None:
        sealed = self._keys.seal(msgspec.json.encode(content), self._identity)
        value = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
        if len(value) > LONGEST:
            raise HTTPException(400, TOO_LONG)
        response.set_cookie(
            self._name,
            value,
            max_age=seconds,
            path=self._path,
            secure=self._secure,
            httponly=True,
            samesite=self._same_site,
        )

    def read(self, request: Request) -> Content | None:
        """None without a cookie, and for one that this server has not written."""
        value = request.cookies.get(self._name, "")
        try:
            sealed = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
            return msgspec.json.decode(self._keys.unseal(sealed, self._identity), type=self._content)
        except (SealError, binascii.Error, ValueError):
            return None

    def clear(self, response: Response) -> None:
        response.delete_cookie(
            self._name, path=self._path, secure=self._secure, httponly=True, samesite=self._same_site
        )
