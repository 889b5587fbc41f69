"""Ids as clients see them: base64url of 'Type:uuid'. Opaque to them, unique over all types."""

import base64
import binascii
from uuid import UUID

import strawberry
from graphql import GraphQLError

from api.errors import Code as ErrorCode
from api.errors import refusal
from domain.problems import Code, refuse


def encode(kind: str, key: UUID) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:{key}".encode()).rstrip(b"=").decode())


def decode(text: str) -> tuple[str, UUID]:
    """Type and key. Refuses (BAD_REQUEST) what `encode` never gave, so that no object has two ids."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        kind, _, key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        found = UUID(key)
    except (ValueError, binascii.Error):
        raise refusal(ErrorCode.BAD_REQUEST, "This is not an id that Tandem gave") from None
    if encode(kind, found) != text:
        raise refusal(ErrorCode.BAD_REQUEST, "This is not an id that Tandem gave")
    return kind, found


def find(kind: str, text: str) -> UUID | None:
    """For queries: the key, or None for another type's id, which is as unknown as a foreign one."""
    found, key = decode(text)
    return key if found == kind else None


NOWHERE = UUID(int=0)


def wanted(kind: str, text: str | None) -> UUID | None:
    """For filters: None where none is given; the key of no row for another type's id."""
    return (find(kind, text) or NOWHERE) if text else None


def maybe(kind: str, text: str) -> UUID | None:
    """The key, or None for whatever cannot be the id of one."""
    try:
        return find(kind, text)
    except GraphQLError:
        return None


def named(kind: str, text: str | None) -> UUID | None:
    """For inputs whose rule itself tells what is unknown, at its place: the key of no row for whatever cannot be the id
    of one; None for null."""
    return (maybe(kind, text) or NOWHERE) if text is not None else None


def take(kind: str, text: str, *path: str) -> UUID:
    """For mutations: refuses (NOT_FOUND) whatever cannot be the id of one."""
    key = maybe(kind, text)
    if key is None:
        raise refuse(Code.NOT_FOUND, "There is nothing with this id.", *path)
    return key
