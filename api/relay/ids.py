"""Global ids, as clients see them: base64url of 'Type:uuid'. These ids are opaque, and unique over all types.

A malformed id is answered like the id of another practice: null in a look-up, no rows in a filter, and NOT_FOUND with its place in a
mutation.
"""

import base64
import binascii
import re
from uuid import UUID

import strawberry

from domain.problems import Code, refuse


def encode(kind: str, key: UUID) -> strawberry.ID:
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:{key}".encode()).rstrip(b"=").decode())


def decode(text: str) -> tuple[str, UUID] | None:
    """Type and key; None for a text that `encode` never returns, so that no object has two ids."""
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        kind, _, key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
        found = UUID(key)
    except (ValueError, binascii.Error):
        return None
    return (kind, found) if encode(kind, found) == text else None


def find(kind: str, text: str) -> UUID | None:
    """The key; None for a malformed id and for the id of another type."""
    found = decode(text)
    return found[1] if found and found[0] == kind else None


NOWHERE = UUID(int=0)
_NOUNS = {
    "SyncLink": "link",
    "ApiToken": "API token",
    "XeroContact": "Xero contact",
    "XeroOrganisation": "Xero organisation",
}


def wanted(kind: str, text: str | None) -> UUID | None:
    """Return the key of a filter, or of an input whose rule refuses unknown keys itself. None if the client gave no id. A
    malformed id gives a key that no row has."""
    return (find(kind, text) or NOWHERE) if text is not None else None


def get(kind: str, text: str, *path: str) -> UUID:
    """Return the key that a mutation needs. Refuses a malformed id, and the id of another type, with NOT_FOUND."""
    key = find(kind, text)
    if key is None:
        raise refuse(Code.NOT_FOUND, _not_one_of(kind, text, path[-1]), *path)
    return key


def _not_one_of(kind: str, text: str, argument: str) -> str:
    """Why `text` cannot be the id of an object of this kind."""
    wanted, found = _with_article(noun(kind)), decode(text)
    if found is None:
        return f"`{argument}` holds no id that Tandem gave. Give the id of {wanted}, as a list shows it."
    return f"`{argument}` holds the id of {_with_article(noun(found[0]))}. Give the id of {wanted}."


def noun(kind: str) -> str:
    """A type of the schema as people say it: 'MatchIssue' is a match issue, 'SyncLink' a link."""
    return _NOUNS.get(kind) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind).lower()


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeioAEIO' else 'a'} {words}"
