"""Official numbers of contacts."""

from collections.abc import Sequence

import strawberry

from domain.fields import identifiers
from domain.tables import IdentifierKind, StoredIdentifier


@strawberry.type(description="An official number of a contact. Personal tax numbers are never kept.")
class Identifier:
    kind: IdentifierKind = strawberry.field(description="Whose register or books the number belongs to.")
    value: str = strawberry.field(description="The number as somebody wrote it.")
    valid: bool | None = strawberry.field(
        description="Whether its check digits are right. Null: numbers of this kind have none. Only a valid number counts"
        " in matching."
    )


def shown(found: Sequence[StoredIdentifier] | None) -> list[Identifier]:
    return [
        Identifier(kind=one.kind, value=one.value, valid=one.valid) for one in identifiers.of_stored(found)
    ]
