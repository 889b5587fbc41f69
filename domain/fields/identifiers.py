"""Official numbers of a contact: their kinds, check digits and spellings, and what Xero's three fields hold. Pure.

Xero has CompanyNumber, TaxNumber and AccountNumber, each a free text. `of_xero` decides the kind of each from the field, the
organisation's country and the shape. Personal and masked tax numbers are dropped there, so no table ever holds them:

- a number with hidden digits ('***-**-1234');
- an American SSN, ITIN or ATIN, and nine American digits without the dash of an EIN;
- an Australian TFN: 8 or 9 digits in the tax field that are no valid ACN, or that are a valid TFN anywhere;
- a British UTR or National Insurance number;
- a New Zealand IRD number of a contact whose name is not surely an organisation's. An organisation's IRD number is its GST number, and is printed on its invoices. A person's IRD number is a personal tax number, even where it is a GST number too;
- any other number in the tax field, of a contact whose name is not surely an organisation's.

Check digits are those of python-stdnum.
"""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from stdnum import ean
from stdnum.au import abn, acn, tfn
from stdnum.eu import vat as eu_vat
from stdnum.gb import utr
from stdnum.gb import vat as gb_vat
from stdnum.nz import ird
from stdnum.util import clean as plain_text

from domain.fields.values import XeroNumbers, clean
from domain.tables import IdentifierKind, StoredIdentifier

Kind = IdentifierKind
LONGEST = 50  # characters, as in Xero
MOST = 20
# Kinds whose numbers are given to one body by a register. The others are a list's own numbers, or unknown.
REGISTERED = frozenset(
    (Kind.ABN, Kind.ACN, Kind.NZBN, Kind.NZ_COMPANY, Kind.UK_COMPANY, Kind.VAT, Kind.GST, Kind.EIN)
)
_AU = "AU"  # of an Australian company: its ACN, alone or at the end of its ABN
_LABEL = re.compile(
    r"^(?:ABN|ACN|NZBN|GST|IRD|VAT|EIN|CRN|CO|COMPANY)(?![A-Z])[ .:#-]*(?:(?:REG(?:ISTRATION)?|NO|NUMBER)\b[ .:#]*)*",
    re.IGNORECASE,
)
_PERSONAL_LABEL = re.compile(r"\b(?:TFN|SSN|ITIN|ATIN|NINO?|UTR)\b|TAX FILE|SOCIAL SECURITY", re.IGNORECASE)
_MASKED = re.compile(r"[*•●█▪]|##|\b[Xx]{2,}(?=[-\s\d])")
_SSN = re.compile(r"\d{3}[- ]\d{2}[- ]\d{4}")  # an ITIN and an ATIN are written so too
_NINO = re.compile(r"[A-Z]{2}\d{6}[A-D]")
_UK_COMPANY = re.compile(r"\d{8}|[A-Z]{2}\d{6}|R\d{7}")
_PERSONAL_TYPES = ("SSN", "ITIN", "ATIN", "PTIN")


@dataclass(frozen=True, order=True)
class Identifier:
    """An official number as somebody wrote it."""

    kind: IdentifierKind
    value: str

    @property
    def valid(self) -> bool | None:
        """Whether the check digits are right. None: such numbers have none."""
        check = _CHECKS.get(self.kind)
        return None if check is None else check(_compact(self.value))

    @property
    def key(self) -> str | None:
        """Equal for two spellings of one number. None for a number that does not show who a contact is: a wrong one, a
        placeholder such as 123456789, and a number of a kind that no register gives."""
        number = _compact(self.value)
        if self.kind not in REGISTERED or self.valid is False or _is_placeholder(number):
            return None
        if self.kind is Kind.VAT:
            letters, digits = _vat_parts(number)
            return f"VAT-{letters}/{digits}"
        if self.kind is Kind.UK_COMPANY:
            number = number.zfill(8)
            return f"{self.kind}/{number}" if _UK_COMPANY.fullmatch(number) else None
        if self.kind in (Kind.GST, Kind.NZ_COMPANY):
            number = number.lstrip("0")
        return f"{self.kind}/{number}" if len(number) >= 3 else None

    @property
    def keys(self) -> list[str]:
        """`key`, and the company's number that an ABN ends with: a company may be known by either."""
        number, key = _compact(self.value), self.key
        if key is None:
            return []
        if self.kind is Kind.ACN:
            return [key, f"{_AU}/{number}"]
        if self.kind is Kind.ABN and acn.is_valid(number[2:]):
            return [key, f"{_AU}/{number[2:]}"]
        return [key]

    @property
    def plain(self) -> str:
        """The number without spaces and signs, in capitals."""
        return _compact(self.value)

    @property
    def shown(self) -> str:
        """The number with its kind, for people: 'ABN 51 824 753 556'."""
        return f"{_WORDS.get(self.kind, self.kind)} {self.written}"

    @property
    def written(self) -> str:
        """The number as people write such numbers."""
        write = _FORMATS.get(self.kind)
        return write(_compact(self.value)) if write and self.valid else self.value

    def as_json(self) -> StoredIdentifier:
        return {"kind": str(self.kind), "value": self.value}


