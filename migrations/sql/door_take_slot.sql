-- Takes a slot for one call to Xero. Returns null, or the time before which no slot is free; then nothing was taken.
-- Xero allows an organisation 5 calls at once, 60 a minute and 1,000 or 5,000 a day, and an app 10,000 a minute.
-- A call counts for the minute and the day after its answer, or after the end of its hold if no answer came. The windows
-- slide, because Xero does not say when its own windows begin. The calls of other apps are those that the last answer
-- reported as used, less our own until then. Bulk calls leave room for interactive ones.
create or replace function door.take_slot(
    p_slot uuid, p_tenant uuid, p_bulk boolean, p_now timestamptz, p_holds interval
) returns timestamptz language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    at_once constant int := case when p_bulk then 4 else 5 end;
    a_minute constant int := case when p_bulk then 47 else 57 end;
    day_share constant numeric := case when p_bulk then 0.9 else 1 end;
    app_minute constant int := 9500;
    busy_pause constant interval := '250 milliseconds';
    minute constant interval := '1 minute';
    day constant interval := '24 hours';
    told public.xero_limit;
    in_flight int;
    used_minute int;
    used_day int;
    others_minute int := 0;
    others_day int := 0;
    over int;
    free_at timestamptz;
begin
    perform pg_advisory_xact_lock(hashtextextended('tandem limit ' || p_tenant, 0));
    select * into told from xero_limit where tenant_id = p_tenant;
    if told.until > p_now then
        return told.until;
    end if;

    select count(*) filter (where ended_at is null and expires_at > p_now),
           count(*) filter (where coalesce(ended_at, expires_at) > p_now - minute),
           count(*)
      into in_flight, used_minute, used_day
      from xero_call
     where tenant_id = p_tenant and taken_at > p_now - day - p_holds
       and coalesce(ended_at, expires_at) > p_now - day;
    if in_flight >= at_once then
        return p_now + busy_pause;
    end if;

    if told.told_at > p_now - day then
        select greatest(0, 60 - told.minute_remaining - count(*) filter (where ended_at > told.told_at - minute)),
               greatest(0, told.day_limit - told.day_remaining - count(*))
          into others_minute, others_day
          from xero_call
         where tenant_id = p_tenant and taken_at > told.told_at - day - p_holds
           and ended_at > told.told_at - day and ended_at <= told.told_at;
        if told.told_at <= p_now - minute then
            others_minute := 0;
        end if;
    end if;

    over := used_minute + coalesce(others_minute, 0) - a_minute + 1;
    if over > 0 then
        select coalesce(ended_at, expires_at) + minute into free_at
          from xero_call
         where tenant_id = p_tenant and taken_at > p_now - minute - p_holds
           and coalesce(ended_at, expires_at) > p_now - minute
         order by coalesce(ended_at, expires_at) offset over - 1 limit 1;
        return coalesce(free_at, told.told_at + minute);
    end if;

    over := ceil(used_day + coalesce(others_day, 0) - coalesce(told.day_limit, 5000) * day_share) + 1;
    if over > 0 then
        select coalesce(ended_at, expires_at) + day into free_at
          from xero_call
         where tenant_id = p_tenant and taken_at > p_now - day - p_holds
           and coalesce(ended_at, expires_at) > p_now - day
         order by coalesce(ended_at, expires_at) offset over - 1 limit 1;
        -- What others used comes back at a time that nobody tells: look again within the hour.
        return least(coalesce(free_at, p_now + '1 hour'), p_now + '1 hour');
    end if;

    if (select count(*) from xero_call
         where taken_at > p_now - minute - p_holds and coalesce(ended_at, expires_at) > p_now - minute) >= app_minute
    then
        return p_now + '1 second';
    end if;

    insert into xero_call (id, tenant_id, bulk, taken_at, expires_at)
    values (p_slot, p_tenant, p_bulk, p_now, p_now + p_holds);
    return null;
end $$
