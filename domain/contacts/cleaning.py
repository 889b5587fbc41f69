"""The values that a person typed for a contact, trimmed and checked: texts, emails, phones, addresses and identifiers. Pure.

Each function adds what is wrong to `problems`, so that a person reads all problems at once.
"""

import unicodedata
from collections.abc import Sequence

from email_validator import EmailNotValidError, validate_email

from domain.fields import identifiers
from domain.fields.identifiers import Identifier
from domain.fields.synced import Kind, Synced
from domain.fields.values import PostalAddress, Value
from domain.fields.xero_limits import ADDRESS_LINES, LINE
from domain.names.text_keys import TYPOGRAPHIC, visible
from domain.problems import Code, Problem, control_characters, too_long

# The parts of an address: the name in the schema, and the highest number of characters.
_PARTS = {
    "city": ("city", 255),
    "region": ("region", 255),
    "postal_code": ("postalCode", 50),
    "country": ("country", 50),
    "attention_to": ("attentionTo", 255),
}
# Invisible characters that come with pasted text: marks of direction and order, soft hyphens, breaks without width. Those that
# join letters or keep them apart (U+200C, U+200D) belong to the spelling of Persian and Indian names, and stay.
_UNSEEN = dict.fromkeys(
    (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x202A, 0x202F), *range(0x2060, 0x2070),
     *range(0xFFF9, 0xFFFC))
)  # fmt: skip


def clean_synced(one: Synced, value: Value, problems: list[Problem]) -> Value:
    path = (one.api_name,)
    if isinstance(value, PostalAddress):
        return _clean_address(value, one.api_name, problems)
    if one.kind is Kind.EMAIL and value:
        value = _plain_email(value)
    text = clean_text(value, one.longest, path, problems)
    if text is None and one.required:
        problems.append(
            Problem(
                Code.REQUIRED,
                f"A contact needs a {one.words}. Give `{one.api_name}` at least one visible character.",
                path,
            )
        )
    if text and one.kind is Kind.EMAIL and not _is_email(text):
        problems.append(
            Problem(
                Code.INVALID, "This is not an email address. Give one address, such as ann@example.com.", path
            )
        )
    if text and one.kind is Kind.PHONE and not any(c.isdigit() for c in text):
        problems.append(Problem(Code.INVALID, "A phone number needs at least one digit.", path))
    return text


def _plain_email(value: str) -> str | None:
    """The address in plain letters: ligatures, full-width letters, and the apostrophes and dashes of word processors are
    replaced by plain characters, and characters without width are removed. Xero would refuse them."""
    plain = unicodedata.normalize("NFKC", value.translate(TYPOGRAPHIC)).replace("\u3002", ".")
    return "".join(c for c in plain if unicodedata.category(c) != "Cf") or None


def clean_text(value: str | None, limit: int, path: tuple[str, ...], problems: list[Problem]) -> str | None:
    text = (value or "").translate(_UNSEEN).strip()
    if not visible(text).strip():
        return None
    if len(text) > limit:
        problems.append(too_long(limit, len(text), *path))
    if any(ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) <= 0xDFFF for c in text):
        problems.append(control_characters(*path))
    return text


def _clean_address(value: PostalAddress, name: str, problems: list[Problem]) -> Value:
    if len(value.lines) > ADDRESS_LINES:
        problems.append(
            Problem(
                Code.TOO_MANY,
                f"An address has at most {ADDRESS_LINES} lines, and this one has {len(value.lines)}. Join some of them.",
                (name, "lines"),
            )
        )
    lines = [clean_text(line, LINE, (name, "lines", str(n)), problems) for n, line in enumerate(value.lines)]
    parts = {
        part: clean_text(getattr(value, part), limit, (name, called), problems)
        for part, (called, limit) in _PARTS.items()
    }
    return plain(PostalAddress(tuple(line for line in lines if line), **parts))


def _is_email(text: str) -> bool:
    try:
        validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return False
    return True


def plain(value: Value) -> Value:
    return PostalAddress.from_json(value.as_json()) if isinstance(value, PostalAddress) else value


def clean_identifiers(given: Sequence[Identifier], problems: list[Problem]) -> list[Identifier]:
    """The identifiers trimmed. Two equal ones are one. Refuses blank, personal and masked numbers."""
    if len(given) > identifiers.MOST:
        message = f"A contact holds at most {identifiers.MOST} identifiers, and these are {len(given)}. Leave some out."
        problems.append(Problem(Code.TOO_MANY, message, ("identifiers",)))
    cleaned: dict[tuple[str, str], Identifier] = {}
    for at, one in enumerate(given):
        path = ("identifiers", str(at), "value")
        value = clean_text(one.value, identifiers.LONGEST, path, problems)
        if value is None:
            message = "An identifier needs a value. Leave it out of the list to remove it from the contact."
            problems.append(Problem(Code.REQUIRED, message, path))
        elif identifiers.is_personal(one.kind, value):
            message = "This looks like a personal or masked tax number, which Tandem does not keep. Leave it out of the list."
            problems.append(Problem(Code.INVALID, message, path))
        else:
            found = Identifier(one.kind, value)
            cleaned.setdefault((found.kind, found.plain), found)
    return list(cleaned.values())
