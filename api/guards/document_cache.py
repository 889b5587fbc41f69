"""Keeps parsed documents that passed validation, so that a known document is neither parsed nor validated again (1.7 ms).

Strawberry's own two caches lose errors. ParserCache lets a syntax error out of its hook. ValidationCache overwrites the refusal
of another extension. This cache stores only documents that passed every check.
"""

from collections import OrderedDict
from collections.abc import Iterator

from graphql import DocumentNode
from strawberry.extensions import SchemaExtension

MOST_DOCUMENTS = 128
LONGEST = 16_000  # characters; Limits bounds the size of a document's tree


class Documents:
    """The most recently used documents of one schema, by their text."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()

    def find(self, text: str) -> DocumentNode | None:
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
        return document

    def keep(self, text: str, document: DocumentNode) -> None:
        if len(text) <= LONGEST:
            self._kept[text] = document
            while len(self._kept) > MOST_DOCUMENTS:
                self._kept.popitem(last=False)


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
