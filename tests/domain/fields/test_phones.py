"""One phone number in several spellings, in one text and in three parts."""

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.fields.phones import PhoneParts, join_phone, phone_key, split_phone

REGIONS = ("NZ", "AU", "GB", "US", "SG", "IT", "AR", "FR")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("09 123 4567", "+64 9 123 4567"),
        ("(09) 123-4567", "0064 9 1234567"),
        ("+64 (0)9 123 4567", "09 123 4567"),
        ("0800 83 83 83", "0800838383"),
        ("09 123 4567 ext 12", "+6491234567 x12"),
        ("  ", None),
        ("Reception", "reception"),
    ],
)
def test_two_spellings_of_one_phone_are_equal(one: str, other: str | None) -> None:
    assert phone_key(one, "NZ") == phone_key(other, "NZ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("09 123 4567", "09 123 4568"),
        ("+61 9 123 4567", "+64 9 123 4567"),
        ("09 123 4567", "09 123 4567 ext 1"),
        ("Reception", "Office"),
        ("09 123 4567", ""),
    ],
)
def test_two_different_phones_are_not_equal(one: str, other: str) -> None:
    assert phone_key(one, "NZ") != phone_key(other, "NZ")


def test_a_number_is_dialled_from_the_organisations_country() -> None:
    assert phone_key("02 9876 5432", "AU") == "+61298765432"
    assert phone_key("02 9876 5432", None) == "0298765432"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (PhoneParts("64", "9", "123 4567"), "+64 9 123 4567"),
        (PhoneParts("+64", "9", "123 4567"), "+64 9 123 4567"),
        (PhoneParts("0064", "9", "123 4567"), "+64 9 123 4567"),
        (PhoneParts("", "09", "123 4567"), "09 123 4567"),
        (PhoneParts("", "", "call Ada"), "call Ada"),
        (PhoneParts("NZ 64", "9", "123 4567"), "NZ 64 9 123 4567"),
        (PhoneParts("09", "", "123 4567"), "09 123 4567"),  # the area code in the field of the country
        (PhoneParts("0", "9", "123 4567"), "0 9 123 4567"),
        (PhoneParts("0011 64", "9", "123 4567"), "0011 64 9 123 4567"),  # +1164 would be the United States
        (PhoneParts("011", "64", "9 123 4567"), "011 64 9 123 4567"),
        (PhoneParts("+64 (0)", "9", "123 4567"), "+64 (0) 9 123 4567"),
        (PhoneParts("999", "9", "123 4567"), "999 9 123 4567"),  # no country has this code
        (PhoneParts("64", "", ""), None),
        (PhoneParts(), None),
    ],
)
def test_the_three_parts_of_a_phone_are_joined_to_one_text(parts: PhoneParts, text: str | None) -> None:
    assert join_phone(parts) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("09 379 1234", PhoneParts("64", "9", "379 1234")),
        ("09 123 4567", PhoneParts(number="09 123 4567")),  # possible, but not valid: as typed
        ("0064 9 555 0101", PhoneParts("64", "9", "555 0101")),
        ("021 081 23456", PhoneParts("64", "21", "081 23456")),
        ("(021) 08123456", PhoneParts("64", "21", "08123456")),
        ("+64 21 081 23456", PhoneParts("64", "21", "081 23456")),
        ("02108123456", PhoneParts("64", "", "2108123456")),
        ("Ann 09 555 0101", PhoneParts(number="Ann 09 555 0101")),
        ("09 555 0101 (Ann)", PhoneParts(number="09 555 0101 (Ann)")),
        ("09 555 0101 or 021 123 456", PhoneParts(number="09 555 0101 or 021 123 456")),
        ("0800 WESTMR", PhoneParts(number="0800 WESTMR")),
        ("09 555 0101 x12", PhoneParts("64", "9", "555 0101 ext. 12")),
        ("+61 2 9876 5432 ext 7", PhoneParts("61", "2", "9876 5432 ext. 7")),
        ("021 123 456", PhoneParts("64", "21", "123 456")),
        ("+1 (212) 555-0123", PhoneParts("1", "212", "555-0123")),
        ("call Ada", PhoneParts(number="call Ada")),
        (None, PhoneParts()),
    ],
)
def test_one_text_is_split_into_the_three_parts_of_a_phone(text: str | None, parts: PhoneParts) -> None:
    assert split_phone(text, "NZ") == parts


