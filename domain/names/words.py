"""The parts of a name: legal forms, titles, notes, trades. Pure. Words are in lower case and without accents.

The lists hold common knowledge and stay short, because the trained models of classification and similarity know the
rest.
"""

import re
import unicodedata
from functools import lru_cache
from html import unescape

from domain.names import word_lists
from domain.names.lexicon import look_up
from domain.names.text_keys import TYPOGRAPHIC

# Spellings of a legal form, and the one form that replaces them in comparisons. The words of a form are replaced first,
# then the whole form: 'Pty. Limited', 'pty ltd' and 'P/L' are one.
LEGAL_WORDS = {
    **dict.fromkeys(("ltd", "limited", "ltda", "limitada", "ltee"), "ltd"),
    **dict.fromkeys(("pty", "proprietary", "pte"), "pty"),
    **dict.fromkeys(("inc", "incorporated", "incorporation"), "inc"),
    **dict.fromkeys(("corp", "corporation"), "corp"),
    **dict.fromkeys(("co", "coy", "company"), "co"),
    **dict.fromkeys(("cooperative", "coop"), "coop"),
    **dict.fromkeys(("gmbh", "mbh"), "gmbh"),
    **dict.fromkeys(("oy", "oyj"), "oy"),
    **dict.fromkeys(("dac", "clg", "cic", "npc", "cio", "cc"), ""),
    **dict.fromkeys(("plc", "llc", "llp", "lp", "lllp", "pllc", "pc", "ulc"), ""),
    **dict.fromkeys(
        ("ag", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "ab", "asa", "aps", "kg", "ohg"), ""
    ),
    **dict.fromkeys(
        ("kgaa", "eurl", "sl", "slu", "kft", "zrt", "rt", "doo", "ood", "eood", "sia", "uab"), ""
    ),
    **dict.fromkeys(
        ("bhd", "sdn", "tbk", "pt", "cv", "kk", "kabushiki", "kaisha", "pvt", "pjsc", "ojsc"), ""
    ),
    **dict.fromkeys(
        ("ооо", "оао", "зао", "пао", "ао", "ип", "тов", "еоод", "оод", "有限公司", "株式会社"), ""
    ),
}
LEGAL = frozenset(LEGAL_WORDS)
# Forms that are also common words or letters count only at the end of a name.
LEGAL_LAST = frozenset(
    ("ag", "sa", "ab", "as", "pt", "co", "pc", "lp", "cv", "sl", "rt", "kk", "spa", "se", "cc")
)
TRUSTS = frozenset(
    ("trust", "trusts", "trustee", "trustees", "ttee", "ttees", "tst", "atf", "superannuation", "estate")
)
TITLES = frozenset(
    "mr mrs ms miss mx mister messrs dr drs doctor doctors prof professor sen sir dame lady lord rev revd reverend fr "
    "father sister brother hon honourable senator mayor cr councillor judge justice capt captain col colonel maj "
    "major sgt lt pastor rabbi imam sheikh sheik herr frau mme mlle sr sra srta don dona congressman "
    "congresswoman representative matua whaea shri smt dato datuk datin haji ustaz brigadier lieutenant sergeant uncle aunty baron baroness archbishop".split()
)
POSTNOMINALS = frozenset(
    "am ao oam ac mp mla mlc mhr jr snr jnr ii iii iv md phd obe mbe cbe kcmg qc kc sc dds esq cpa ca mba bds jp "
    "cnzm onzm mnzm qso msc bsc ba rn do dc mlitt frcs mrcp dnzm "
    "gnzm dcnzm cmg kbe mbchb bcom llb bvsc mvsc fca acca frcgp edd dphil rgn esquire".split()
)
# Of a parent and a child. They count only at the end of a name of three words: 'Senior Citizens Club' is no parent.
AGES = frozenset(("senior", "junior"))
LITTLE = frozenset("of the for and in on at by to a an de la le les du des del della di da dos van von der den "
                   "te ten ter el al bin binti ibn abu y e und et o as".split())  # fmt: skip
