"""Documents that clients send as an id instead of the text.

Without a manifest: automatic persisted queries, as Apollo's and urql's clients send them. A client sends the SHA-256 of its document; if
this process does not know the document, the client sends the text together with the hash.

With a manifest (TRUSTED_DOCUMENTS): no other document runs. Its ids are those that the client's build tool gave: graphql-codegen and Relay
write an object of ids and texts, Apollo's tool a list of operations.
"""

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from runtime.settings import SettingsError

MOST_KEPT = 500  # documents of automatic persisted queries
LONGEST = 16_000  # characters of such a document
NAMES = ("documentId", "doc_id", "id")  # by the draft of GraphQL over HTTP, by Relay, by other clients
SHA256 = re.compile(r"[0-9a-f]{64}")

NOT_FOUND = "PersistedQueryNotFound"  # clients compare this text, and send the document itself then
OTHER_HASH = (
    "The hash is not that of the document. Send the SHA-256 of its UTF-8 bytes, in small hexadecimal digits."
)
WRONG_EXTENSION = (
    'A persisted query is {"persistedQuery": {"version": 1, "sha256Hash": "…"}} in `extensions`.'
)
TRUSTED_ONLY = (
    "This server runs trusted documents only. Send the id of a document of its manifest, or exactly its text."
)


class DocumentRefused(Exception):
    """The message is for the client."""


class TrustedDocuments:
    """Finds the text of a document by its id."""

    def __init__(self, manifest: Mapping[str, str] | None = None) -> None:
        self._manifest = manifest
        self._texts = frozenset(manifest.values()) if manifest is not None else frozenset()
        self._kept: OrderedDict[str, str] = OrderedDict()

    def find_text(self, query: str | None, extensions: Mapping[str, object] | None) -> str | None:
        """The text that is to run; None if the client has sent neither a text nor an id. Raises DocumentRefused."""
        name = _find_id(extensions)
        if self._manifest is not None:
            return self._find_trusted(self._manifest, query, name)
        if name is None:
            return query
        if query is None:
            text = self._kept.get(name)
            if text is None:
                raise DocumentRefused(NOT_FOUND)
            self._kept.move_to_end(name)
            return text
        if not SHA256.fullmatch(name) or hashlib.sha256(query.encode()).hexdigest() != name:
            raise DocumentRefused(OTHER_HASH)
        if len(query) <= LONGEST:
            self._kept[name] = query
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return query

    def _find_trusted(self, manifest: Mapping[str, str], query: str | None, name: str | None) -> str | None:
        text = manifest.get(name) if name is not None else query
        if text is None and query is None and name is None:
            return None
        if text is None or text not in self._texts or (query is not None and query != text):
            raise DocumentRefused(TRUSTED_ONLY)
        return text


def with_id(request: Mapping[str, object]) -> Mapping[str, object]:
    """The request, with an id next to the query moved to the place where Apollo's clients put it."""
    name = next((request[each] for each in NAMES if isinstance(request.get(each), str)), None)
    if name is None or request.get("extensions") is not None:
        return request
    return {**request, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": name}}}


def _find_id(extensions: Mapping[str, object] | None) -> str | None:
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    name = persisted.get("sha256Hash") if isinstance(persisted, Mapping) else None
    if not isinstance(name, str):
        raise DocumentRefused(WRONG_EXTENSION)
    return name.removeprefix("sha256:")


def read_manifest(path: Path) -> dict[str, str]:
    """The documents of a manifest, by id. Raises SettingsError with the fault of the file."""
    try:
        manifest = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise SettingsError(f"TRUSTED_DOCUMENTS: {path} cannot be read: {error}") from None
    listed = manifest.get("operations") if isinstance(manifest, dict) else None
    if isinstance(listed, list):
        pairs = [(one.get("id"), one.get("body")) for one in listed if isinstance(one, dict)]
    else:
        pairs = list(manifest.items()) if isinstance(manifest, dict) else []
    documents = {
        name.removeprefix("sha256:"): text
        for name, text in pairs
        if isinstance(name, str) and isinstance(text, str)
    }
    if not documents or len(documents) != len(pairs):
        raise SettingsError(
            f"TRUSTED_DOCUMENTS: {path} is no manifest: it must be an object of ids and documents, or Apollo's list of operations"
        )
    return documents
