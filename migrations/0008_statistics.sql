-- Attempts by month, so that a time is found without reading the others, and old months can be dropped as a whole; and the totals that
-- outlive them, which the statement that writes attempts keeps.

alter table attempts rename to attempts_before;
alter table attempts_before rename constraint attempts_pkey to attempts_before_pkey;
alter table attempts_before rename constraint attempts_duration_ms_check to attempts_before_duration_ms_check;
alter index attempts_delivery_idx rename to attempts_before_delivery_idx;
alter index attempts_mailing_idx rename to attempts_before_mailing_idx;
alter index attempts_unsuccessful_idx rename to attempts_before_unsuccessful_idx;
alter sequence attempts_id_seq rename to attempts_before_id_seq;

create table attempts (
  id bigint generated always as identity,
  delivery_id bigint not null,
  mailing_id bigint not null,
  started_at timestamptz not null,
  duration_ms integer not null check (duration_ms >= 0),
  outcome attempt_outcome not null,
  reply_code smallint,
  address text not null,
  relay text not null,
  stage text not null,
  enhanced_code text,
  reply text not null,
  tls text,
  primary key (started_at, id)
) partition by range (started_at);
create index attempts_delivery_idx on attempts (delivery_id);
create index attempts_mailing_idx on attempts (mailing_id, id);
-- Of what was accepted nobody searches the text among millions; these are written for refusals only.
create index attempts_unsuccessful_idx on attempts (started_at, id) where outcome <> 'accepted';
create index attempts_mailing_unsuccessful_idx on attempts (mailing_id, started_at, id) where outcome <> 'accepted';
create index attempts_refused_idx on attempts using gin (mailing_id, reply_code, lower(reply) gin_trgm_ops) where outcome <> 'accepted';

-- What no month was made for yet, or came from a clock that is years off: an attempt is never lost for want of a place.
create table attempts_default partition of attempts default;

-- Makes the place for a month (UTC), unless it is there. What went to the default meanwhile is moved into it.
create function add_attempts_month(month timestamptz) returns void language plpgsql as $$
declare
  begins timestamp := date_trunc('month', month at time zone 'UTC');
  starts_at timestamptz := begins at time zone 'UTC';
  ends_at timestamptz := (begins + interval '1 month') at time zone 'UTC';
  name text := 'attempts_' || to_char(begins, 'YYYY_MM');
begin
  if to_regclass(name) is not null then
    return;
  end if;
  execute format('create table %I (like attempts including constraints)', name);
  execute format('with moved as (delete from attempts_default where started_at >= $1 and started_at < $2 returning *) insert into %I select * from moved', name)
    using starts_at, ends_at;
  execute format('alter table attempts attach partition %I for values from (%L) to (%L)', name, starts_at, ends_at);
end $$;

do $$
declare
  month timestamptz;
begin
  for month in
    select generate_series(
      date_trunc('month', coalesce((select min(started_at) from attempts_before where started_at >= '2020-01-01'), now()), 'UTC'),
      now() + interval '3 months', interval '1 month')
  loop
    perform add_attempts_month(month);
  end loop;
end $$;

insert into attempts (id, delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, enhanced_code, reply, tls)
overriding system value
select id, delivery_id, mailing_id, started_at, duration_ms, outcome, reply_code, address, relay, stage, enhanced_code, reply, tls
from attempts_before order by started_at, id;
select setval(pg_get_serial_sequence('attempts', 'id'), coalesce((select max(id) from attempts_before), 0) + 1, false);
drop table attempts_before;

-- How many whole months attempts are kept beside the one that runs; null: for ever. What is older than `attempts_kept_from` was removed.
alter table installation_settings
  add column attempts_months smallint check (attempts_months between 1 and 120),
  add column attempts_kept_from timestamptz;

-- Attempts by mailing and quarter of an hour: the borders of days in every time zone are borders of these.
-- No reference to mailings: its lock on the mailing, behind that on the books, would be crosswise to the freezing of an audience.
create table attempt_totals (
  mailing_id bigint not null,
  at timestamptz not null,
  accepted integer not null,
  deferred integer not null,
  rejected integer not null,
  in_doubt integer not null,
  primary key (mailing_id, at)
) with (fillfactor = 50);
insert into attempt_totals
select mailing_id, date_bin('15 minutes', started_at, 'epoch'),
  count(*) filter (where outcome = 'accepted'), count(*) filter (where outcome = 'deferred'),
  count(*) filter (where outcome = 'rejected'), count(*) filter (where outcome = 'in_doubt')