_WORDS = {
    Kind.NZ_COMPANY: "NZ company number",
    Kind.UK_COMPANY: "UK company number",
    Kind.VAT: "VAT number",
    Kind.GST: "GST number",
    Kind.ACCOUNT_NUMBER: "account number",
    Kind.OTHER: "number",
}


def of_stored(found: Sequence[StoredIdentifier] | None) -> list[Identifier]:
    return [Identifier(IdentifierKind(one["kind"]), one["value"]) for one in found or ()]


def keys_of(found: Iterable[Identifier]) -> list[str]:
    """The keys of all that show who a contact is, sorted."""
    return sorted({key for one in found for key in one.keys})


# Kinds of keys whose numbers have check digits: two different ones are two bodies, not a slip of the pen.
_TELLING = "ABN|ACN|NZBN|GST|VAT-[A-Z]{2}"


def same(one: Collection[str], other: Collection[str]) -> str | None:
    """The number that both have keys of, in words; None if they share none."""
    shared = sorted(set(one) & set(other))
    return _told(shared[0]) if shared else None


def differing(one: Collection[str], other: Collection[str]) -> tuple[str, str] | None:
    """The numbers, in words, of one kind with check digits of which both have keys and share none. In SQL: `sql_differing`."""
    mine, theirs = _by_kind(one), _by_kind(other)
    for kind in sorted(mine.keys() & theirs.keys()):
        if not mine[kind] & theirs[kind]:
            return _told(min(mine[kind])), _told(min(theirs[kind]))
    return None


