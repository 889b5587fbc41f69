"""A phone: one text in the practice, three parts in Xero, and a key to compare two spellings. Pure.

Google's libphonenumber reads phones as dialled from the organisation's country. A text that it does not accept as a
valid phone stays as typed.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat


@dataclass(frozen=True)
class PhoneParts:
    """Xero's country, area and number. '' means unset."""

    country: str = ""
    area: str = ""
    number: str = ""

    def as_json(self) -> Mapping[str, object]:
        """The phone in the form of a JSON column."""
        return {"country": self.country, "area": self.area, "number": self.number}

    @classmethod
    def from_json(cls, value: object) -> "PhoneParts":
        """The inverse of `as_json`. Raises ValueError for any other shape, such as another version may have written."""
        parts = value if isinstance(value, Mapping) else {}
        texts = [text for name in ("country", "area", "number") if isinstance(text := parts.get(name), str)]
        if len(texts) < 3:
            raise ValueError("a stored phone lacks country, area or number")
        return cls(*texts)


MOST_KEPT = 8_192  # phones whose key is remembered: to read one takes 0.1 ms and more
# A whole phone: digits and the signs between them, and an extension.
_EXTENSION = r"(?:\s*(?:,|;)?\s*(?:ext|extn|extension|x|#)[.:]?\s*\d{1,7})?"
_COUNTRY = re.compile(r"[\d\s+().\-]*")
_COUNTRY_CODES = frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
_PHONE = re.compile(rf"\+?[\d\s().\-/\u2010-\u2015]+{_EXTENSION}", re.IGNORECASE)


@lru_cache(MOST_KEPT)
def phone_key(text: str | None, region: str | None) -> str | None:
    """A key that is equal for two spellings of one phone, extension included. None for a blank.

    `region` is the ISO 3166 code (two letters) of the country that the phone is dialled from. If the text is no phone,
    its digits are the key; if the text has other letters too ("Ann 09 555 0101"), the whole text is.
    """
    trimmed = " ".join((text or "").split())
    if not trimmed:
        return None
    number = _parse(trimmed, region)
    if number is not None and phonenumbers.is_possible_number(number):
        return _exact(number)
    dialled = "".join(
        _digits(character) or (character if character in "+*#" else "") for character in trimmed
    )
    if any(map(str.isalpha, trimmed)) or not _digits(dialled):
        return trimmed.casefold()
    return dialled


def join_phone(parts: PhoneParts) -> str | None:
    """The phone as one text: +64 9 123 4567, or 09 123 4567 if Xero shows no country. None for a blank.

    A country that is no country code, such as an area code or 0011 64, stays as it is: with a + the phone would be another.
    """
    digits = _digits(parts.country).removeprefix("00") if _COUNTRY.fullmatch(parts.country) else ""
    known = digits.isdecimal() and not digits.startswith("0") and int(digits) in _COUNTRY_CODES
    country = f"+{digits}" if known else parts.country
    words = " ".join(f"{country} {parts.area} {parts.number}".split())
    return words if parts.area.strip() or parts.number.strip() else None


def split_phone(text: str | None, region: str | None) -> PhoneParts:
    """Xero's parts, which join to the same phone again.

    A text that libphonenumber does not accept as valid goes into `number` as typed: nothing of it is moved or lost.
    """
    trimmed = " ".join((text or "").split())
    number = _parse(trimmed, region) if trimmed else None
    if number is not None and phonenumbers.is_valid_number(number) and _is_plain(trimmed, number, region):
        parts = _split(trimmed, number)
        if phone_key(join_phone(parts), region) == _exact(number):
            return parts
    return PhoneParts(number=trimmed)


def _parse(text: str, region: str | None) -> PhoneNumber | None:
    """The phone, if the whole text is one phone; else None.

    A text that begins with 00 is read only if it begins with the region's international prefix. Otherwise somebody typed
    the prefix of another country, and libphonenumber would take the country code for a part of the number. For the same
    reason no other digits may come between the international prefix, the country code and the number. Otherwise 0011 65
    6123 4567, typed in New Zealand, would be a phone in the United States.
    """
    if not _PHONE.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region or None, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    return number if _is_dialled_from(region, text, number) else None


def _is_dialled_from(region: str | None, text: str, number: PhoneNumber) -> bool:
    """Whether the text begins with the region's international prefix and the country code, or with neither.

    The prefix is 00, or the whole first group, as 0011 in Australia: Singapore's prefixes begin with 00 and a third digit,
    so they would take the 6 of 0064. If the text begins with several prefixes of the region, as 00 and 006 in Hong Kong,
    the prefix must be the whole first group.
    """
    if number.country_code_source != phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return not _digits(text).startswith("00")
    before, metadata, code = _before_number(text, number), _metadata(region), str(number.country_code)
    if before is None or metadata is None:
        return False
    prefixes = re.compile(metadata.international_prefix or "")
    groups = [len(_digits(group)) for group in re.findall(r"\d+", _without_trunk(text))]
    begins = [length for length in range(1, len(before)) if prefixes.fullmatch(before[:length])]
    for tail in (code, f"{code}0"):
        length = len(before) - len(tail)
        if before.endswith(tail) and length in begins:
            alone = prefixes.fullmatch("00") and len(begins) == 1
            return bool(alone or length == groups[0]) and _is_apart(groups, length, length + len(code))
    return False