from attempts where mailing_id in (select id from mailings) group by 1, 2;

-- What was not accepted, by what was said and by the recipient's domain; `reply` is the latest one.
create table refusals (
  mailing_id bigint not null,
  domain text not null,
  outcome attempt_outcome not null,
  stage text not null,
  reply_code smallint not null,
  enhanced_code text not null,
  attempts integer not null,
  last_at timestamptz not null,
  reply text not null,
  primary key (mailing_id, domain, outcome, stage, reply_code, enhanced_code)
) with (fillfactor = 50);
insert into refusals
select mailing_id, lower(split_part(address, '@', -1)), outcome, stage, coalesce(reply_code, 0), coalesce(enhanced_code, ''),
  count(*), max(started_at), (array_agg(reply order by started_at desc, id desc))[1]
from attempts where outcome <> 'accepted' and mailing_id in (select id from mailings) group by 1, 2, 3, 4, 5, 6;

create or replace function remove_deliveries() returns trigger language plpgsql as $$
begin
  delete from queue q using removed r where q.mailing_id = r.id;
  delete from leases l using removed r where l.mailing_id = r.id;
  delete from deliveries d using removed r where d.mailing_id = r.id;
  delete from attempt_totals t using removed r where t.mailing_id = r.id;
  delete from refusals f using removed r where f.mailing_id = r.id;
  return null;
end $$;

-- What a finished mailing's report shows, counted once at its end: `finished_at` is that of the mailing then. Letters by time: `tries[n]` and
-- `accepted[n]` began in the nth stretch of `stretch_seconds` after `starts_at`. `first_at` is when the first attempt began, `last_at` when the
-- last one ended, `relays` an array of {relay, tries, accepted}, busiest first; null and empty where the attempts were gone already.
create table mailing_summaries (
  mailing_id bigint primary key references mailings on delete cascade,
  finished_at timestamptz not null,
  starts_at timestamptz not null,
  stretch_seconds integer not null check (stretch_seconds > 0),
  tries integer[] not null,
  accepted integer[] not null,
  first_at timestamptz,
  last_at timestamptz,
  relays jsonb not null
);
-- Of a finished mailing: the domains with the most recipients, and all others together as ''.
create table mailing_domains (
  mailing_id bigint not null references mailings on delete cascade,
  domain text not null,
  audience integer not null,
  accepted integer not null,
  rejected integer not null,
  in_doubt integer not null,
  suppressed integer not null,
  expired integer not null,
  cancelled integer not null,
  primary key (mailing_id, domain)
);

-- What was counted for a page and kept (the cache) holds for one version of an owner's data. Raised when a transaction commits, as its last
-- lock, so that two never wait for each other. What a running mailing counts does not raise it: while one runs, pages go by the second.
create table data_versions (
  owner_id integer primary key,
  version bigint not null default 1
);

-- The argument is the column that has the owner.
create function raise_data_version() returns trigger language plpgsql as $$
begin
  insert into data_versions as v (owner_id)
  values ((case when tg_op = 'DELETE' then to_jsonb(old) else to_jsonb(new) end ->> tg_argv[0])::integer)
  on conflict (owner_id) do update set version = v.version + 1;
  return null;
end $$;

create function raise_data_version_of_counters() returns trigger language plpgsql as $$
begin
  insert into data_versions as v (owner_id) select owner_id from mailings where id = new.mailing_id
  on conflict (owner_id) do update set version = v.version + 1;
  return null;
end $$;

create constraint trigger mailings_versioned after insert or update or delete on mailings
  deferrable initially deferred for each row execute function raise_data_version('owner_id');
create constraint trigger recipient_totals_versioned after insert or update on recipient_totals
  deferrable initially deferred for each row execute function raise_data_version('owner_id');
create constraint trigger users_versioned after insert or delete or update of name, email, role, blocked, email_verified on users
  deferrable initially deferred for each row execute function raise_data_version('id');
-- A mailing that has not started is called as its message is now; nothing else of messages is kept.
create constraint trigger messages_versioned after update of subject on messages
  deferrable initially deferred for each row when (old.subject is distinct from new.subject) execute function raise_data_version('owner_id');
-- The only books that move while a mailing does not run: its owner decides to leave a letter in doubt.
create constraint trigger mailing_counters_versioned after update of in_doubt_left on mailing_counters
  deferrable initially deferred for each row execute function raise_data_version_of_counters();
