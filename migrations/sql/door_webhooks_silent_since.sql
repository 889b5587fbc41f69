-- When the last webhook came, if contacts have changed in Xero two hours later or more without one: Xero has probably switched the
-- webhook off. Null otherwise. Organisations that were connected after that webhook do not count.
create or replace function door.webhooks_silent_since() returns timestamptz
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select w.last from (select max(o.last_webhook_at) as last from organisation o) w
     where exists (
        select 1 from organisation o join activity a on a.workspace_id = o.workspace_id and a.organisation_id = o.id
         where o.disconnected_at is null and o.connected_at < w.last
           and a.actor_kind = 'XERO' and a.kind = 'CONTACT_CHANGED' and a.at > w.last + interval '2 hours')
$$
