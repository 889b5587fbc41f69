"""What matching and searching compare: text normalised in one place, in Python, never in SQL.

PostgreSQL's lower() and Python's casefold() differ on ß, İ and final sigma, so a key made in two places would
miss. `VERSION` is stored beside each key: raise it when a rule here or in domain.names.similarity, by which contacts are found,
changes, and `tandem migrate` makes the keys anew (domain.contacts.rebuild_keys). tests/domain/names/test_text_keys.py notices.
"""

import re
import unicodedata

VERSION = 4
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}


def name_key(text: str | None) -> str | None:
    """NFKC, without control and zero-width characters, spaces collapsed, casefolded; None for blank."""
    return _key(text)


def email_key(text: str | None) -> str | None:
    """As name_key; an address has no spaces, so all of them go."""
    key = _key(text)
    return key.replace(" ", "") if key else None


def _key(text: str | None) -> str | None:
    folded = unicodedata.normalize("NFKC", text or "").casefold()
    # Casefolding can undo the normal form (İ, ǰ), so it is made twice.
    normal = unicodedata.normalize("NFKC", folded)
    return " ".join(visible(normal).split()) or None


def visible(text: str) -> str:
    """White space stays white space; what nobody sees goes."""
    if text.isprintable():  # as nearly every text is: no white space but spaces, and nothing unseen
        return text
    return "".join(
        " " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c) not in _UNSEEN
    )


def search_key(*texts: str | None) -> str:
    """The words of name, email and phone, a space before each, so that '% ada%' finds the beginnings of words.

    Accents are folded here, as people search without them. The parts of an email and the digits of a phone count
    as words, and so does the whole of each.
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
    """LIKE patterns of which a row's search_key must match each. No words: no pattern, and every row fits."""
    digits = re.sub(r"\D", "", search)
    if digits and re.fullmatch(r"[\d\s()+./-]+", search.strip()):
        return [f"% {digits.lstrip('0')}%"]
    return [f"% {_escape(word)}%" for word in (_plain(search) or "").split()]


def _plain(text: str | None) -> str | None:
    decomposed = unicodedata.normalize("NFKD", _key(text) or "")
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _escape(word: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", word)
