"""The statement that writes snapshots into the mirror, built from the list of the synced fields. The rules are told in
domain.mirror.xero_contacts. The statement binds :rows, as xero_contacts makes them, :again, :organisation, :ws and :now."""

from collections.abc import Collection

from domain.fields.synced import SYNCED, Kind
from domain.names.text_keys import VERSION
from domain.tables import SyncedField, XeroContactStatus

# Column, its SQL from the row r, and the value of a contact that was never seen before, or is forgotten.
_AS_TEXT = {
    one.xero_column: (f"r->>'{one.xero_column}'", "''" if one.required else "null")
    for one in SYNCED.values()
    if one.kind in (Kind.TEXT, Kind.EMAIL)
}
_AS_JSON = {
    one.xero_column: (f"nullif(r->'{one.xero_column}', 'null')", "null")
    for one in SYNCED.values()
    if one.kind in (Kind.PHONE, Kind.ADDRESS)
}
PERSONAL = {
    **_AS_TEXT,
    **_AS_JSON,
    "first_name": ("r->>'first_name'", "null"),
    "last_name": ("r->>'last_name'", "null"),
    "contact_number": ("r->>'contact_number'", "null"),
    "identifiers": ("r->'identifiers'", "null"),
    "identifier_keys": ("array(select jsonb_array_elements_text(r->'identifier_keys'))", "'{}'"),
    "name_key": ("r->>'name_key'", "null"),
    "email_key": ("r->>'email_key'", "null"),
    "search_key": ("r->>'search_key'", "''"),
}
_FLAGS = {
    "is_customer": ("(r->>'is_customer')::boolean", "false"),
    "is_supplier": ("(r->>'is_supplier')::boolean", "false"),
}
_COLUMNS = {
    **PERSONAL,
    **_FLAGS,
    "status": ("r->>'status'", f"'{XeroContactStatus.ACTIVE}'"),
    "merged_to": ("(r->>'merged_to')::uuid", "null"),
    "updated_at": ("(r->>'updated_at')::timestamptz", ":now"),
}
_LOOKED = ("match_name", "match_keys")  # of the last look-up; deleted when the row changes
_SYNCED = {field: one.xero_column for field, one in SYNCED.items()}
_COMPARED = [
    name for name in _COLUMNS if name not in (*_FLAGS, "updated_at") and not name.endswith(("_key", "_keys"))
]
_APPLIED = [*_SYNCED.values(), "status", "merged_to", "contact_number", "identifiers"]
_NUMBERS = ("identifiers", "identifier_keys")
# The mirror row is older than the version of Tandem that began to keep identifiers: what Xero shows is no change.
_FIRST_NUMBERS = (
    "(n.how <> 'OLDER' and x.id is not null and x.identifiers is null and n.identifiers is not null)"
)
# No contact can be near a new row while the practice has none.
_LOOKED_AT_FIRST = "case when not exists (select from contact c where c.workspace_id = :ws) then cast(:now as timestamptz) end"
_FOUND_NUMBERS = f"({_FIRST_NUMBERS} and cardinality(n.identifier_keys) > 0)"


def _said(column: str) -> str:
    value, default = _COLUMNS[column]
    said = f"case when r ? '{column}' then {value} when x.id is not null then x.{column} else {default} end"
    if column in PERSONAL:
        forgotten = f"coalesce(r->>'status', x.status) = '{XeroContactStatus.GDPR_REQUEST}' or k.erased"
        said = f"case when {forgotten} then {default} else {said} end"
    return f"{said} as {column}"


def _differs(columns: Collection[str]) -> str:
    return "(" + " or ".join(map(_differs_in, columns)) + ")"


def _differs_in(column: str) -> str:
    differs = f"n.{column} is distinct from x.{column}"
    return f"x.identifiers is not null and {differs}" if column == "identifiers" else differs


def _held(column: str) -> str:
    """SQL: the value of the column afterwards."""
    if column in _FLAGS:
        return f"case when n.how = 'NEW' or n.seen_at >= x.seen_at then n.{column} else x.{column} end"
    shown = f"n.how = 'NEW' or {_FIRST_NUMBERS}" if column in _NUMBERS else "n.how = 'NEW'"
    return f"case when {shown} then n.{column} else x.{column} end"


def _stamp_of(field: SyncedField, column: str) -> str:
    """SQL: Xero's time of the first snapshot that showed the value.

    A snapshot made by our own write says nothing about the time of a field that it did not send.
    """
    looked = (
        "(select greatest(x.updated_at, greatest(x.seen_at, o.read_asked_at) + o.clock_ahead * interval '1 second')"
        " from organisation o where o.workspace_id = :ws and o.id = :organisation)"
    )
    return f"""'{field}', case
        when x.id is null then to_jsonb(n.updated_at)
        when n.how <> 'NEW' or n.{column} is not distinct from x.{column}
            then coalesce(x.value_times->'{field}', to_jsonb(x.updated_at))
        when n.sent is not null and not n.sent ? '{field}' then to_jsonb(least(n.updated_at, {looked}))
        else to_jsonb(n.updated_at) end"""


