-- Ends a call and stores the numbers of its answer's headers. A null status means that the request was never sent: the
-- call does not count.
create or replace function door.give_slot(
    p_slot uuid, p_now timestamptz, p_status int, p_minute_remaining int, p_day_remaining int, p_until timestamptz
) returns void language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    tenant uuid;
    used int;
begin
    if p_status is null then
        delete from xero_call where id = p_slot and ended_at is null;
        return;
    end if;
    update xero_call set ended_at = p_now, status = p_status
     where id = p_slot and ended_at is null returning tenant_id into tenant;
    if tenant is null then
        return;
    end if;
    select count(*) into used from xero_call
     where tenant_id = tenant and taken_at > p_now - interval '25 hours' and ended_at > p_now - interval '24 hours';
    insert into xero_limit as known (tenant_id, minute_remaining, day_remaining, day_limit, told_at, until)
    values (tenant, p_minute_remaining, p_day_remaining,
            case when p_day_remaining + used <= 1000 then 1000 else 5000 end,
            case when coalesce(p_minute_remaining, p_day_remaining) is not null then p_now end, p_until)
    on conflict (tenant_id) do update set
        minute_remaining = case when excluded.told_at is null then known.minute_remaining else excluded.minute_remaining end,
        day_remaining = case when excluded.told_at is null then known.day_remaining
                             else coalesce(excluded.day_remaining, known.day_remaining) end,
        day_limit = case when excluded.day_remaining is null then known.day_limit else excluded.day_limit end,
        told_at = coalesce(greatest(known.told_at, excluded.told_at), known.told_at, excluded.told_at),
        until = greatest(known.until, excluded.until);
end $$
