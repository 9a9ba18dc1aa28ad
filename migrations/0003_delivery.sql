-- The delivery engine: retries by a schedule, refusals as a matter of policy, decisions about what is in doubt.

-- How often the recipient's side put this delivery off. The schedule of retries goes by it: attempt_count has the faults of relays, too.
alter table deliveries add column deferral_count smallint not null default 0;
-- Its owner has decided to leave it in doubt, and is not asked again. It stays in doubt, and counts so.
alter table deliveries add column left_in_doubt boolean not null default false;
alter table deliveries add constraint deliveries_left_in_doubt check (not left_in_doubt or state = 'in_doubt');

-- Those of in_doubt that their owner has decided to leave.
alter table mailing_counters add column in_doubt_left bigint not null default 0;
alter table mailing_counters add constraint mailing_counters_in_doubt_left check (in_doubt_left between 0 and in_doubt);

-- What the mail server said when Vestnik itself paused the mailing; null while it runs, and where its owner paused it.
alter table mailings add column pause_reason text;
-- When its owner went on after such a pause.
alter table mailings add column continued_at timestamptz;
alter table mailings add constraint mailings_pause_reason check (pause_reason is null or paused_at is not null);
