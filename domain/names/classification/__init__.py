"""Person or organisation: the classification of a contact by its name and little else. Pure; nothing is downloaded.

A linear model reads spelling, words and shape. Small boosted trees read its result and the entries of the words in the
lexicon (docs/MATCHING.md). Couples and partners ('J & K Smith') are ORGANISATION with low confidence, for a person to
review.
"""

from dataclasses import dataclass
from typing import Literal

from domain.names import words
from domain.names.classification.evidence import mailbox, relation
from domain.names.classification.model import load
from domain.names.classification.reasons import explain, family_in_capitals, is_partners, may_be_shop

Kind = Literal["PERSON", "ORGANISATION"]

# The confidence for joined names, for shops called like people and for people known by capitals alone ('ZEBEDEE Horatio'), and for
# a contact without a name: too low to pass without review.
PARTNERS, NAMELESS = 0.7, 0.5
# In log-odds. A word for company, school or shop decides in a language with few names in the training data.
FOREIGN_FORM = 8.0


@dataclass(frozen=True, slots=True)
class Classification:
    """`confidence` is the share of such results that are right, 0.5 to 1. `reasons` come in words, the strongest first."""

    kind: Kind
    confidence: float
    reasons: tuple[str, ...]
    needs_review: bool


def classify(
    name: str, first_name: str | None = None, last_name: str | None = None, email: str | None = None
) -> Classification:
    """Classify a contact. The name decides.

    First and last name count for a person only if they make up the name: those of an organisation belong to somebody who
    works there. An email counts only if it is a shared mailbox ('accounts@').
    """
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
    unsure = not partners and 1 - model.review_below < probability <= 0.5
    by_capitals = unsure and (ordered := family_in_capitals(text)) is not None and _reads_as_person(ordered)
    person = (probability > 0.5 or by_capitals) and not partners
    confidence = min(PARTNERS, 1 - probability / 2) if partners else max(probability, 1 - probability)
    if by_capitals or (person and may_be_shop(reading)):
        confidence = min(confidence, PARTNERS)
    reasons = explain(reading, person=person, partners=partners, relation=given, mailbox=shared)
    if note:
        reasons = (*reasons, f"a note, not the name: {note}")
    return Classification(
        "PERSON" if person else "ORGANISATION", round(confidence, 4), reasons, confidence < model.review_below
    )


def _reads_as_person(text: str) -> bool:
    model = load()
    return model.probability(model.margin(model.read(text))) > 0.5