# Little words inside a person's name.
PARTICLES = frozenset(
    "de la le du del della di da dos das van von der den te ten ter el al bin binti bint ibn abu ap st san".split()
)
# A word or sign between the names of two or more people.
_AND = re.compile(r"(?<=\w)\s*(?:&|\+)\s*(?=\w)|\s(?:and|or|und)\s", re.IGNORECASE)
# Such a word of another language is also an initial (Y, I) or a given name (Et, Me), unless it alone is in lower case.
_AND_ELSEWHERE = re.compile(r"\s(?:et|y|me|en|i|og|och|ja|ve|и|та|και)\s")
_WORD = re.compile(r"[^\W_]+(?:['’`.\-][^\W_]+)*")


def tidy(text: str) -> str:
    """The text after NFKC, without invisible characters and HTML entities, with one kind of apostrophe and dash and
    single spaces.
    """
    if "&" in text and ";" in text:  # an export of an export escapes twice: 'Caf&amp;eacute;'
        text = _ENTITY.sub(_unescaped, _ENTITY.sub(_unescaped, text))
    if text.isascii() and text.isprintable() and "`" not in text:
        return " ".join(text.split())
    normal = unicodedata.normalize("NFKC", text.translate(TYPOGRAPHIC)).translate(TYPOGRAPHIC)
    seen = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in normal)
    return " ".join(seen.split())


_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]\w{1,30});")


def _unescaped(entity: re.Match[str]) -> str:
    return unescape(entity.group())


def is_joined(text: str) -> bool:
    """Whether a word or sign joins the names of several people: 'J & K Lee', 'Ana y Luis', not 'John Y Lee'."""
    return _AND.search(text) is not None or (not text.islower() and _AND_ELSEWHERE.search(text) is not None)


@lru_cache(maxsize=16384)
def fold(text: str) -> str:
    """The text casefolded and without accents: 'Māori' and 'maori' are one."""
    lower = text.casefold()
    if lower.isascii():
        return lower
    decomposed = unicodedata.normalize("NFKD", lower.translate(_PLAIN))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ß": "ss", "ð": "d", "þ": "th", "ı": "i"}
)


