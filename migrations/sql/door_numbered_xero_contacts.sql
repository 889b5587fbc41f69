-- Ids of the organisation's Xero contacts, of the transaction's workspace, that have one of these official numbers (keys as
-- domain.fields.identifiers makes them) or account numbers (as written). Under row-level security PostgreSQL would use neither
-- index, because their operators are not leakproof. A number that very many contacts hold shows nothing, so the limits cut
-- nothing of use.
create or replace function door.numbered_xero_contacts(p_organisation uuid, p_keys text[], p_accounts text[]) returns setof uuid
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    (select id from xero_contact
      where workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid and organisation_id = p_organisation
        and identifier_keys <> '{}' and identifier_keys && p_keys limit 50)
    union
    (select x.id from unnest(p_accounts) a(number) cross join lateral (
        select id from xero_contact
         where workspace_id = nullif(current_setting('tandem.workspace', true), '')::uuid and organisation_id = p_organisation
           and identifiers <> '[]'
           and identifiers @> jsonb_build_array(jsonb_build_object('kind', 'ACCOUNT_NUMBER', 'value', a.number)) limit 50) x)
$$
