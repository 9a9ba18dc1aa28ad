-- Mail servers that administrators keep, what is known of their state, rates, and the processes that are alive.

-- The old table knew states only, by host and port.
drop table relays;

create table relays (
  id integer generated always as identity primary key,
  name text not null unique check (length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
  host text not null check (length(host) between 1 and 255),
  port integer not null check (port between 1 and 65535),
  tls text not null check (tls in ('none', 'opportunistic', 'required', 'implicit')),
  verify_certificate boolean not null default true,
  auth text not null default 'none' check (auth in ('none', 'password', 'xoauth2')),
  user_name text,
  -- The password or token, sealed with the installation's secret; never shown again.
  sealed_secret text,
  -- Its share beside the others; 0: only while no other is available.
  weight smallint not null default 1 check (weight between 0 and 100),
  -- Of all processes together.
  connections smallint not null default 8 check (connections between 1 and 1000),
  letters_limit integer check (letters_limit > 0),
  limit_seconds integer check (limit_seconds in (1, 60, 3600, 86400)),
  is_enabled boolean not null default true,
  version integer not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint relays_login check ((auth = 'none') = (user_name is null) and (auth = 'none') = (sealed_secret is null)),
  constraint relays_limit check ((letters_limit is null) = (limit_seconds is null))
);

-- A mail server that refuses or drops is left alone until paused_until. The key is a relay's id, or 'smtp_url'.
create table relay_states (
  key text primary key,
  paused_until timestamptz,
  fault text,
  fault_count integer not null default 0,
  -- The begin of this row of faults, and when administrators were written to about it.
  failing_since timestamptz,
  alerted_at timestamptz,
  updated_at timestamptz not null default now()
);

-- What a relay ('relay:3') or a recipients' domain ('domain:example.com') was slowed to when it asked for patience; it creeps up from there.
create table slowings (
  key text primary key,
  letters_per_minute double precision not null check (letters_per_minute > 0),
  since timestamptz not null default now()
);

create table domain_limits (
  domain text primary key check (domain = lower(domain) and length(domain) between 1 and 255),
  letters_limit integer not null check (letters_limit > 0),
  limit_seconds integer not null check (limit_seconds in (1, 60, 3600, 86400)),
  updated_at timestamptz not null default now()
);

alter table mailings add column letters_limit integer check (letters_limit > 0);
alter table mailings add column limit_seconds integer check (limit_seconds in (1, 60, 3600, 86400));
alter table mailings add constraint mailings_limit check ((letters_limit is null) = (limit_seconds is null));

-- When the next letter under a limit may leave ('mailing:7', 'relay:3', 'domain:example.com'), where there is no Redis. Not logged: after a
-- crash of PostgreSQL every limit begins anew.
create unlogged table rates (
  key text primary key,
  next_at timestamptz not null,
  -- What the last request was given.
  granted integer not null
);

-- The processes that are alive, as they say of themselves every few seconds.
create table nodes (
  name text primary key,
  roles text[] not null,
  version text not null,
  -- Equal where the secrets of the installation are: a process with another one is refused.
  secret_digest text not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  activity jsonb not null default '{}'
);

-- RFC 8446 and before: what the connection was encrypted with; null where it was not.
alter table attempts add column tls text;
