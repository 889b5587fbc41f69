-- Creates or renews the row of a worker, and marks each worker as lost whose last renewal is older than p_lost_after.
-- Returns the epoch, which changes when a worker is lost, and the number of live workers.
create or replace function door.beat_worker(p_worker uuid, p_name text, p_now timestamptz, p_lost_after interval)
returns table (epoch bigint, workers int)
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    insert into worker (id, name, started_at, beat_at) values (p_worker, p_name, p_now, p_now)
    on conflict (id) do update set beat_at = excluded.beat_at;
    update worker w set lost_at = p_now where w.id in (
        select v.id from worker v
         where v.beat_at < p_now - p_lost_after and (v.lost_at is null or v.lost_at < v.beat_at)
         order by v.id for update skip locked);
    delete from worker w where w.lost_at < p_now - interval '1 day' and w.beat_at < w.lost_at;
    return query
    select coalesce((extract(epoch from max(w.lost_at)) * 1000)::bigint, 0),
           (count(*) filter (where w.beat_at >= p_now - p_lost_after))::int
      from worker w;
end $$
