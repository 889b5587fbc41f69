"""Inputs of contacts, and how they become values of the domain."""

from typing import TypeVar

import strawberry
from msgspec import UNSET, UnsetType

from api.relay import ids
from api.schema.synced_fields import given_values, input_fields
from domain.contacts.edits import Given
from domain.fields.identifiers import Identifier
from domain.tables import ContactKind, IdentifierKind

Said = TypeVar("Said")


@strawberry.input(description="An official number that a contact holds.")
class IdentifierInput:
    kind: IdentifierKind = strawberry.field(
        description="The register that gave the number, or what the practice uses it for."
    )
    value: str = strawberry.field(
        description="The number, at most 50 characters. Spaces, dashes, dots and slashes do not count. Wrong check digits"
        " are kept and shown as not valid. A personal or masked tax number is refused (INVALID)."
    )


@strawberry.input(description="The values of a new contact. Only the name is required.")
@input_fields(before="first_name", new=True)
class CreateContactInput:
    first_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The first name of the person, or of the main person in the organisation. At most 255"
        " characters. Not synced.",
    )
    last_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The last name of the person, or of the main person in the organisation. At most 255"
        " characters. Not synced.",
    )
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET,
        description="Person or organisation. Left out: Tandem guesses from the names and the email.",
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The category of the contact. An archived contact type is refused (WRONG_STATE). Left"
        " out: none.",
    )
    identifiers: list[IdentifierInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="Official numbers, at most 20. Not synced. Left out: none.",
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A key of your own, 1 to 200 characters. If the same key comes again within 24 hours"
        " with the same input, the answer is the contact that it made the first time; with another input it"
        " is refused (KEY_REUSED).",
    )


@strawberry.input(description="The contacts to create together, for example the rows of a file.")
class CreateContactsInput:
    contacts: list[CreateContactInput] = strawberry.field(
        description="At most 500 contacts. Each is created or refused on its own."
    )
    idempotency_key: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="A key of your own for the whole call, 1 to 200 characters. If the same key comes again"
        " within 24 hours with the same input, the answer is the contacts that it made the first time, and"
        " nothing is created; with another input it is refused (KEY_REUSED).",
    )
    refuse_duplicates: bool = strawberry.field(
        default=False,
        description="Refuse (TAKEN) a row whose name and email are those of a contact of the practice or of"
        " an earlier row. Capital letters, spaces and the shapes of apostrophes and dashes make no difference."
        " Two contacts without an email have the same email.",
    )


@strawberry.input(
    description="New values for a contact. A field that is left out stays as it is; null makes it blank. A"
    " value that the contact has already is never refused."
)
@input_fields(before="first_name", new=False)
class UpdateContactInput:
    contact_id: strawberry.ID = strawberry.field(
        description="The id of the contact that gets the new values."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the contact has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: changes that others made meanwhile are overwritten.",
    )
    archived: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="True takes the contact out of use; false brings it back. Xero is not changed: archiving is"
        " not synced.",
    )
    first_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The first name of the person, or of the main person in the organisation. At most 255"
        " characters. Not synced.",
    )
    last_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The last name of the person, or of the main person in the organisation. At most 255"
        " characters. Not synced.",
    )
    kind: ContactKind | None = strawberry.field(
        default=strawberry.UNSET,
        description="Person or organisation, as a person decided it. `classification` then becomes null for"
        " good.",
    )
    contact_type_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description="The category of the contact. An archived contact type is refused (WRONG_STATE) unless"
        " the contact has it already.",
    )
    identifiers: list[IdentifierInput] | None = strawberry.field(
        default=strawberry.UNSET,
        description="All official numbers that the contact holds from now on, at most 20. Not synced. Null or empty: none.",
    )


@strawberry.input(description="Many changes of contacts, each with its own version.")
class UpdateContactsInput:
    contacts: list[UpdateContactInput] = strawberry.field(
        description="At most 500 contacts. Each is changed or refused on its own."
    )


@strawberry.input(description="Which contact to delete, and what happens to it in Xero.")
class DeleteContactInput:
    contact_id: strawberry.ID = strawberry.field(
        description="The id of the contact that should disappear from the practice."
    )
    version: int | None = strawberry.field(
        default=strawberry.UNSET,
        description="The `version` that the person saw. If the contact has changed since, the mutation is"
        " refused (STALE_VERSION). Left out: no check.",
    )
    archive_in_xero: bool = strawberry.field(
        default=False,
        description="True also archives in Xero the contacts of its active links. False leaves Xero alone.",
    )
    reimport: bool = strawberry.field(
        default=False,
        description="True lets later imports create the contact again from Xero. False marks its Xero"
        " contacts, so that no import brings them back.",
    )


def values(input: CreateContactInput | UpdateContactInput) -> Given:
    """The values that the input gives. Refuses (NOT_FOUND) an id that is no contact type's."""
    type_id = _said(input.contact_type_id)
    return Given(
        given_values(input),
        first_name=_said(input.first_name),
        last_name=_said(input.last_name),
        kind=_said(input.kind),
        contact_type_id=ids.get("ContactType", type_id, "contactTypeId")
        if isinstance(type_id, str)
        else type_id,
        identifiers=_identifiers(input.identifiers),
    )


def _identifiers(given: list[IdentifierInput] | None) -> list[Identifier] | UnsetType:
    if given is strawberry.UNSET:
        return UNSET
    return [Identifier(one.kind, one.value) for one in given or ()]


def _said(value: Said) -> Said | UnsetType:
    """UNSET for a member that the client left out."""
    return UNSET if value is strawberry.UNSET else value
