"""Xero's refusals as the failures of invoices and links, by the table `xero.refusals`. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from domain.invoices.eligibility import CONTACT, Problem
from domain.links.failures import Failure
from domain.tables import SyncedField
from xero.messages import Said
from xero.refusals import UNKNOWN, advised, member_of, rule_of

_SILENT = Said("Xero refused this without saying why.")
_FIELDS = {
    "Name": SyncedField.NAME,
    "EmailAddress": SyncedField.BILLING_EMAIL,
    "Phones": SyncedField.PRIMARY_PHONE,
    "Addresses": SyncedField.BILLING_ADDRESS,
}
# Codes of a link. Xero's other messages about a contact concern settings that Tandem does not write.
_OF_CONTACTS = ("NAME_TAKEN_IN_XERO", "ARCHIVED_IN_XERO", "VALUE_TOO_LONG", "XERO_UNAVAILABLE")


def invoice_problem(said: Sequence[Said]) -> Problem:
    """The meaning of Xero's messages about an invoice. The message quotes all of them. Code and remedy are those of the first
    message with a code other than INVALID_IN_XERO. If there are several messages, `each` holds the meaning of each."""
    found = list(dict.fromkeys(_invoice_problem(one) for one in said or (_SILENT,)))
    first = min(found, key=_precedence)
    if len(found) == 1:
        return first
    return replace(first, message=" ".join(one.message for one in found), each=tuple(found))


def _invoice_problem(said: Said) -> Problem:
    rule = rule_of(said)
    line = (
        next((step for step in said.place if isinstance(step, int)), None)
        if "LineItems" in said.place
        else None
    )
    remedy: str = rule.remedy
    subjects: tuple[str, ...] = ()
    if "Contact" in said.place or remedy in ("UPDATE_CONTACT", "PUSH_TO_XERO"):
        subjects = (CONTACT,)
        remedy = "UPDATE_CONTACT" if member_of(said) and remedy != "WAIT" else remedy
    text = said.shown if remedy == "UPDATE_CONTACT" else advised(said, rule)
    return Problem(rule.code, text, remedy, subjects, line=line)


def _precedence(problem: Problem) -> int:
    """A taken number comes first: the invoice under it may be ours."""
    return {"INVOICE_NUMBER_TAKEN": 0, "INVALID_IN_XERO": 2}.get(problem.code, 1)


def contact_failure(said: Sequence[Said]) -> Failure:
    """The meaning of Xero's messages about a contact. A message about no synced field has the remedy IN_XERO."""
    found = [_contact_failure(one) for one in said or (_SILENT,)]
    first = min(found, key=lambda one: (one.code == "INVALID_IN_XERO", one.field is None))
    return replace(first, message=" ".join(one.message for one in found))


def _contact_failure(said: Said) -> Failure:
    rule, field = rule_of(said), _FIELDS.get(member_of(said))
    code = rule.code if rule.code in _OF_CONTACTS else "INVALID_IN_XERO"
    if field is not None or code not in ("INVALID_IN_XERO", "VALUE_TOO_LONG"):
        return Failure(code, said.shown, field)
    return Failure(code, advised(said, rule if rule.advice else UNKNOWN), remedy="IN_XERO")
