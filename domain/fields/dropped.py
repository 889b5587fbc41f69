"""The characters that Xero may drop from a text: emoji, and all others outside Unicode's basic plane. Pure.

Xero accepts such a text and stores the rest of it. The practice keeps its own value, and nothing is sent again.
"""

import re
import unicodedata

from domain.fields.synced import same, shown
from domain.fields.values import PostalAddress, Value
from domain.tables import SyncedField

# Characters that join or colour emoji: joiner, keycap, variation selectors, tags of flags.
_AROUND = {0x200D, 0x20E3, *range(0xFE00, 0xFE10), *range(0xE0020, 0xE0080)}
_IN_PLACE = re.compile("[?\ufffd]")  # some programs put these in the place of each character


def is_dropped(character: str) -> bool:
    code = ord(character)
    symbol = code > 0x2000 and code != 0xFFFD and unicodedata.category(character) == "So"
    return code > 0xFFFF or code in _AROUND or symbol


def kept(value: Value) -> Value:
    """The value without the characters that Xero may drop. None if no character is left."""
    if isinstance(value, PostalAddress):
        parts = (value.city, value.region, value.postal_code, value.country, value.attention_to)
        lines = tuple(line for line in map(_kept_text, value.lines) if line)
        address = PostalAddress(lines, *map(_kept_text, parts))
        return None if address == PostalAddress() else address
    return _kept_text(value)


def stored_forms(text: str, *, surely: bool = False) -> list[str]:
    """The texts that Xero may store when Tandem sends this text. They are the whole text, the text without the characters
    outside the basic plane, and the text without all characters that Xero may drop. `surely`: leaves out the last one,
    because Xero keeps ™."""
    in_plane = " ".join("".join(c for c in text if ord(c) <= 0xFFFF).split())
    rest = None if surely else _kept_text(text)
    return list(dict.fromkeys(form for form in (text, in_plane, rest) if form))


def is_stored_form(field: SyncedField, practice: Value, xero: Value, region: str | None) -> bool:
    """Whether Xero's value is the practice's without some of the characters that Xero drops."""
    rest = kept(practice)
    if rest == practice or not _is_part(_dropped(xero), _dropped(practice)):
        return False
    return same(field, rest, kept(xero), region) or same(field, _plain(rest), _plain(kept(xero)), region)


def stored_otherwise(field_words: str, practice: Value, xero: Value) -> str:
    """A text for people: Xero's form of a value on which both sides agree, if the two sides hold different forms of it."""
    held = f"as “{shown(xero)}”" if xero else "as a blank"
    why = "" if kept(practice) == practice else f", without {_dropped_words(practice)}"
    return f"Xero stores the {field_words} {held}{why}. Your value stays here, and nothing is sent again."


def _dropped_words(value: Value) -> str:
    letters = any(unicodedata.category(c)[0] in "LN" for c in _dropped(value))
    return "some characters" if letters else "the emoji"


def _dropped(value: Value) -> str:
    return "".join(c for c in shown(value) or "" if is_dropped(c))


def _is_part(some: str, all_of_them: str) -> bool:
    """Whether `some` is `all_of_them` with characters left out."""
    rest = iter(all_of_them)
    return all(one in rest for one in some)


def _kept_text(text: str | None) -> str | None:
    if text is None or text.isascii():
        return text
    rest = "".join(c for c in text if not is_dropped(c))
    return text if rest == text else " ".join(rest.split()) or None


def _plain(value: Value) -> Value:
    """The value without the marks (? or U+FFFD) that some programs put in the place of a dropped character."""
    if isinstance(value, PostalAddress):
        return value
    return " ".join(_IN_PLACE.sub("", value).split()) or None if value else None
