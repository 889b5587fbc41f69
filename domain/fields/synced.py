"""The synced fields. SYNCED defines each field once, and the rest of Tandem derives from this list.

These derive from the list: how a link starts, merging, sending, the mirror's upsert, the mass-change counter, snapshots,
refusals, and the API's inputs and outputs. docs/ARCHITECTURE.md says what else a new field needs. Pure.

A value of a synced field has three forms:

- Value: as the practice holds it. A phone is one text.
- XeroValue: as Xero holds it. A phone is PhoneParts.
- Stored: either of them as JSON, in a column or in a link's `base_practice` and `base_xero`.

None is blank in each form.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

from domain.fields.phones import PhoneParts, join_phone, phone_key, split_phone
from domain.fields.values import PostalAddress, SeenContact, Value, XeroValue
from domain.problems import Code, Problem, Refused
from domain.tables import Contact, SyncedField, XeroContact

Values = Mapping[SyncedField, Value]
Stored = str | Mapping[str, object] | None
RowT = TypeVar("RowT")


class Kind(StrEnum):
    """How a value is compared, checked and sent."""

    TEXT = "TEXT"
    EMAIL = "EMAIL"
    PHONE = "PHONE"
    ADDRESS = "ADDRESS"


@dataclass(frozen=True)
class Descriptions:
    """The field's descriptions in the schema: in Contact, in XeroContact, and in the inputs."""

    contact: str
    xero_contact: str
    given: str


@dataclass(frozen=True)
class Synced:
    """One synced field.

    `column`: its column in `contact`, and its name in the API. `xero_column`: its column in `xero_contact`, and its name in
    XeroContact. `member`: Xero's name for the value; of a phone the PhoneType, of an address the AddressType. `longest`:
    how many characters the practice may give. `required`: neither side can be blank. `unique`: Xero refuses a second
    contact with this value. `forbidden`: characters that Xero refuses. `forbidden_says`: the message to people about them.
    """

    field: SyncedField
    kind: Kind
    column: str
    xero_column: str
    member: str
    descriptions: Descriptions
    longest: int = 255
    required: bool = False
    unique: bool = False
    forbidden: re.Pattern[str] | None = None
    forbidden_says: str = ""

    @property
    def api_name(self) -> str:
        """The field's name in the schema: billingEmail."""
        first, *rest = self.column.split("_")
        return first + "".join(part.capitalize() for part in rest)

    @property
    def words(self) -> str:
        """The field's name in a sentence: billing email."""
        return self.column.replace("_", " ")


_LIST = (
    Synced(
        SyncedField.NAME,
        Kind.TEXT,
        column="name",
        xero_column="name",
        member="Name",
        descriptions=Descriptions(
            contact="The full name, which invoices show. Synced with Xero's Name, and one of the two fields that matching"
            " compares. A contact that Xero shows without a name gets a made-up one (first and last name, else the email,"
            " else 'Unnamed contact'), which is neither matched nor sent before somebody changes it.",
            xero_contact="Xero's Name. It is synced with the practice contact's name.",
            given="The full name, at most 255 characters. As in every text, invisible characters are removed. Xero accepts no"
            " < or >.",
        ),
        required=True,
        unique=True,
        forbidden=re.compile(r"[<>\x00-\x08\x0e-\x1f\x7f]"),
        forbidden_says="Xero accepts no < or > and no control characters in a name. Remove them.",
    ),
    Synced(
        SyncedField.BILLING_EMAIL,
        Kind.EMAIL,
        column="billing_email",
        xero_column="email",
        member="EmailAddress",
        descriptions=Descriptions(
            contact="The address to which invoices go. Synced with Xero's EmailAddress, and one of the two fields that"
            " matching compares.",
            xero_contact="Xero's EmailAddress. It is synced with the practice contact's billing email.",
            given="One email address for invoices, at most 255 characters. If the contact is linked, Xero's own rules for"
            " addresses apply too.",
        ),
    ),
    Synced(
        SyncedField.PRIMARY_PHONE,
        Kind.PHONE,
        column="primary_phone",
        xero_column="phone",
        member="DEFAULT",
        descriptions=Descriptions(
            contact="The main phone number in one line, as it was typed here or as Xero shows it. Synced with Xero's default"
            " phone.",
            xero_contact="Xero's default phone: country, area and number in one line.",
            given="The main phone number, at most 50 characters, with at least one digit.",
        ),
        longest=50,
    ),
    Synced(
        SyncedField.BILLING_ADDRESS,
        Kind.ADDRESS,
        column="billing_address",
        xero_column="billing_address",
        member="POBOX",
        descriptions=Descriptions(
            contact="The postal address for letters and invoices. Synced with Xero's postal address (POBOX).",
            xero_contact="Xero's postal address, which its API calls POBOX.",
            given="The whole postal address for letters and invoices: parts that are left out become blank.",
        ),
    ),
)


