-- The ledger's own statements hold the rows that theirs lead to: the freeze its mailing and its recipients, the record its deliveries.
-- Asking again for every row, as foreign keys do, took more than half of the time of both. What goes with a deletion is done by triggers,
-- once a statement; a deletion that waited for a freeze or a record sees what it wrote.

alter table attempts
  drop constraint attempts_delivery_id_fkey,
  drop constraint attempts_mailing_id_fkey;
alter table deliveries
  drop constraint deliveries_mailing_id_fkey,
  drop constraint deliveries_recipient_id_fkey;

create function remove_attempts() returns trigger language plpgsql as $$
begin
  delete from attempts a using removed r where a.delivery_id = r.id;
  return null;
end $$;
create trigger deliveries_removed after delete on deliveries
  referencing old table as removed for each statement execute function remove_attempts();

create function remove_deliveries() returns trigger language plpgsql as $$
begin
  delete from deliveries d using removed r where d.mailing_id = r.id;
  return null;
end $$;
create trigger mailings_removed after delete on mailings
  referencing old table as removed for each statement execute function remove_deliveries();

-- The address and the name of who is gone stay in the delivery.
create function forget_recipients() returns trigger language plpgsql as $$
begin
  update deliveries d set recipient_id = null from removed r where d.recipient_id = r.id;
  return null;
end $$;
create trigger recipients_forgotten after delete on recipients
  referencing old table as removed for each statement execute function forget_recipients();
