"""The keys that matching and search compare. Python normalises text here; SQL never does.

PostgreSQL's lower() and Python's casefold() differ on ß, İ and final sigma: keys made in two places would differ. `VERSION`
is stored with each key. If a rule changes here, or a rule of domain.names.similarity by which contacts are found, raise
`VERSION`: `tandem migrate` then rebuilds the keys (domain.contacts.rebuild_keys). tests/domain/names/test_text_keys.py
fails if `VERSION` was forgotten.
"""

import re
import unicodedata

from domain.fields.dropped import stored_forms
from domain.fields.values import FILLERS, WIDTHLESS

VERSION = 7
_BLANK = FILLERS | WIDTHLESS
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
# Typographic variants of one character. They are replaced before NFKC, which takes some of them apart ('´').
TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys(
            "\u2018\u2019\u201a\u201b\u2032\u2035`\u00b4\u02b9\u02bb\u02bc\u02bd\u02c8\u02ca\u02cb\ua78c\uff07\uff40",
            "'",
        ),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\uff02", '"'),
        **dict.fromkeys(
            "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63\uff0d\u2e3a\u2e3b", "-"
        ),
    }
)


def name_key(text: str | None) -> str | None:
    """The name after NFKC, without control and zero-width characters, with single spaces, casefolded. None for a blank.

    Apostrophes of all shapes are one sign, and so are quotation marks and dashes.
    """
    return _key(text)


def keys_in_xero(name: str, *, surely: bool = False) -> list[str]:
    """The keys of the name as Xero may store it. Xero drops emoji, and compares the rest with its names. `surely`: as
    `stored_forms`."""
    return [key for key in dict.fromkeys(map(name_key, stored_forms(name, surely=surely))) if key]


def email_key(text: str | None) -> str | None:
    """The email by the rules of name_key, and without any space."""
    key = _key(text)
    return key.replace(" ", "") if key else None


def _key(text: str | None) -> str | None:
    signs = (text or "").translate(TYPOGRAPHIC)
    folded = unicodedata.normalize("NFKC", signs).casefold()
    # Casefolding can undo the normal form (İ, ǰ), so the text is normalised twice.
    normal = unicodedata.normalize("NFKC", folded)
    return " ".join(visible(normal).translate(TYPOGRAPHIC).split()) or None


def visible(text: str) -> str:
    """The text without invisible characters. Each white-space character, and each filler that looks like a space, becomes one."""
    if text.isprintable() and _BLANK.isdisjoint(text):  # nearly every text
        return text
    return "".join(
        " " if c.isspace() or c in FILLERS else c
        for c in text
        if c.isspace() or (c not in WIDTHLESS and unicodedata.category(c) not in _UNSEEN)
    )


def search_key(*texts: str | None) -> str:
    """The words of name, email and phone with a space before each: the pattern '% ada%' finds the beginning of a word.

    Accents are folded, because people search without them. The whole email and the whole phone are words, and so are
    the parts of the email and the digits of the phone.
    """
    words: dict[str, None] = {}
    for text in texts:
        for word in (_plain(text) or "").split():
            words[word] = None
            words.update(dict.fromkeys(part for part in re.split(r"[^\w]+", word) if part))
        digits = re.sub(r"\D", "", text or "")
        if len(digits) >= 3:
            words.update({digits: None, digits.lstrip("0"): None})
    return "".join(f" {word}" for word in words)


def search_patterns(search: str) -> list[str]:
    """LIKE patterns for a search. A row fits if its search_key matches all of them. A search without words has no pattern."""
    digits = re.sub(r"\D", "", search)
    if digits and re.fullmatch(r"[\d\s()+./-]+", search.strip()):
        return [f"% {digits.lstrip('0')}%"]
    return [f"% {_escape(word)}%" for word in (_plain(search) or "").split()]


def _plain(text: str | None) -> str | None:
    decomposed = unicodedata.normalize("NFKD", _key(text) or "")
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _escape(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