def _check(fields: Sequence[Synced]) -> dict[SyncedField, Synced]:
    """Refuse a list that leaves out a SyncedField, or that names a column which no table has."""
    found = {one.field: one for one in fields}
    if list(found) != list(SyncedField) or len(found) != len(fields):
        raise ValueError(f"SYNCED and SyncedField differ: {sorted(set(SyncedField) ^ set(found))}")
    for one in fields:
        if one.column not in Contact.model_fields or one.xero_column not in XeroContact.model_fields:
            raise ValueError(
                f"{one.field} has no column {one.column} in contact or {one.xero_column} in xero_contact"
            )
    return found


SYNCED = _check(_LIST)


def canonical(field: SyncedField, value: Value, region: str | None) -> object:
    """The form in which two spellings of one value are equal. `region`: the organisation's country, for phones without
    one."""
    if isinstance(value, PostalAddress):
        parts = (value.city, value.region, value.postal_code, value.country, value.attention_to)
        return tuple(_words(part) for part in (*value.lines, "", *parts))
    if SYNCED[field].kind is Kind.PHONE:
        return phone_key(value, region)
    return _words(value)


def same(field: SyncedField, one: Value, other: Value, region: str | None) -> bool:
    """Whether the two are spellings of one value."""
    return one == other or canonical(field, one, region) == canonical(field, other, region)


def shown(value: Value | Mapping[str, object]) -> str | None:
    """The value in one line, for people. The parts of an address are joined by commas."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        value = PostalAddress.from_json(value)
    if isinstance(value, PostalAddress):
        parts = (value.attention_to, *value.lines, value.city, value.region, value.postal_code, value.country)
        return ", ".join(part for part in parts if part)
    return value


def stored(value: XeroValue) -> Stored:
    """The value of either side, in the form of a JSON column."""
    return value if value is None or isinstance(value, str) else value.as_json()


def loaded(field: SyncedField, value: object) -> Value:
    """The inverse of `stored`, for a value as the practice holds it."""
    if SYNCED[field].kind is Kind.ADDRESS:
        return PostalAddress.from_json(value) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else None


class UnreadableValueError(Refused):
    """The mirror holds a value in a form that this version does not know, such as a newer version may have written. No rule may take
    the value for a blank."""

    def __init__(self, field: SyncedField) -> None:
        name = field.value.replace("_", " ").lower()
        message = (
            f"This version of Tandem cannot read the {name} that it stored of this Xero contact. Update Tandem, or"
            " change the contact in Xero and call syncNow: Tandem then stores it anew."
        )
        super().__init__([Problem(Code.WRONG_STATE, message)])


def mirrored(field: SyncedField, value: object) -> XeroValue:
    """The inverse of `stored`, for a column of the mirror. Raises UnreadableValueError for a phone of another shape."""
    if SYNCED[field].kind is not Kind.PHONE:
        return loaded(field, value) or None
    try:
        return None if value is None else PhoneParts.from_json(value)
    except ValueError as error:
        raise UnreadableValueError(field) from error


def as_practice(value: XeroValue) -> Value:
    """Xero's value as the practice would hold it."""
    return join_phone(value) if isinstance(value, PhoneParts) else value


def as_xero(field: SyncedField, value: Value, region: str | None, held: XeroValue = None) -> XeroValue:
    """The practice's value as Xero is sent it. A phone that is the same number as `held`, the phone that Xero has, keeps
    Xero's spelling. `region`: the organisation's country."""
    if isinstance(value, PostalAddress):
        return value
    if SYNCED[field].kind is not Kind.PHONE:
        return _words(value) or None  # Xero refuses doubled spaces in a name
    if value is not None and isinstance(held, PhoneParts) and same(field, join_phone(held), value, region):
        return held
    return split_phone(value, region) if value else None


