"""Sealing: authenticated encryption of secrets that are stored in the database, with keys that can be replaced.

AES-256-GCM with a new nonce for each seal. A seal is bound to the identity of its row: copied to another row, it does not
open. A seal names its key: the newest key seals, older keys still open what they sealed, and `tandem reseal` replaces
their seals. Layout: version (1 byte), length of the key's id (1), the id, nonce (12), ciphertext and tag.
"""

import base64
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = 1
_NONCE = 12


class SealError(ValueError):
    """The seal does not open: its key is unknown or another, it belongs to another row, or it is damaged. The message names
    the key and never quotes the sealed value."""


@dataclass(frozen=True)
class Key:
    id: str
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """`id:base64 of 32 bytes`. Raises ValueError that does not quote the secret."""
        key_id, separator, encoded = text.strip().partition(":")
        if not separator or not key_id or len(key_id.encode()) > 255:
            raise ValueError("a key is `id:base64 of 32 bytes`")
        try:
            secret = base64.b64decode(encoded, validate=True)
        except ValueError:  # binascii's, and that of letters beyond ASCII
            raise ValueError(f"the key {key_id} is not base64") from None
        if len(secret) != 32:
            raise ValueError(f"the key {key_id} has {len(secret)} bytes, not 32")
        return cls(key_id, secret)


def new_key(key_id: str) -> str:
    """A new key in the form of TANDEM_KEYS."""
    return f"{key_id}:{base64.b64encode(os.urandom(32)).decode()}"


class KeyRing:
    """Keys, newest first."""

    def __init__(self, keys: Iterable[Key]) -> None:
        listed = list(keys)
        self._keys = {key.id: AESGCM(key.secret) for key in listed}
        if not listed or len(self._keys) != len(listed):
            raise ValueError("a key ring needs keys, each with an id of its own")
        self.ids = [key.id for key in listed]

    @property
    def newest(self) -> str:
        return self.ids[0]

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        return cls(Key.parse(text) for text in texts)

    def seal(self, plain: bytes, identity: str) -> bytes:
        header = _header(self.newest)
        nonce = os.urandom(_NONCE)
        return header + nonce + self._keys[self.newest].encrypt(nonce, plain, header + identity.encode())

    def unseal(self, sealed: bytes, identity: str) -> bytes:
        key_id = find_key(sealed)
        key = self._keys.get(key_id)
        if key is None:
            raise SealError(f"the key {key_id} is missing")
        header = _header(key_id)
        nonce, body = sealed[len(header) : len(header) + _NONCE], sealed[len(header) + _NONCE :]
        try:
            return key.decrypt(nonce, body, header + identity.encode())
        except (InvalidTag, ValueError):
            raise SealError(
                f"the key {key_id} is not the one that sealed it, or the seal is damaged or of another row"
            ) from None

    def is_current(self, sealed: bytes) -> bool:
        """Whether the newest key sealed it."""
        return find_key(sealed) == self.newest


def _header(key_id: str) -> bytes:
    return bytes((_VERSION, len(key_id.encode()))) + key_id.encode()


def find_key(sealed: bytes) -> str:
    """The id of the key that a seal names. Raises SealError if the value is no seal."""
    if len(sealed) < 2 or sealed[0] != _VERSION or len(sealed) < 2 + sealed[1]:
        raise SealError("the stored value is no seal")
    try:
        return sealed[2 : 2 + sealed[1]].decode()
    except UnicodeDecodeError:
        raise SealError("the stored value is no seal") from None
