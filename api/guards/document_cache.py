"""Keeps parsed documents that passed validation, so that a known document is neither parsed nor validated again (1.7 ms).

Strawberry's own two caches lose errors. ParserCache lets a syntax error out of its hook. ValidationCache overwrites the refusal
of another extension. This cache stores only documents that passed every check.
"""

from collections import OrderedDict
from collections.abc import Iterator

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

MOST_DOCUMENTS = 128
MOST_TOKENS = 60_000  # of all kept documents: a token of a parsed document takes some 400 bytes
LONGEST = 16_000  # characters


class Documents:
    """The most recently used documents of one schema, by their text. `tokens`: how many they have."""

    def __init__(self, most: int = MOST_DOCUMENTS, most_tokens: int = MOST_TOKENS) -> None:
        self._most, self._most_tokens = most, most_tokens
        self._kept: OrderedDict[str, tuple[DocumentNode, int]] = OrderedDict()
        self.tokens = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, text: str) -> DocumentNode | None:
        kept = self._kept.get(text)
        if kept is None:
            return None
        self._kept.move_to_end(text)
        return kept[0]

    def keep(self, text: str, document: DocumentNode) -> None:
        if len(text) > LONGEST or text in self._kept:
            return
        tokens = _count_tokens(document)
        self._kept[text] = document, tokens
        self.tokens += tokens
        while len(self._kept) > self._most or self.tokens > self._most_tokens:
            _, (_, freed) = self._kept.popitem(last=False)
            self.tokens -= freed


def _count_tokens(document: DocumentNode) -> int:
    token = document.loc.start_token if document.loc is not None else None
    counted = 0
    while token is not None:
        counted, token = counted + 1, token.next
    return counted


class Cached(SchemaExtension):
    """Comes after the extensions that refuse, and keeps what they set in `pre_execution_errors`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._known = False

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        if context.query and context.graphql_document is None:
            context.graphql_document = self._documents.find(context.query)
            self._known = context.graphql_document is not None
        yield

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if self._known and context.pre_execution_errors is None:
            context.pre_execution_errors = []
        yield
        if not self._known and not context.pre_execution_errors and context.query:
            assert context.graphql_document is not None
            self._documents.keep(context.query, context.graphql_document)
