-- Puts what Xero says has changed into the inbox, and rings for each workspace that it concerns. Several events of one
-- resource are one row. Gives how many resources are of organisations that are connected nowhere: those are dropped.
create or replace function door.receive_webhooks(p_events jsonb, p_now timestamptz) returns int
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with told as (
        select (e->>'tenant')::uuid as tenant, e->>'category' as category, (e->>'resource')::uuid as resource,
               max((e->>'at')::timestamptz) as at
          from jsonb_array_elements(p_events) e group by 1, 2, 3
    ), known as (
        select t.*, o.workspace_id from told t
          join organisation o on o.tenant_id = t.tenant and o.disconnected_at is null
    ), kept as (
        insert into webhook_event (tenant_id, category, resource_id, event_at, received_at)
        select tenant, category, resource, at, p_now from known order by 1, 2, 3
        on conflict (tenant_id, category, resource_id) do update
            set event_at = greatest(webhook_event.event_at, excluded.event_at)
    ), stamped as (
        update organisation o set last_webhook_at = p_now
         where o.tenant_id in (select tenant from known) and o.disconnected_at is null
           and (o.last_webhook_at is null or o.last_webhook_at < p_now - interval '10 seconds')
    ), rung as (
        select pg_notify('tandem_due', w.workspace_id::text) from (select distinct workspace_id from known) w
    )
    select (select count(*) from told)::int - (select count(*) from known)::int + 0 * (select count(*) from rung)::int
$$
