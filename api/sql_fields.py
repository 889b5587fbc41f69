"""How PostgreSQL writes contacts, links, match issues and invoices (api.compiled.sql). A resolver of the same name gives the same value.

Each declaration says which table its aliases stand for. A field that is missing here is left to its resolver, and the list with it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypedDict
from uuid import UUID

from api.compiled.sql import Fields, Id, Json, Made, Many, One, Part, Texts
from api.context import Viewer
from api.link_actions import (
    ENDS_COLUMNS,
    ENDS_JOINS,
    EndsRow,
    SyncLinkAction,
    on_active,
    on_ended,
)
from api.schema.amounts import money_sql, plain_sql, price_sql
from api.schema.invoices import invoice_url
from api.schema.issues import REASON
from api.schema.links import FieldDifference, Sides, differences
from api.schema.sync_problems import SyncFailure
from api.schema.xero_contacts import contact_url
from domain.connection import health as connection_health
from domain.fields.synced import SYNCED, Kind, Synced, Values, loaded, readable_xero_value, without_made_up
from domain.links import failures
from domain.matching.sure import SURE
from domain.tables import ACTIVE, Scope, StoredFailure, SyncedField, SyncState


def _for_all(make: Callable[[Any], object]) -> Callable[[Any, Viewer | None], object]:
    """`make` of a Made that is the same for everybody."""
    return lambda value, _: make(value)


def _value(one: Synced, column: str) -> str | Part:
    """A text or an address. An address is stored as PostalAddress writes it."""
    if one.kind is not Kind.ADDRESS:
        return f"coalesce({column}, '')" if one.required else column
    parts = {"city": "city", "region": "region", "postal_code": "postalCode", "country": "country"}
    fields: dict[str, Texts | Json] = {
        name: Json(f"{column}->'{key}'") for name, key in {**parts, "attention_to": "attentionTo"}.items()
    }
    fields["lines"] = Texts(f"{column}->'lines'")
    return Part(fields, f"jsonb_typeof({column}) = 'object' and {column} <> '{{}}'")


def _xero_value(one: Synced, column: str) -> str | Part | Made:
    if one.kind is Kind.PHONE:
        return Made(column, _for_all(partial(readable_xero_value, one.field)))
    blank = one.required or one.kind is Kind.ADDRESS
    return _value(one, column if blank else f"nullif({column}, '')")


# The organisation `o`.
_ORGANISATION: Fields = {
    "id": Id("XeroOrganisation", "o.id"),
    "name": "o.name",
    "tenant_id": "o.tenant_id",
    "base_currency": "o.base_currency",
    "timezone": "o.timezone",
}


def _organisation(key: str) -> One:
    return One(_ORGANISATION, f"organisation o where o.workspace_id = :ws and o.id = {key}")


# The row `x` of the mirror.
_XERO_CONTACT: Fields = {
    "id": Id("XeroContact", "x.id"),
    "xero_contact_id": "x.xero_contact_id",
    "first_name": "x.first_name",
    "last_name": "x.last_name",
    **{one.xero_column: _xero_value(one, f"x.{one.xero_column}") for one in SYNCED.values()},
    "is_customer": "x.is_customer",
    "is_supplier": "x.is_supplier",
    "status": "x.status",
    "updated_at": "x.updated_at",
    "url": Made(
        "(select jsonb_build_array(o.short_code, x.xero_contact_id) from organisation o where o.workspace_id = :ws"
        " and o.id = x.organisation_id)",
        _for_all(lambda values: contact_url(*values)),
    ),
}


class _Stored(TypedDict):
    """The values of both sides by their columns, as they are stored. `region`: the organisation's country."""

    practice: Mapping[str, object]
    xero: Mapping[str, object]
    region: str | None


class _StoredOfLink(_Stored):
    """`state`: as it is stored. The state that people see differs only between PENDING and FAILING, which are both active."""

    state: str
    made_up: bool
    base_practice: Mapping[str, object]
    base_xero: Mapping[str, object]