@pytest.mark.parametrize("region", ["AU", "US", "SG", "JP", "CA", None])
@pytest.mark.parametrize("text", ["0064 9 555 0101", "0049 30 5550 1234", "00 44 20 7946 0958"])
def test_a_prefix_that_the_region_does_not_dial_stays_as_typed(text: str, region: str | None) -> None:
    assert split_phone(text, region) == PhoneParts(number=text)
    assert phone_key(text, region) == text.replace(" ", "")


@pytest.mark.parametrize(
    ("text", "region"),
    [
        (
            "0011 65 6123 4567",
            "NZ",
        ),  # Australia's prefix; after New Zealand's 00 it would be a phone in the United States
        ("0011 1 212 555 0123", "GB"),
        ("011 64 9 379 1234", "NZ"),  # the prefix of the United States
        ("001 64 9 379 1234", "AU"),  # Singapore's
        ("008 64 21 123 4567", "NZ"),  # 00 and 86 would be a phone in China
        ("002 64 800 123 456", "NZ"),  # and 264 one in Namibia
        (
            "001353 22 12345",
            "GB",
        ),  # Hong Kong's prefix and Ireland; 1 and 353 would be a phone in the United States
        ("0014 685 800 123", "NZ"),  # a carrier of Australia, and Samoa
        ("00 1 201-555-0123", "HK"),  # 001 and 20 would be a phone in Egypt
        ("0012015550123", "HK"),
        ("001 201-555-0123", "SG"),
        ("0064 0211234567", "HK"),  # 006 and 40 would be a phone in Romania
        ("0011 353 22 12345", "HK"),
        ("011 15 2345-6789", "AR"),  # libphonenumber puts a 9 in front
        ("0 15 21 2345-6789", "BR"),  # with the code of a carrier, which libphonenumber drops
        ("+64 9 379 1234, 021 123 456", "NZ"),
        ("09 379 1234/021 123 456", "NZ"),
        ("c/o 09 379 1234", "NZ"),
        ("09 379 1234 (after 5 pm)", "NZ"),
    ],
)
def test_a_phone_that_libphonenumber_would_rearrange_stays_as_typed(text: str, region: str) -> None:
    assert split_phone(text, region) == PhoneParts(number=text)
    assert join_phone(PhoneParts(number=text)) == text


@pytest.mark.parametrize(
    ("text", "region", "parts"),
    [
        ("0011 64 9 379 1234", "AU", PhoneParts("64", "9", "379 1234")),
        ("011 64 9 379 1234", "US", PhoneParts("64", "9", "379 1234")),
        ("001 64 9 379 1234", "SG", PhoneParts("64", "9", "379 1234")),
        ("001 1 201-555-0123", "HK", PhoneParts("1", "201", "555-0123")),
        ("(00) 64 9 379 1234", "GB", PhoneParts("64", "9", "379 1234")),
        ("00 6493791234", "GB", PhoneParts("64", "9", "379 1234")),
        ("006493791234", "GB", PhoneParts("64", "9", "379 1234")),
        ("0064 (0)9 379 1234", "NZ", PhoneParts("64", "9", "379 1234")),
        ("+64 (0)9 379 1234", "AU", PhoneParts("64", "9", "379 1234")),
        ("0039 06 6982 1234", "NZ", PhoneParts("39", "06", "6982 1234")),
        ("０９ ３７９ １２３４", "NZ", PhoneParts("64", "9", "379 1234")),
    ],
)
def test_the_regions_own_international_prefix_is_read(text: str, region: str, parts: PhoneParts) -> None:
    assert split_phone(text, region) == parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("٠٩ ٣٧", "٠٩ ٣٨"),
        ("*555", "555"),
        ("555#1", "5551"),
        ("²", "³"),
        ("0011 65 6123 4567", "+1 656 123 4567"),
    ],
)
def test_signs_and_digits_of_every_script_count(one: str, other: str) -> None:
    assert phone_key(one, "NZ") != phone_key(other, "NZ")