def _by_kind(keys: Iterable[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for key in keys:
        kind = key.partition("/")[0]
        if re.fullmatch(_TELLING, kind):
            found.setdefault(kind, set()).add(key)
    return found


def sql_differing(one: str, other: str) -> str:
    """SQL: `differing` of two columns of keys."""
    kind = "split_part({}.key, '/', 1)"
    mine = kind.format("mine")
    return f"""(case when {one} = '{{}}' or {other} = '{{}}' then false else exists (
        select 1 from unnest({one}) mine(key) join unnest({other}) theirs(key) on {mine} = {kind.format("theirs")}
         where {mine} ~ '^({_TELLING})$' group by {mine} having bool_and(mine.key <> theirs.key)) end)"""


def _told(key: str) -> str:
    """A key in words: 'ABN 51 824 753 556'."""
    kind, _, number = key.partition("/")
    if kind == _AU:
        return Identifier(Kind.ACN, number).shown
    return Identifier(Kind(kind.partition("-")[0]), kind.partition("-")[2] + number).shown


def shown(found: Iterable[Identifier]) -> str | None:
    """All identifiers in one line, as the activity shows them. None if there are none."""
    return ", ".join(one.shown for one in found) or None


def is_personal(kind: IdentifierKind, value: str) -> bool:
    """Whether the value is a personal or masked tax number, as far as it shows without a country."""
    number = _compact(value)
    is_tfn = kind is Kind.ACN and tfn.is_valid(number) and not acn.is_valid(number)
    return is_tfn or _is_personal(value)


def _is_personal(text: str) -> bool:
    text = plain_text(text).strip()
    return bool(_MASKED.search(text) or _PERSONAL_LABEL.search(text) or _SSN.fullmatch(text))


def of_xero(numbers: XeroNumbers, country: str | None, is_body: Callable[[], bool]) -> list[Identifier]:
    """The identifiers in Xero's fields, without personal ones. `country`: the organisation's. `is_body`: whether the contact
    is surely an organisation; it is asked only where that decides."""
    read = (
        _company(numbers.company, country, is_body),
        _tax(numbers.tax, country, numbers.tax_type, is_body),
        _account(numbers.account, country),
    )
    return list(dict.fromkeys(one for one in read if one is not None))


def _company(text: str | None, country: str | None, is_body: Callable[[], bool]) -> Identifier | None:
    value = _unlabelled(text)
    if value is None or _is_personal(text or ""):
        return None
    number = _compact(value)
    if known := _known(number):
        return Identifier(known, value)
    if country == "AU" and number.isdecimal() and len(number) in (8, 9):
        return None if tfn.is_valid(number) and not acn.is_valid(number) else Identifier(Kind.ACN, value)
    if country == "AU" and number.isdecimal() and len(number) == 11:
        return Identifier(Kind.ABN, value)
    if country == "NZ" and number.isdecimal():
        if len(number) in (8, 9) and ird.is_valid(number):
            return Identifier(Kind.GST, value) if is_body() else None
        return Identifier(Kind.NZBN if len(number) == 13 else Kind.NZ_COMPANY, value)
    if country == "GB":
        if _is_british_and_personal(number):
            return None
        shaped = _UK_COMPANY.fullmatch(number.zfill(8)) and len(number) >= 6
        return Identifier(Kind.UK_COMPANY if shaped else Kind.OTHER, value)
    return _american(value, number, None) if country == "US" else Identifier(Kind.OTHER, value)


def _tax(
    text: str | None, country: str | None, tax_type: str | None, is_body: Callable[[], bool]
) -> Identifier | None:
    value = _unlabelled(text)
    said = (tax_type or "").upper().rpartition("/")[2]
    if value is None or said in _PERSONAL_TYPES or _is_personal(text or ""):
        return None
    number = _compact(value)
    if country == "US" or said == "EIN":
        return _american(value, number, said)
    if country == "AU" and number.isdecimal() and len(number) in (8, 9):
        is_acn = acn.is_valid(number) and not tfn.is_valid(number)
        return Identifier(Kind.ACN, value) if is_acn else None
    if country == "GB" and _is_british_and_personal(number):
        return None
    if known := _known(number):
        return Identifier(known, value)
    if country == "AU" and number.isdecimal() and len(number) == 11:
        return Identifier(Kind.ABN, value)
    if country == "GB" and re.fullmatch(r"(?:GB|XI)?(?:\d{9}|\d{12})", number):
        return Identifier(Kind.VAT, number if number[0].isalpha() else f"GB{number}")
    if not is_body():
        return None
    if country and eu_vat.is_valid(_EU_LETTERS.get(country, country) + number):
        return Identifier(Kind.VAT, _EU_LETTERS.get(country, country) + number)
    of_nz = country == "NZ" and number.isdecimal() and len(number) in (8, 9)
    return Identifier(Kind.GST if of_nz else Kind.OTHER, value)


def _account(text: str | None, country: str | None) -> Identifier | None:
    value = clean(text)
    if value is None or _is_personal(value):
        return None
    number = _compact(value)
    personal = (
        (country == "AU" and tfn.is_valid(number))
        or (country == "GB" and (bool(_NINO.fullmatch(number)) or utr.is_valid(number)))
        or (country == "US" and number.isdecimal() and len(number) == 9)
    )
    return None if personal else Identifier(Kind.ACCOUNT_NUMBER, value)


def _known(number: str) -> IdentifierKind | None:
    """The kind of a number whose form shows the kind, in every country."""
    if len(number) == 13 and _nzbn(number):
        return Kind.NZBN
    if len(number) == 11 and number.isdecimal() and abn.is_valid(number):
        return Kind.ABN
    return Kind.VAT if number[:2].isalpha() and _vat(number) else None


def _american(value: str, number: str, said: str | None) -> Identifier | None:
    """An EIN. Nine digits without its dash may be a person's SSN."""
    if said == "EIN" or re.fullmatch(r"\d{2}-\d{7}", value):
        return Identifier(Kind.EIN, value) if len(number) == 9 and number.isdecimal() else None
    return None if number.isdecimal() and len(number) == 9 else Identifier(Kind.OTHER, value)


def _is_british_and_personal(number: str) -> bool:
    digits = number.removesuffix("K").removeprefix("K")
    return bool(_NINO.fullmatch(number)) or (digits.isdecimal() and len(digits) == 10)


def _unlabelled(text: str | None) -> str | None:
    value = clean(text)
    return clean(_LABEL.sub("", value)) if value else None


def _compact(value: str) -> str:
    """The number in capitals, without spaces, dashes, dots and slashes."""
    return plain_text(value, " -./,").upper()


def _is_placeholder(number: str) -> bool:
    digits = re.sub(r"\D", "", number)
    return len(set(digits)) <= 1 or digits in "0123456789" or digits in "9876543210"


def _nzbn(number: str) -> bool:
    return len(number) == 13 and number.startswith("94") and bool(ean.is_valid(number))


def _vat_parts(number: str) -> tuple[str, str]:
    """The country's letters and the rest. Northern Ireland's numbers are British ones."""
    letters, rest = (number[:2], number[2:]) if number[:2].isalpha() else ("GB", number)
    if letters in ("GB", "XI"):
        # The last three digits of twelve are a branch.
        return ("GB", rest[:9] if len(rest) == 12 and rest.isdecimal() else rest)
    return letters, rest


def _vat(number: str) -> bool:
    letters, rest = _vat_parts(number)
    return bool(gb_vat.is_valid(rest) if letters == "GB" else eu_vat.is_valid(letters + rest))


_EU_LETTERS = {"GR": "EL"}
_CHECKS: dict[IdentifierKind, Callable[[str], bool | None]] = {
    Kind.ABN: abn.is_valid,
    Kind.ACN: acn.is_valid,
    Kind.NZBN: _nzbn,
    Kind.VAT: _vat,
    # Other countries have GST numbers too, of other lengths.
    Kind.GST: lambda number: ird.is_valid(number) if number.isdecimal() and len(number) in (8, 9) else None,
}
_FORMATS: dict[IdentifierKind, Callable[[str], str]] = {
    Kind.ABN: abn.format,
    Kind.ACN: acn.format,
    Kind.NZBN: str,
    Kind.VAT: str,
    Kind.GST: ird.format,
}
