"""Person or organisation, for a contact of which a name is known and little else. Pure.

Couples and partners ('J & K Smith') are ORGANISATION with low confidence: a person looks at them.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Kind = Literal["PERSON", "ORGANISATION"]

REVIEW_BELOW = 0.8

LEGAL_FORM = re.compile(
    r"\b(pty|p/l|ltd|limited|proprietary|inc|incorporated|corp|corporation|llc|llp|plc|gmbh|ag|s\.?a|b\.?v|n\.?v|"
    r"oy|ab|as|a/s|spa|srl|sarl|s\.?p\.?a|co|company|trust|trustees?|partnership|partners|association|assoc|"
    r"society|foundation|incorporation|t/a|t/as|atf)\b\.?",
    re.IGNORECASE,
)
TRADE_WORD = re.compile(
    r"\b(plumbing|plumbers?|electrical|electric|building|builders?|construction|constructions|homes|school|college|"
    r"university|church|council|club|union|party|clinic|surgery|hospital|medical|dental|pharmacy|chemist|care|"
    r"practice|centre|center|group|holdings?|investments?|services?|systems?|solutions|consulting|consultants?|"
    r"engineering|motors|transport|logistics|farms?|farming|cafe|restaurant|hotel|motel|bar|bakery|trading|"
    r"industries|international|australia|zealand|properties|property|developments?|enterprises?|management|"
    r"marketing|media|design|designs|studio|studios|accountants?|accounting|legal|lawyers|solicitors|opticians?|"
    r"optometrists?|department|ministry|authority|board|institute|bank|insurance|store|stores|shop|supplies|"
    r"national|nursing|nursery|house|lodge|the|of|for)\b",
    re.IGNORECASE,
)
COUPLE = re.compile(r"\w\s*(?:&|\+|\band\b)\s*\w", re.IGNORECASE)
TITLE = re.compile(r"^(mr|mrs|ms|miss|mx|dr|prof|professor|sir|dame|rev|hon)\b\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Classification:
    """`confidence`: how often such a judgement is right, 0.5 to 1. `reasons`: in words, weightiest first."""

    kind: Kind
    confidence: float
    reasons: tuple[str, ...]
    needs_review: bool


def classify(
    name: str, first_name: str | None = None, last_name: str | None = None, email: str | None = None
) -> Classification:
    """Judged by the name alone; first and last name help only where they are the name itself, since an
    organisation's are those of somebody who works there. A blank name is an organisation nobody is sure of."""
    text = " ".join(unicodedata.normalize("NFKC", name).split())
    kind, confidence, reason = _judge(text, {first_name, last_name})
    return Classification(kind, confidence, (reason,), confidence < REVIEW_BELOW)


def classify_all(rows: Iterable[tuple[str, str | None, str | None, str | None]]) -> list[Classification]:
    """As `classify` for each (name, first name, last name, email), in order."""
    return [classify(*row) for row in rows]


def _judge(text: str, person: set[str | None]) -> tuple[Kind, float, str]:
    if not text:
        return "ORGANISATION", 0.5, "no name"
    if form := LEGAL_FORM.search(text):
        return "ORGANISATION", 0.98, f"legal form: {form.group()}"
    if word := TRADE_WORD.search(text):
        return "ORGANISATION", 0.95, f"trade word: {word.group()}"
    if COUPLE.search(text):
        return "ORGANISATION", 0.6, "several names joined: couple or partners"
    if title := TITLE.search(text):
        return "PERSON", 0.95, f"title: {title.group()}"
    if {part.casefold() for part in person if part} == set(text.casefold().split()):
        return "PERSON", 0.95, "first name and last name make up the name"
    return _by_shape(text)


def _by_shape(text: str) -> tuple[Kind, float, str]:
    words = text.replace(",", " ").split()
    if 2 <= len(words) <= 4 and not any(map(str.isdigit, text)):
        return "PERSON", 0.85, f"{len(words)} words, none of them a business's"
    return "ORGANISATION", 0.7, "no sign of a person's name"