_XEROS = st.text("0123456789+ ()-ab", max_size=12)


@given(st.builds(PhoneParts, st.one_of(st.just(""), st.sampled_from(["64", "+61", "0044", "NZ 64"]), _XEROS), _XEROS, _XEROS),
       st.sampled_from([*REGIONS, None]))  # fmt: skip
def test_xeros_phone_survives_the_way_to_the_practice_and_back(parts: PhoneParts, region: str | None) -> None:
    text = join_phone(parts)
    if text is None:
        assert not (parts.area + parts.number).strip()
        return
    for held in (parts.area, parts.number):
        assert " ".join(held.split()) in text
    if any(map(str.isalpha, parts.country)):
        assert " ".join(parts.country.split()) in text
    assert phone_key(join_phone(split_phone(text, region)), region) == phone_key(text, region)


@given(st.text("0123456789 ()+-.x", max_size=24), st.sampled_from([*REGIONS, "BR", "JP", None]))
def test_a_phone_that_is_split_keeps_its_digits_in_their_order(text: str, region: str | None) -> None:
    parts = split_phone(text, region)
    kept = "".join(filter(str.isdigit, parts.area + parts.number))
    typed = "".join(filter(str.isdigit, text.replace("(0)", "")))
    assert typed.endswith(kept)


@pytest.mark.parametrize(
    ("one", "other"), [("Ann 09 555 0101", "09 555 0101"), ("Ann 095550101", "Bob 095550101")]
)
def test_words_next_to_a_phone_are_part_of_the_value(one: str, other: str) -> None:
    assert phone_key(one, "NZ") != phone_key(other, "NZ")


@given(st.text("0123456789 ()+-.x", max_size=24), st.sampled_from([*REGIONS, None]))
def test_an_invalid_phone_is_never_rearranged(text: str, region: str | None) -> None:
    parts = split_phone(text, region)
    if parts.country:
        parsed = phonenumbers.parse(text, region)
        assert phonenumbers.is_valid_number(parsed)
        assert parts.area + "".join(filter(str.isdigit, parts.number)) in (
            phonenumbers.national_significant_number(parsed) + (parsed.extension or ""),
        )
    else:
        assert parts == PhoneParts(number=" ".join(text.split()))


@given(st.sampled_from(REGIONS), st.sampled_from(REGIONS), st.text("0123456789", max_size=8), st.booleans())
def test_a_valid_phone_survives_split_and_join(home: str, region: str, tail: str, national: bool) -> None:
    example = phonenumbers.example_number(region)
    assert example is not None
    digits = str(example.national_number)
    number = phonenumbers.PhoneNumber(
        country_code=example.country_code,
        national_number=int(digits[: max(len(digits) - len(tail), 1)] + tail),
        italian_leading_zero=example.italian_leading_zero,
    )
    assume(phonenumbers.is_possible_number(number))
    style = phonenumbers.PhoneNumberFormat
    text = phonenumbers.format_number(
        number, style.NATIONAL if national and home == region else style.INTERNATIONAL
    )
    assert phone_key(join_phone(split_phone(text, home)), home) == phone_key(text, home)


@given(st.text(max_size=60), st.sampled_from([*REGIONS, None]))
def test_any_typed_text_survives_split_and_join(text: str, region: str | None) -> None:
    assert phone_key(join_phone(split_phone(text, region)), region) == phone_key(text, region)
