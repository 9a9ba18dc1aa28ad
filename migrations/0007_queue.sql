-- The queue apart from the ledger. What waits stands in rows of up to 64 deliveries; a lease takes one such row, and recording takes its
-- deliveries out of the lease. So a delivery's row is written once, when it is settled, and as no index has what is written, PostgreSQL
-- keeps the new version beside the old one (HOT) and touches no index: less than half of the time, and a third of the log, of before.

create table queue (
  id bigint generated always as identity primary key,
  mailing_id bigint not null,
  due_at timestamptz not null,
  delivery_ids bigint[] not null check (cardinality(delivery_ids) between 1 and 64)
);
create index queue_due_idx on queue (mailing_id, due_at, id);

-- A worker's claim on deliveries. All of them may have left: it is committed before a byte is sent. The worker names it, so that it can
-- give back a claim whose answer was lost.
create table claims (
  id uuid primary key,
  mailing_id bigint not null,
  node text not null,
  expires_at timestamptz not null,
  delivery_ids bigint[] not null
);
create index claims_mailing_idx on claims (mailing_id);

-- What was under way when the program was stopped to become this version: nobody knows of those that were begun.
insert into claims (id, mailing_id, node, expires_at, delivery_ids)
select gen_random_uuid(), l.mailing_id, l.node, now(), array_agg(d.id)
from leases l join deliveries d on d.lease_id = l.id
where d.state = 'sending' and array_position(l.delivery_ids, d.id) <= l.begun_count group by l.id, l.mailing_id, l.node;

alter table deliveries drop constraint deliveries_leased_while_sending;
update deliveries set state = 'waiting' where state = 'sending';
-- By the minute: none waits for another that was put off for a day.
insert into queue (mailing_id, due_at, delivery_ids)
select mailing_id, max(next_try_at), array_agg(id order by id) from (
  select id, mailing_id, next_try_at, minute, (row_number() over (partition by mailing_id, minute order by next_try_at, id) - 1) / 64 as part
  from deliveries d, lateral (select date_trunc('minute', greatest(next_try_at, now())) as minute) m
  where state = 'waiting' and not exists (select from claims c where d.id = any(c.delivery_ids))
) waiting group by mailing_id, minute, part;

drop table leases;
alter table claims rename to leases;
alter table leases rename constraint claims_pkey to leases_pkey;
alter index claims_mailing_idx rename to leases_mailing_idx;

drop index deliveries_queue_idx;
alter table deliveries drop column lease_id;
alter table deliveries set (fillfactor = 50);
-- "sending" is what stands in a lease; the row says so nowhere.
alter table deliveries add constraint deliveries_state check (state <> 'sending');

-- An index of states, kept by hand because one of PostgreSQL's own would have to be written for every letter. It has what is neither
-- waiting nor accepted: as a rule few, and then quickly found.
create table delivery_marks (
  delivery_id bigint primary key,
  mailing_id bigint not null,
  state delivery_state not null
);
create index delivery_marks_state_idx on delivery_marks (mailing_id, state);
insert into delivery_marks select id, mailing_id, state from deliveries where state not in ('waiting', 'accepted');

create function mark_delivery() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    delete from delivery_marks where delivery_id = old.id;
  end if;
  if new.state not in ('waiting', 'accepted') then
    insert into delivery_marks (delivery_id, mailing_id, state) values (new.id, new.mailing_id, new.state);
  end if;
  return null;
end $$;
create trigger deliveries_marked after update on deliveries for each row
  when (old.state <> new.state and (old.state not in ('waiting', 'accepted') or new.state not in ('waiting', 'accepted')))
  execute function mark_delivery();
create trigger deliveries_marked_new after insert on deliveries for each row
  when (new.state not in ('waiting', 'accepted')) execute function mark_delivery();

create or replace function remove_attempts() returns trigger language plpgsql as $$
begin
  delete from attempts a using removed r where a.delivery_id = r.id;
  delete from delivery_marks m using removed r where m.delivery_id = r.id;
  return null;
end $$;

create or replace function remove_deliveries() returns trigger language plpgsql as $$
begin
  delete from queue q using removed r where q.mailing_id = r.id;
  delete from leases l using removed r where l.mailing_id = r.id;
  delete from deliveries d using removed r where d.mailing_id = r.id;
  return null;
end $$;

-- An audience is frozen in parts, each a transaction, so that the first letters leave while the rest is being listed, and a crash costs one
-- part. Everybody is listed up to one recipient, and the last one that there was at the beginning ends the list.
alter table mailings add column frozen_up_to bigint not null default 0;
alter table mailings add column frozen_through bigint;

-- The order in which they are listed.
alter table mailing_recipients drop constraint mailing_recipients_recipient_id_owner_id_fkey;
alter table recipients drop constraint recipients_id_owner_id_key;
alter table recipients add constraint recipients_owner_id_id_key unique (owner_id, id);
alter table mailing_recipients add constraint mailing_recipients_recipient_id_owner_id_fkey
  foreign key (owner_id, recipient_id) references recipients (owner_id, id) on delete cascade;

-- Whoever deletes recipients waits for the part that is being listed, and is waited for: its deliveries would carry an id that nobody has.
-- Locking every recipient instead took half of the time of a freeze.
create or replace function forget_recipients() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(1447383884, owner_id) from (select distinct owner_id from removed) owners;
  update deliveries d set recipient_id = null from removed r where d.recipient_id = r.id;
  return null;
end $$;
