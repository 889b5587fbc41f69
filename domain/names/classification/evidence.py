"""The evidence of first name, last name and email, in addition to the name. Pure."""

import re
from typing import Literal

from domain.names import words

Relation = Literal["", "same", "inside", "other"]

SHARED = frozenset(
    "accounts account admin administration billing bookings contact enquiries enquiry finance hello info invoices mail "
    "manager office orders payable payables purchasing reception sales service support team".split()
)


def relation(text: str, first_name: str | None, last_name: str | None) -> Relation:
    """How first and last name relate to the name.

    'same': they make up the name, titles and initials aside. 'inside': the name holds the last name and other words.
    'other': the name does not hold the last name. '': first or last name is blank.
    """
    first = words.fold(words.tidy(first_name or "")).split()
    last = [part for word in words.fold(words.tidy(last_name or "")).split() for part in word.split("-")]
    if not first or not last:
        return ""
    own = [
        part
        for word in words.fold(text).replace(".", " ").replace(",", " ").split()
        if word not in words.TITLES and word not in words.POSTNOMINALS
        for part in word.split("-")
    ]
    if not set(last) <= set(own):
        return "other"
    rest = [word for word in own if word not in last]
    known = [*first, "".join(word[0] for word in first)]
    return "same" if rest and all(_fits(word, known) for word in rest) else "inside"


def _fits(word: str, known: list[str]) -> bool:
    return any(word == other or (len(word) == 1 and other.startswith(word)) for other in known)


def mailbox(email: str | None) -> str | None:
    """The name of a shared mailbox: accounts@example.com gives 'accounts'. None for any other email."""
    local = re.split(r"[@+]", (email or "").strip().casefold())[0]
    part = re.split(r"[._\-\d]", local)[0]
    return part if part in SHARED else None
