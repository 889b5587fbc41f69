-- Stores webhook events in the inbox, and notifies the workers of each workspace. Several events of one object are one row,
-- which keeps the times of the two newest: of two events, one cannot be about our own write. An event that comes again
-- changes nothing.
-- Events of organisations that are connected nowhere are dropped, and events of data that the organisation does not sync:
-- starting the sync begins with a read. Returns the number of stored objects, and of objects of unknown organisations.
-- Waits only for locks of the inbox's own rows, taken in their order: Xero waits 5 seconds for the answer.
create or replace function door.receive_webhooks(p_events jsonb, p_now timestamptz, p_gather interval)
returns table (kept int, unknown int)
language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    with told as (
        select (e->>'tenant')::uuid as tenant, e->>'category' as category, (e->>'resource')::uuid as resource,
               array_agg(distinct (e->>'at')::timestamptz order by (e->>'at')::timestamptz desc) as times
          from jsonb_array_elements(p_events) e group by 1, 2, 3
    ), known as (
        select t.*, o.workspace_id, case t.category when 'CONTACT' then o.started_at is not null else o.invoice_sync end as wanted from told t
          join organisation o on o.tenant_id = t.tenant and o.disconnected_at is null
    ), kept as (
        insert into webhook_event as w (tenant_id, category, resource_id, event_at, former_at, received_at, due_at)
        select tenant, category, resource, times[1], times[2], p_now, p_now + p_gather from known where wanted order by 1, 2, 3
        on conflict (tenant_id, category, resource_id) do update
            set event_at = greatest(w.event_at, excluded.event_at),
                former_at = (select max(t) from unnest(array[w.event_at, w.former_at, excluded.event_at, excluded.former_at]) t
                              where t < greatest(w.event_at, excluded.event_at)),
                received_at = case when excluded.event_at > w.event_at then excluded.received_at else w.received_at end,
                due_at = case when excluded.event_at > w.event_at then least(w.due_at, excluded.due_at) else w.due_at end,
                lease_until = case when excluded.event_at > w.event_at then null else w.lease_until end,
                reads = case when excluded.event_at > w.event_at then 0 else w.reads end
        returning 1
    ), stale as (
        select o.workspace_id, o.id from organisation o
         where o.tenant_id in (select tenant from known) and o.disconnected_at is null
           and (o.last_webhook_at is null or o.last_webhook_at < p_now - interval '10 seconds')
           for no key update skip locked
    ), stamped as (
        update organisation o set last_webhook_at = p_now from stale
         where o.workspace_id = stale.workspace_id and o.id = stale.id
    ), rung as (
        select pg_notify('tandem_due', w.workspace_id::text) from (select distinct workspace_id from known where wanted) w
    )
    select (select count(*) from kept)::int + 0 * (select count(*) from rung)::int,
           (select count(*) from told)::int - (select count(*) from known)::int
$$
