-- The bytes of these organisations' answers, as they travelled: in this month (UTC), and in the seven days that end today.
-- first_day: the first of these seven days that has any.
create or replace function door.month_traffic(p_tenants uuid[], p_today date)
returns table (tenant_id uuid, this_month bigint, last_week bigint, first_day date)
language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select t.tenant_id,
           coalesce(sum(t.received) filter (where t.day >= date_trunc('month', p_today)), 0)::bigint,
           coalesce(sum(t.received) filter (where t.day > p_today - 7), 0)::bigint,
           min(t.day) filter (where t.day > p_today - 7)
      from xero_traffic t
     where t.tenant_id = any(p_tenants) and t.day >= least(date_trunc('month', p_today)::date, p_today - 6)
       and t.day <= p_today
     group by t.tenant_id
$$