class _Trouble(TypedDict):
    """failures.Trouble as JSON, with the time of the read."""

    failure: StoredFailure | None
    due_at: str | None
    attempts: int
    next_attempt_at: str | None
    organisation_id: str
    held_by: str | None
    health_message: str | None
    held_since: str | None
    held_until: str | None
    look_up: failures.LookUp | None
    now: str


class _StoredEnds(TypedDict):
    """EndsRow as JSON."""

    status: str | None
    xero_busy: bool
    contact_busy: bool
    archived_at: str | None


class _Standing(TypedDict):
    """What decides which actions a link allows. `state`: as it is stored, because PENDING and FAILING allow the same. `ends`: of an
    ended link."""

    state: str
    trouble: _Trouble | None
    ends: _StoredEnds | None


def _both(values: _Stored) -> tuple[Values, Values]:
    """The values of the practice and of Xero."""
    ours = [(field, values["practice"][one.column]) for field, one in SYNCED.items()]
    theirs = [(field, values["xero"][one.xero_column]) for field, one in SYNCED.items()]
    return (
        {field: None if raw is None else loaded(field, raw) for field, raw in ours},
        {field: None if raw is None else readable_xero_value(field, raw) for field, raw in theirs},
    )


def _differences(values: _Stored) -> list[FieldDifference]:
    return differences(*_both(values), values["region"])


def _differences_of_link(values: _StoredOfLink) -> list[FieldDifference]:
    practice, xero = _both(values)
    practice = without_made_up(practice, values["made_up"])
    bases = values["base_practice"], values["base_xero"]
    return Sides(SyncState(values["state"]), practice, xero, values["region"], *bases).differences()


def _differs(one: Synced) -> str:
    """Whether Python must compare the values. A phone is stored in two forms. Other values that are stored alike do not differ."""
    ours, theirs = f"c.{one.column}", f"x.{one.xero_column}"
    if one.kind is Kind.PHONE:
        return f"({ours} is not null or {theirs} is not null)"
    if one.field is SyncedField.NAME:  # a made-up name counts as a blank
        return f"({ours} is distinct from {theirs} or c.name_made_up)"
    return f"{ours} is distinct from {theirs}"


def _raw(table: str, columns: Mapping[str, Synced]) -> str:
    """The values of one side that Python must compare. All others are null, on both sides."""
    pairs = [
        f"'{column}', case when {_differs(one)} then {table}.{column} end" for column, one in columns.items()
    ]
    return f"jsonb_build_object({', '.join(pairs)})"


_OURS = _raw("c", {one.column: one for one in SYNCED.values()})
_THEIRS = _raw("x", {one.xero_column: one for one in SYNCED.values()})
_MAY_DIFFER = " or ".join(map(_differs, SYNCED.values()))


# The trouble of the link `l`, with the time of the read. Null for a link without a failure that waits for nothing.
_TROUBLE = (
    "case when l.failure is not null or l.due_at is not null then (select to_jsonb(t) from"
    f" (select {failures.FAILURE_COLUMNS}, cast(:now as timestamptz) as now from (select l.*) l{connection_health.HELD_LINK}) t) end"
)


def _failure(values: _Trouble) -> SyncFailure | None:
    trouble = failures.Trouble(
        values["failure"],
        _time(values["due_at"]),
        values["attempts"],
        _time(values["next_attempt_at"]),
        UUID(values["organisation_id"]),
        values["held_by"],
        values["health_message"],
        _time(values["held_since"]),
        _time(values["held_until"]),
        values["look_up"],
    )
    return SyncFailure.of(failures.shown_failure(trouble, datetime.fromisoformat(values["now"])))


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def _actions(values: _Standing, viewer: Viewer | None) -> list[SyncLinkAction]:
    if viewer is None or Scope.WRITE not in viewer.scopes:
        return []
    state = SyncState(values["state"])
    if values["ends"] is not None:
        return on_ended(state, EndsRow(**values["ends"]).ends())
    return on_active(state, _failure(values["trouble"]) if values["trouble"] else None)