def _is_apart(groups: Sequence[int], prefix: int, code: int) -> bool:
    """Whether the typed groups, by their lengths, keep the international prefix and the country code whole. The prefix is
    the first `prefix` digits, and the country code ends after `code` digits.

    The country code ends with a group, or in the last one. In New Zealand 008 64 21 123 4567 would else be a phone in
    China, and 001353 22 12345 one in the United States.
    """
    ends = list(accumulate(groups))
    within = [end for end in ends if end < code and end != prefix]
    return not within and (code in ends or code > ends[-1] - groups[-1])


def _is_plain(text: str, number: PhoneNumber, region: str | None) -> bool:
    """Whether the text holds the digits of the number in their order, with only a trunk prefix, a country code or an
    international prefix before them. If it does not, as in Argentina, where 15 in the middle becomes 9 in front,
    splitting would rearrange what was typed."""
    before = _before_number(text, number)
    if before is None:
        return False
    if number.country_code_source == phonenumbers.CountryCodeSource.FROM_NUMBER_WITH_IDD:
        return True  # `_is_dialled_from` has looked at the digits before
    code = str(number.country_code)
    home = _metadata(region) or _metadata(phonenumbers.region_code_for_country_code(int(code)))
    trunk = (home.national_prefix if home else None) or ""
    return before in ("", trunk, code, code + trunk, f"{code}0")


def _before_number(text: str, number: PhoneNumber) -> str | None:
    """The digits of the text before the national number, without a trunk prefix in brackets. None if the text does not end
    with the national number."""
    typed = _digits(_without_trunk(text))
    national = phonenumbers.national_significant_number(number)
    return typed.removesuffix(national) if typed.endswith(national) else None


def _metadata(region: str | None) -> phonenumbers.PhoneMetadata | None:
    return phonenumbers.PhoneMetadata.metadata_for_region(region.upper()) if region else None


def _without_trunk(text: str) -> str:
    """The text without its extension, and without a trunk prefix in brackets."""
    return _without_extension(text).replace("(0)", "")


def _without_extension(text: str) -> str:
    return re.sub(rf"{_EXTENSION}$", "", text, flags=re.IGNORECASE)


def _exact(number: PhoneNumber) -> str:
    key = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    return f"{key};{number.extension}" if number.extension else key


def _split(text: str, number: PhoneNumber) -> PhoneParts:
    """The parts of a valid phone. The area is libphonenumber's area code, unless the typed groups say otherwise.

    In New Zealand 021 081 23456 is a phone of area 21, and libphonenumber groups it as 210 812 3456. So the first typed
    group is the area if it is shorter. A mobile phone without typed groups has no area.
    """
    national = phonenumbers.national_significant_number(number)
    length = phonenumbers.length_of_national_destination_code(number)
    groups = _typed_groups(text, national)
    if len(groups) < 2 and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE:
        length = 0
    shown = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    shown = shown.split(" ", 1)[-1].partition(" ext. ")[0]
    rest = national[length:]
    if len(groups) > 1 and len(groups[0]) < length:
        length, rest = len(groups[0]), " ".join(groups[1:])
    elif length and _digits(shown)[length:] == rest:
        rest = _after_digits(shown, length)
    extension = f" ext. {number.extension}" if number.extension else ""
    return PhoneParts(str(number.country_code), national[:length], rest + extension)


def _typed_groups(text: str, national: str) -> list[str]:
    """The digits of the national number in the groups of the typed text. Empty if the text does not end with them."""
    groups: list[str] = []
    left = national
    for group in map(_digits, reversed(re.findall(r"\d+", _without_extension(text)))):
        if not left:
            break
        if left.endswith(group):
            groups.insert(0, group)
            left = left.removesuffix(group)
        elif group.endswith(left):  # with a trunk prefix or the country code in front
            groups.insert(0, left)
            left = ""
        else:
            return []
    return groups if not left else []


def _digits(text: str) -> str:
    """The digits of the text, those of other scripts and full-width digits too, as 0 to 9."""
    return "".join(str(unicodedata.decimal(character, "")) for character in text)


def _after_digits(text: str, count: int) -> str:
    """The text from the digit after the first `count` digits on."""
    seen = 0
    for position, character in enumerate(text):
        if seen == count and character.isdigit():
            return text[position:]
        seen += character.isdigit()
    return ""
