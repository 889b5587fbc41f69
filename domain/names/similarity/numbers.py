"""Numbers and dates in names: one way of writing for each number, and no dates. Pure."""

import re

ROMAN = dict(zip("ii iii iv vi vii viii ix".split(), (2, 3, 4, 6, 7, 8, 9), strict=True))
_UNITS = {
    word: at
    for at, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split(),
        1,
    )
}
UNITS = "|".join(_UNITS)
_TENS = {
    word: at * 10
    for at, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)
}
_ORDINALS = {
    word: f"{at}{end}"
    for at, (word, end) in enumerate(
        zip(
            "first second third fourth fifth sixth seventh eighth ninth".split(),
            ("st", "nd", "rd", *["th"] * 6),
            strict=True,
        ),
        1,
    )
}
_SCALES = {"hundred": 100, "thousand": 1000}
# Dates that payment notes add to a name: 'Orr Ltd 12/03/2024', 'Lee rent March 2024'.
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|january|february|march|april|june|july|august|september|october|november|december"
_DATE = re.compile(
    r"\b\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d{2})\b|\b(?:19|20)\d\d-\d\d-\d\d\b"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?[ -](?:{_MONTHS})\b\.?(?:[ -](?:(?:19|20)\d\d|\d\d)\b)?|\b(?:{_MONTHS})\.?[ -](?:19|20)\d\d\b"
    r"|\b(?:inv|invoice|ref|reference|receipt|rcpt|po)\b[.:]?\s?(?:no\.?\s?)?#?\s?\d{3,}\b"
)


def without_dates(plain: str) -> str:
    """The text without dates and numbers of invoices. A name that is nothing but a date stays."""
    without = re.sub(r"(?<=\d),(?=\d{3}\b)", "", _DATE.sub(" ", plain))
    return without if any(map(str.isalpha, without)) else plain


def numbered(words: list[str]) -> list[str]:
    """The words with each number in digits: 'twenty four' gives 24, 'iv' gives 4, '007' gives 7."""
    found: list[str] = []
    at = 0
    while at < len(words):
        if ordinal := _ordinal(words, at):
            found.append(ordinal)
            at += 2
            continue
        value, end = _number(words, at)
        if end == at:
            found.append(words[at])
            at += 1
        else:
            found.append(str(value))
            at = end
    return found


def _ordinal(words: list[str], at: int) -> str:
    """'21st' for 'twenty first'. '' if no such number begins here."""
    if words[at] not in _TENS or at + 1 == len(words) or words[at + 1] not in _ORDINALS:
        return ""
    return f"{_TENS[words[at]] // 10}{_ORDINALS[words[at + 1]]}"


def _number(words: list[str], at: int) -> tuple[int, int]:
    """The number that begins at a place in the words, and the place after its end: the same place if there is none."""
    word = words[at]
    if word.isdecimal() and word.isascii():
        return int(word), at + 1
    if word in ROMAN:
        return ROMAN[word], at + 1
    value = 0
    if words[at] in _TENS:
        value, at = _TENS[words[at]], at + 1
        if at < len(words) and 0 < _UNITS.get(words[at], 0) < 10:
            value, at = value + _UNITS[words[at]], at + 1
    elif words[at] in _UNITS:
        value, at = _UNITS[words[at]], at + 1
    if at < len(words) and words[at] in _SCALES:
        value, at = max(value, 1) * _SCALES[words[at]], at + 1
        if at < len(words) and (words[at] in _TENS or words[at] in _UNITS):
            more, at = _number(words, at)
            value += more
    return value, at
