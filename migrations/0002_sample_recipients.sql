-- The start page asks whether there is sample data, also of an owner with a million recipients.
create index recipients_sample_idx on recipients (owner_id) where is_sample;