def practice_values(row: Contact | Mapping[str, object]) -> dict[SyncedField, Value]:
    """The values of a contact of the practice. A made-up name is for people to read, and counts as blank: it is not compared,
    sent or kept against a name that Xero gets."""
    column = _reader(row)
    held = {field: loaded(field, column(one.column)) for field, one in SYNCED.items()}
    return without_made_up(held, bool(column("name_made_up")))


def without_made_up(values: Values, made_up: bool) -> dict[SyncedField, Value]:
    """The values, with the name as a blank if it is `made_up`."""
    return {**values, SyncedField.NAME: None} if made_up else dict(values)


def mirror_values(row: XeroContact | Mapping[str, object]) -> dict[SyncedField, XeroValue]:
    """The values of a mirror row, in Xero's form."""
    column = _reader(row)
    return {field: mirrored(field, column(one.xero_column)) for field, one in SYNCED.items()}


def xero_values(row: XeroContact | Mapping[str, object]) -> dict[SyncedField, Value]:
    """The values of a mirror row, in the practice's form."""
    return {field: as_practice(value) for field, value in mirror_values(row).items()}


def readable_xero_values(row: XeroContact) -> dict[SyncedField, Value]:
    """The result of `xero_values`, but None for a value in an unknown form: see `with_readable_mirror_values`."""
    column = _reader(row)
    return {field: readable_xero_value(field, column(one.xero_column)) for field, one in SYNCED.items()}


def seen_values(seen: SeenContact) -> dict[SyncedField, Value]:
    """The snapshot's values in the practice's form. A field that the answer left out is absent."""
    return {field: as_practice(value) for field, value in seen.values.items()}


def with_practice_values(row: Callable[..., RowT]) -> Callable[..., RowT]:
    """Make `row` of a statement's columns. The columns of the synced fields in `contact` become its `values`."""
    return _with_values(row, {field: one.column for field, one in SYNCED.items()}, loaded)


def with_mirror_values(row: Callable[..., RowT]) -> Callable[..., RowT]:
    """Make `row` of a statement's columns. The columns of the synced fields in `xero_contact` become its `values`, in
    Xero's form."""
    return _with_values(row, {field: one.xero_column for field, one in SYNCED.items()}, mirrored)


def with_xero_values(row: Callable[..., RowT]) -> Callable[..., RowT]:
    """Does what `with_mirror_values` does, but gives the values in the practice's form."""
    columns = {field: one.xero_column for field, one in SYNCED.items()}
    return _with_values(row, columns, lambda field, value: as_practice(mirrored(field, value)))


def with_readable_mirror_values(row: Callable[..., RowT]) -> Callable[..., RowT]:
    """Does what `with_mirror_values` does, but gives None for a value whose form this version does not know. Use it for
    display and for checks only: a rule that decides about a value must not mistake such a value for a blank."""
    return _with_values(row, {field: one.xero_column for field, one in SYNCED.items()}, _readable)


def with_readable_xero_values(row: Callable[..., RowT]) -> Callable[..., RowT]:
    """Does what `with_readable_mirror_values` does, but gives the values in the practice's form."""
    columns = {field: one.xero_column for field, one in SYNCED.items()}
    return _with_values(row, columns, readable_xero_value)


def readable_xero_value(field: SyncedField, value: object) -> Value:
    """A column of the mirror as the practice would hold its value. None for a value in an unknown form."""
    return as_practice(_readable(field, value))


def _readable(field: SyncedField, value: object) -> XeroValue:
    try:
        return mirrored(field, value)
    except UnreadableValueError:
        return None


def _with_values(
    row: Callable[..., RowT],
    columns: Mapping[SyncedField, str],
    load: Callable[[SyncedField, object], XeroValue],
) -> Callable[..., RowT]:
    def make(**found: object) -> RowT:
        values = {field: load(field, found.pop(column)) for field, column in columns.items()}
        return row(**found, values=values)

    return make


def columns(values: Values) -> dict[str, Stored]:
    """Values of the practice by their columns in `contact`."""
    return {SYNCED[field].column: stored(value) for field, value in values.items()}


def _reader(row: Contact | XeroContact | Mapping[str, object]) -> Callable[[str], object]:
    return row.__getitem__ if isinstance(row, Mapping) else partial(getattr, row)


def _words(text: str | None) -> str:
    return " ".join((text or "").split())