_X = "xero_contact x on x.workspace_id = :ws and x.organisation_id = :organisation"
SHOW = f"""
    with said as (
        select (r->>'id')::uuid as xero_contact_id, (r->>'seen_at')::timestamptz as seen_at, nullif(r->'sent', 'null') as sent,
               r->>'digest' as digest,
               {", ".join(map(_said, _COLUMNS))}
          from jsonb_array_elements(cast(:rows as jsonb)) r
          left join {_X} and x.xero_contact_id = (r->>'id')::uuid
          left join reimport_mark k on k.workspace_id = :ws and k.organisation_id = :organisation
                                   and k.xero_contact_id = (r->>'id')::uuid
    ),
    judged as (
        select n.*, x.id as known, {_differs(_COMPARED)} as differs,
               case when x.id is null or n.updated_at > x.updated_at then 'NEW'
                    when n.updated_at < x.updated_at then 'OLDER'
                    when not {_differs(_COMPARED)} then 'SAME'
                    when n.seen_at >= x.doubted_at + cast(:again as interval) then 'NEW'
                    else 'DOUBTED' end as how
          from said n left join {_X} and x.xero_contact_id = n.xero_contact_id
    ),
    doubt as (
        select n.xero_contact_id, case
                   when n.how = 'DOUBTED' then greatest(n.seen_at, x.seen_at, x.doubted_at)
                   when n.how = 'SAME' and n.seen_at < x.doubted_at + cast(:again as interval)
                       then greatest(n.seen_at, x.doubted_at) end as at
          from judged n left join {_X} and x.xero_contact_id = n.xero_contact_id
    ),
    written as (
        insert into xero_contact
            (workspace_id, id, organisation_id, xero_contact_id, seen_at, key_version, {", ".join(_COLUMNS)},
             value_times, dirty, brake, looked_at, former_keys, doubted_at, read_due_at, own_write_at, own_write_after, shown_digest)
        select :ws, coalesce(x.id, gen_random_uuid()), :organisation, n.xero_contact_id,
               greatest(n.seen_at, x.seen_at), {VERSION}, {", ".join(map(_held, _COLUMNS))},
               jsonb_build_object({", ".join(_stamp_of(*field) for field in _SYNCED.items())}),
               coalesce(x.dirty, true) or {_FOUND_NUMBERS} or (n.how = 'NEW' and {_differs(_APPLIED)})
                   or (n.seen_at >= x.seen_at and {_differs(_FLAGS)}) or x.missing_since is not null,
               case when n.how = 'NEW' and {_differs(_APPLIED)} then null else x.brake end,
               case when x.id is null then {_LOOKED_AT_FIRST} when n.how = 'NEW' and {_differs(_APPLIED)} or {_FOUND_NUMBERS} then null else x.looked_at end,
               case when n.how = 'NEW' and {_differs(["name_key", "email_key"])}
                    then array_remove(x.former_keys || x.name_key || x.email_key, null)
                    else coalesce(x.former_keys, '{{}}') end,
               d.at, case when d.at is not null then d.at + cast(:again as interval)
                          when x.doubted_at is null then x.read_due_at end,
               case when n.sent is not null then n.updated_at else x.own_write_at end,
               case when n.sent is not null then x.updated_at else x.own_write_after end,
               case when n.how = 'NEW' or n.how = 'SAME' and n.seen_at >= x.seen_at then n.digest else x.shown_digest end
          from judged n join doubt d using (xero_contact_id) left join {_X} and x.xero_contact_id = n.xero_contact_id
         where n.how <> 'OLDER'
        on conflict (workspace_id, organisation_id, xero_contact_id) do update set
            seen_at = excluded.seen_at, key_version = excluded.key_version, value_times = excluded.value_times,
            dirty = excluded.dirty, brake = excluded.brake, looked_at = excluded.looked_at,
            former_keys = excluded.former_keys, doubted_at = excluded.doubted_at, missing_since = null,
            read_due_at = excluded.read_due_at, own_write_at = excluded.own_write_at, own_write_after = excluded.own_write_after,
            shown_digest = excluded.shown_digest,
            {", ".join(f"{column} = case when excluded.looked_at is not null then xero_contact.{column} end" for column in _LOOKED)},
            {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS)}
        returning id, xero_contact_id
    )
    select coalesce(n.known, w.id) as id, n.xero_contact_id, n.how, n.differs, n.known is null as first_seen,
           {", ".join(f"n.{column}" for column in _SYNCED.values())}
      from judged n left join written w using (xero_contact_id)
"""  # fmt: skip
