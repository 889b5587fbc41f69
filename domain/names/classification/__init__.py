"""Person or organisation, for a contact of which a name is known and little else. Pure, and nothing is downloaded.

A linear model over spelling, words and shape, and small boosted trees over that and what is known of the words
(docs/MATCHING.md). Couples and partners ('J & K Smith') are ORGANISATION with low confidence: a person looks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from domain.names import words
from domain.names.classification.evidence import mailbox, relation
from domain.names.classification.model import load
from domain.names.classification.reasons import explain, is_partners

Kind = Literal["PERSON", "ORGANISATION"]
Row = tuple[str, str | None, str | None, str | None]

# What is said of several names joined, and of no name at all, is never sure enough to stand unseen.
PARTNERS, NAMELESS = 0.7, 0.5
# In log-odds: a word for company, school or shop in a language of which training has seen few names decides.
FOREIGN_FORM = 8.0


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
    """The name decides. First and last name speak for a person only where they are the name itself, since an
    organisation's are those of somebody who works there; an email only by a shared mailbox ('accounts@')."""
    text, note = words.without_note(words.tidy(name))
    if not any(map(str.isalnum, text)):
        return Classification("ORGANISATION", NAMELESS, ("no name",), needs_review=True)
    model = load()
    reading = model.read(text)
    given = relation(text, first_name, last_name)
    shared = mailbox(email)
    margin = model.margin(reading) + model.shift(given) - (model.mailbox if shared else 0.0)
    if reading.foreign_form:
        margin -= FOREIGN_FORM
    partners = is_partners(reading)
    probability = model.probability(margin)
    person = probability > 0.5 and not partners
    confidence = min(PARTNERS, 1 - probability / 2) if partners else max(probability, 1 - probability)
    reasons = explain(reading, person=person, partners=partners, relation=given, mailbox=shared)
    if note:
        reasons = (*reasons, f"a note, not the name: {note}")
    return Classification(
        "PERSON" if person else "ORGANISATION", round(confidence, 4), reasons, confidence < model.review_below
    )


def classify_all(rows: Iterable[Row]) -> list[Classification]:
    """As `classify` for each (name, first name, last name, email), in order."""
    return [classify(*row) for row in rows]