_ENDS = f"(select to_jsonb(e) from (select {ENDS_COLUMNS} from (select l.*) l{ENDS_JOINS}) e)"
# The link `l`. A link that PENDING does not concern needs no look at its organisation.
_LINK: Fields = {
    "id": Id("SyncLink", "l.id"),
    "state": (
        f"case when l.state = 'PENDING' then (select {connection_health.LINK_STATE}"
        f" from (select l.*) l{connection_health.HELD_LINK}) else l.state end"
    ),
    "state_since": "l.state_since",
    "origin": "l.origin",
    "linked_at": "l.linked_at",
    "last_synced_at": "l.last_synced_at",
    "version": "l.version",
    "failure": Made(_TROUBLE, _for_all(_failure)),
    "allowed_actions": Made(
        f"jsonb_build_object('state', l.state, 'trouble', {_TROUBLE}, 'ends', case when l.state not in {ACTIVE}"
        f" then {_ENDS} end)",
        _actions,
    ),
    "differences": Made(
        f"(select case when {_MAY_DIFFER} then jsonb_build_object('state', l.state, 'practice', {_OURS}, 'made_up',"
        f" c.name_made_up, 'xero', {_THEIRS}, 'region', o.country_code, 'base_practice', l.base_practice, 'base_xero',"
        " l.base_xero) end from contact c join xero_contact x on x.workspace_id = :ws and x.id = l.xero_contact_id"
        " join organisation o on o.workspace_id = :ws and o.id = x.organisation_id"
        " where c.workspace_id = :ws and c.id = l.contact_id)",
        _for_all(_differences_of_link),
        "[]",
    ),
    "organisation": _organisation("l.organisation_id"),
    "xero_contact": One(
        _XERO_CONTACT, "xero_contact x where x.workspace_id = :ws and x.id = l.xero_contact_id"
    ),
}
# The contact `c`.
CONTACT: Fields = {
    "id": Id("Contact", "c.id"),
    "first_name": "c.first_name",
    "last_name": "c.last_name",
    "kind": "c.kind",
    "classification": Part(
        {
            "kind": "c.kind",
            "confidence": "c.confidence",
            "needs_review": "c.needs_review",
        },
        "c.confidence is not null",
    ),
    **{one.column: _value(one, f"c.{one.column}") for one in SYNCED.values()},
    "archived_at": "c.archived_at",
    "created_at": "c.created_at",
    "updated_at": "c.updated_at",
    "version": "c.version",
    "contact_type": One(
        {"id": Id("ContactType", "t.id"), "name": "t.name"},
        "contact_type t where t.workspace_id = :ws and t.id = c.contact_type_id",
    ),
    "sync_links": Many(
        _LINK, "sync_link l where l.workspace_id = :ws and l.contact_id = c.id", "l.linked_at, l.id"
    ),
}