# Notes that ledgers write after a name: a role, a former name, an address for post.
_ROLES = (
    "deceased|dec'?d|retd?|retired|directors?|client|customer|supplier|individual|personal|private|rentals?|tenants?|landlord|"
    "sole trader|self[- ]employed|employee|staff|shareholder|trustee|guarantor|minor|beneficiary|owner|spouse|wife|husband|old|new|"
    "inactive|do not use"
)
_OTHER_NAMES = r"(?:formerly|previously|was|n[ée]e|ex|aka|a\.k\.a\.?|also known as)\s.+"
_ROLE, _OTHER_NAME = (
    re.compile(rf"(?:\s*[(\[](?P<in>{notes})[)\]]|\s+[-–—]\s+(?P<after>{notes}))$", re.IGNORECASE)
    for notes in (_ROLES, _OTHER_NAMES)
)
_CARE_OF = re.compile(r",?\s+(?P<in>(?:c/[-o]?|care of|attn:?)\s.+)(?P<after>)$", re.IGNORECASE)
# Notes that ledgers write before a name: an account, or a code of their own.
_BEFORE = re.compile(
    r"^(?:(?:wages|salary|drawings|loan|rent|advance|deposit|tenant|owner|director|employee|staff|client|customer|old|inactive|closed|"
    r"do not use)(?:\s+[-–—]\s+|:\s*)|z{2,4}\s+|x{2,4}\s+"
    # No code begins an address: '1042 Kauri Road Ltd'.
    r"|(?!\d+[\s/-]+.*\b(?:street|st|road|rd|avenue|ave|drive|dr|lane|terrace|tce|place|parade|crescent|highway|quay|way|square)\b)"
    r"[a-z]{0,4}[-.]?\d{3,}(?:\s*[-–—:/]\s*(?=\D)|\s+))(?=.*\w\W+\w)",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\s*[(\[](?P<in>[^()\[\]]+)[)\]](?P<after>)$")
# A bare number behind a name of at least two words: 'Ann Lee 2', 'Ann Lee 10103', but 'Studio 54'.
_NUMBER_AFTER = re.compile(r"(?<=\w)(?P<in>)\s+#?(?P<after>\d+)$")


def without_code(text: str) -> str:
    """A tidy name without the codes and accounts that a ledger writes before it: '10103 Ann Lee', 'zzz Old - Orr Ltd'."""
    while (before := _BEFORE.match(text)) is not None:
        text = text[before.end() :]
    return text


def without_role(text: str) -> tuple[str, str]:
    """A tidy name without the role that a ledger notes after it, and the role or ''. 'Ann Lee (Deceased)' gives 'Ann Lee'
    and 'Deceased'."""
    return _without(text, _ROLE)


def without_note(text: str) -> tuple[str, str]:
    """A tidy name without the notes before and after it, and the note or ''.

    A note is a role, an account, a former name, the address in 'Ann Lee c/- Orr & Co', or a place or firm in brackets. A
    legal form or a trust is no note.
    """
    name = without_code(text)
    before = text[: len(text) - len(name)]
    for pattern in (_ROLE, _OTHER_NAME, _CARE_OF, _BRACKETS, _NUMBER_AFTER):
        rest, note = _without(name, pattern)
        if (
            note
            and not (pattern is _BRACKETS and (" " not in rest or _is_form(note)))
            and not (pattern is _NUMBER_AFTER and not _is_persons(rest))
        ):
            return rest, note
    return name, before.strip(" -–—:/")


def _is_form(note: str) -> bool:
    return any(word.strip(".,") in LEGAL | TRUSTS for word in fold(note).split()) and len(note.split()) < 3


def _is_persons(text: str) -> bool:
    """Whether the words may be a person's name: two to four, each known as a name or an initial, and none a trade."""
    bare = [fold(word.strip(".,")) for word in text.split()]
    return 2 <= len(bare) <= 4 and all(
        word.isalpha()
        and word not in word_lists.TRADES | LEGAL | TRUSTS
        and (len(word) == 1 or any(look_up(word)[:4]))
        for word in bare
    )


def _without(text: str, pattern: re.Pattern[str]) -> tuple[str, str]:
    if (found := pattern.search(text)) is None or not any(map(str.isalnum, text[: found.start()])):
        return text, ""
    return text[: found.start()], found["in"] or found["after"]


_ALSO = re.compile(
    r"[\s(\[]+(?:t/as?|t\.a\.?|trading as|formerly(?: known as)?|previously|a\.?k\.?a\.?|also known as"
    r"|atf(?: the)?|as trustees? (?:for|of)(?: the)?)\s+",
    re.IGNORECASE,
)


def several(text: str) -> list[str]:
    """The several names of one contact: 'Ann Lee t/a Lee Baking' gives 'Ann Lee' and 'Lee Baking'. A single name gives none."""
    parts = [part.strip(" ()[]") for part in _ALSO.split(text)]
    return parts if len(parts) > 1 and all(parts) else []


def words(text: str) -> list[str]:
    """The words as written, without the punctuation around them. "O'Brien" and 'J.P' stay whole."""
    return _WORD.findall(text)


def find_legal_form(text: str) -> str | None:
    """The legal form as written: 'Acme Pty Ltd' gives 'Pty Ltd'. A form that is also a common word counts only at the end."""
    if match := re.search(r"\bP\s?/\s?L\b|\bP\.L\.?(?=\s|$)|\bA/S\b|\bT/A\b", text, re.IGNORECASE):
        return match.group()
    if match := word_lists.FOREIGN_FORM.search(text):
        return match.group().strip()
    parts = text.split()
    marks = [_is_legal(part, at == len(parts) - 1 and at > 0) for at, part in enumerate(parts)]
    if True not in marks:
        return None
    start = marks.index(True)
    end = start
    while end < len(marks) and marks[end]:
        end += 1
    return " ".join(parts[start:end]).strip(" ,()")


def _is_legal(part: str, last: bool) -> bool:
    plain = fold(part).replace(".", "").strip(",()")
    return plain in LEGAL and (last or plain not in LEGAL_LAST)
