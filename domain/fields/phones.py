"""A phone as one text, as Xero's three parts, and as what two spellings of it have in common. Pure.

The practice keeps one text; Xero keeps country, area and number. Numbers are understood by Google's libphonenumber
as dialled from the organisation's country. What it does not understand stays as it was typed.
"""

import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat


@dataclass(frozen=True)
class PhoneParts:
    """As Xero has them; '' where unset."""

    country: str = ""
    area: str = ""
    number: str = ""

    def as_json(self) -> dict[str, str]:
        return {"country": self.country, "area": self.area, "number": self.number}


def phone_key(text: str | None, region: str | None) -> str | None:
    """Equal for two spellings of one number dialled from `region` (ISO 3166 code of two letters), extension
    included; null for blank. Without digits the text itself counts, without case."""
    trimmed = " ".join((text or "").split())
    if not trimmed:
        return None
    number = _find_number(trimmed, region)
    if number is None:
        return re.sub(r"[^0-9+]", "", trimmed) if any(map(str.isdigit, trimmed)) else trimmed.casefold()
    return _exact(number)


def join_phone(parts: PhoneParts) -> str | None:
    """+64 9 123 4567, or 09 123 4567 where Xero shows no country; null for blank."""
    digits = re.sub(r"[^0-9]", "", parts.country).removeprefix("00")
    country = f"+{digits}" if digits else parts.country
    words = " ".join(f"{country} {parts.area} {parts.number}".split())
    return words if parts.area.strip() or parts.number.strip() else None


def split_phone(text: str | None, region: str | None) -> PhoneParts:
    """The parts that join to the same number again. Where a split would not, all of it is the number."""
    trimmed = " ".join((text or "").split())
    number = _find_number(trimmed, region) if trimmed else None
    if number is not None:
        parts = _split(number)
        if phone_key(join_phone(parts), region) == _exact(number):
            return parts
    return PhoneParts(number=trimmed)


def _find_number(text: str, region: str | None) -> PhoneNumber | None:
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_possible_number(number) else None


def _exact(number: PhoneNumber) -> str:
    key = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{key};{number.extension}" if number.extension else key


def _split(number: PhoneNumber) -> PhoneParts:
    national = phonenumbers.national_significant_number(number)
    length = phonenumbers.length_of_national_destination_code(number)
    spaced = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    rest = national[length:]
    shown = spaced.split(" ", 1)[-1].partition(" ext. ")[0]
    if length and _digits(shown)[length:] == rest:
        rest = _after_digits(shown, length)
    extension = f" ext. {number.extension}" if number.extension else ""
    return PhoneParts(str(number.country_code), national[:length], rest + extension)


def _digits(text: str) -> str:
    return re.sub(r"[^0-9]", "", text)


def _after_digits(text: str, count: int) -> str:
    """What follows the first `count` digits, without the spaces and signs in between."""
    seen = 0
    for position, character in enumerate(text):
        if seen == count and character.isdigit():
            return text[position:]
        seen += character.isdigit()
    return ""