# The link `l` with its contact.
LINK: Fields = {
    **_LINK,
    "contact": One(CONTACT, "contact c where c.workspace_id = :ws and c.id = l.contact_id"),
}
# The candidate `m` of the issue `i`, with its contact `c` and the issue's Xero contact `x`.
_CANDIDATE: Fields = {
    "score": "m.score",
    "name_matches": "m.name_matches",
    "email_matches": "m.email_matches",
    "evidence": "m.evidence",
    "confidence": "m.confidence",
    "sure": SURE,
    "contact": Part(CONTACT),
    "blocked_by": One(
        _LINK,
        "sync_link l where l.workspace_id = :ws and l.organisation_id = i.organisation_id and l.contact_id = m.contact_id"
        f" and l.state in {ACTIVE}",
    ),
    "differences": Made(
        f"case when {_MAY_DIFFER} then jsonb_build_object('practice', {_OURS}, 'xero', {_THEIRS},"
        " 'region', (select o.country_code from organisation o where o.workspace_id = :ws and o.id = i.organisation_id)) end",
        _for_all(_differences),
        "[]",
    ),
}
# The match issue `i` and its Xero contact `x`.
MATCH_ISSUE: Fields = {
    "id": Id("MatchIssue", "i.id"),
    "reason": REASON,
    "state": "i.state",
    "created_at": "i.created_at",
    "resolved_at": "i.resolved_at",
    "resolution": "i.resolution",
    "version": "i.version",
    "organisation": _organisation("i.organisation_id"),
    "xero_contact": Part(_XERO_CONTACT),
    "candidates": Many(
        _CANDIDATE,
        "match_candidate m join contact c on c.workspace_id = :ws and c.id = m.contact_id where m.workspace_id = :ws"
        " and m.issue_id = i.id",
        "m.score desc, m.contact_id",
    ),
    "link": One(_LINK, "sync_link l where l.workspace_id = :ws and l.id = i.link_id"),
}
# The line `n`.
_LINE: Fields = {
    "id": Id("InvoiceLine", "n.id"),
    "kind": "n.kind",
    "description": "n.description",
    "quantity": plain_sql("n.quantity"),
    "unit_price": price_sql("n.unit_price"),
    "discount_rate": plain_sql("n.discount_rate"),
    "discount_amount": money_sql("n.discount_amount"),
    "amount": money_sql("n.amount"),
    "tax_amount": money_sql("n.tax_amount"),
    "account_code": "n.account_code",
    "tax_type": "n.tax_type",
    "service_type": One(
        {"id": Id("ServiceType", "s.id"), "name": "s.name", "archived_at": "s.archived_at"},
        "service_type s where s.workspace_id = :ws and s.id = n.service_type_id",
    ),
    "tax_rate": One(
        {
            "id": Id("TaxRate", "t.id"),
            "name": "t.name",
            "percentage": plain_sql("t.percentage"),
            "archived_at": "t.archived_at",
        },
        "tax_rate t where t.workspace_id = :ws and t.id = n.tax_rate_id",
    ),
}
# The payment `p`.
_PAYMENT: Fields = {
    "id": Id("Payment", "p.id"),
    "paid_on": "p.paid_on",
    "amount": money_sql("p.amount"),
    "reference": "p.reference",
    "reversed": "p.reversed",
}
# The invoice `i`, and its organisation `o` if it has one.
INVOICE: Fields = {
    "id": Id("Invoice", "i.id"),
    "number": "i.number",
    "reference": "i.reference",
    "status": "i.status",
    "issue_date": "i.issue_date",
    "due_date": "i.due_date",
    "currency": "i.currency",
    "amounts_are": "i.amounts_are",
    **{
        name: money_sql(f"i.{name}")
        for name in ("subtotal", "tax_total", "total", "amount_paid", "amount_due")
    },
    "sync": Part(
        {
            "id": Id("InvoiceSync", "i.id"),
            "state": "i.sync_state",
            "xero_invoice_id": "i.xero_invoice_id",
            "url": Made(
                "case when i.xero_invoice_id is not null then jsonb_build_array(o.short_code, i.xero_invoice_id) end",
                _for_all(lambda values: invoice_url(*values)),
            ),
            "last_synced_at": "i.last_synced_at",
            "xero_total": money_sql("i.xero_total"),
            "warnings": "i.warnings",
            "failure": Made("i.failure", _for_all(SyncFailure.of)),
        }
    ),
    "created_at": "i.created_at",
    "updated_at": "i.updated_at",
    "sent_at": "i.sent_at",
    "version": "i.version",
    "contact": One(CONTACT, "contact c where c.workspace_id = :ws and c.id = i.contact_id"),
    "organisation": Part(_ORGANISATION, "o.id is not null"),
    "lines": Many(_LINE, "invoice_line n where n.workspace_id = :ws and n.invoice_id = i.id", "n.place"),
    "payments": Many(
        _PAYMENT, "payment p where p.workspace_id = :ws and p.invoice_id = i.id", "p.paid_on, p.id"
    ),
}
