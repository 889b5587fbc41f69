-- When Xero last sent this app a webhook, of any organisation: Xero has one address and one subscription for an app.
create or replace function door.last_webhook_at() returns timestamptz
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select max(last_webhook_at) from organisation
$$
