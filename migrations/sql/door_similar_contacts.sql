-- Ids of active contacts without a link in the organisation that may be the same as the asked ones (names and keys as
-- domain.names.search_keys makes them). `place` is the position of the asked one, from 1. The result has the most similar
-- names by trigrams, and the contacts that share a key with few others. Under row-level security PostgreSQL would use neither
-- index, because their operators are not leakproof.
-- Trigrams count from a similarity of 0.4: PostgreSQL's default of 0.3 doubles the time and finds two in a thousand more.
-- EXECUTE plans with today's statistics. `same` keeps the limit from making a read of the whole table look cheap; limit 1
-- keeps the planner from hashing the whole table for a few rows. A blank name resembles none and would search the whole index.
create or replace function door.similar_contacts(p_organisation uuid, p_names text[], p_keys jsonb)
returns table (place int, contact_id uuid)
language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
declare
    workspace uuid := nullif(current_setting('tandem.workspace', true), '')::uuid;
begin
    perform set_config('pg_trgm.similarity_threshold', '0.4', true);
    return query execute
        'select near.place, c.id from ('
        ' select a.place::int, s.id from unnest($3) with ordinality a(name, place) cross join lateral ('
        '     select id from contact where workspace_id = $1 and match_name % a.name and a.name <> '''' and archived_at is null'
        '      order by similarity(match_name, a.name) desc, id limit 20) s'
        ' union'
        ' select k.place::int, unnest(few.ids) from jsonb_array_elements($4) with ordinality a(keys, place)'
        '     cross join lateral (select a.place, k.key from jsonb_array_elements_text(a.keys) k(key)) k cross join lateral ('
        '     select case when count(*) <= 50 then array_agg(t.id) end as ids from ('
        '         with same as materialized ('
        '             select id from contact where workspace_id = $1 and match_keys @> array[k.key])'
        '         select id from same limit 51) t) few'
        ') near cross join lateral ('
        '     select id from contact where workspace_id = $1 and id = near.id and archived_at is null limit 1) c'
        ' where not exists (select 1 from sync_link l where l.workspace_id = $1 and l.contact_id = c.id'
        '   and l.organisation_id = $2 and l.state in (''SYNCED'', ''PENDING'', ''FAILING'', ''CONFLICT''))'
        using workspace, p_organisation, p_names, p_keys;
end
$$
