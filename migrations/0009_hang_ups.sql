-- How often the mail server hung up at a delivery. Apart from `deferral_count`: the recipient has not put it off for that, and its patience is whole.
alter table deliveries add column hang_up_count integer not null default 0;
