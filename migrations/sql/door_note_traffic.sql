-- Adds calls and bytes to the days of organisations: one statement for all calls since a worker's last one. The rows are
-- locked in one order, so that two workers do not wait for each other.
create or replace function door.note_traffic(
    p_tenants uuid[], p_days date[], p_endpoints text[], p_statuses int[], p_calls int[], p_received bigint[],
    p_unpacked bigint[]
) returns void language sql security definer set search_path = pg_catalog, public, pg_temp as $$
    insert into xero_traffic as known (tenant_id, day, endpoint, status, calls, received, unpacked)
    select * from unnest(p_tenants, p_days, p_endpoints, p_statuses, p_calls, p_received, p_unpacked)
     order by 1, 2, 3, 4
    on conflict (tenant_id, day, endpoint, status) do update set
        calls = known.calls + excluded.calls, received = known.received + excluded.received,
        unpacked = known.unpacked + excluded.unpacked
$$
