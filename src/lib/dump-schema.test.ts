import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { sql } from 'kysely';
import { expect, test } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { dumpSchema } from './dump-schema.js';
import { findMigrations } from './migrate.js';

test('migrations/schema.sql shows the schema that the migrations make', async () => {
  await using database = await createTestDatabase();
  const file = join(findMigrations(), 'schema.sql');
  const dump = await dumpSchema(database.db);
  if (process.env['UPDATE_SCHEMA']) await writeFile(file, dump);
  const kept = await readFile(file, 'utf8').catch(() => '');
  expect(dump, 'The schema has changed. Renew its dump with: UPDATE_SCHEMA=1 npm test dump-schema').toBe(kept);
});

test('shows every kind of thing that a migration makes', async () => {
  await using database = await createTestDatabase({ migrated: false });
  await sql
    .raw(`
    create extension pg_trgm;
    create type size as enum ('small', 'large');
    create domain percent as int check (value between 0 and 100);
    create table shops (
      id bigint generated always as identity primary key,
      name text collate "C" not null,
      size size not null default 'small',
      discount percent,
      label text generated always as (name || '!') stored,
      check (name <> '')
    ) with (fillfactor = 80);
    comment on table shops is 'Where things are sold';
    create table visits (shop_id bigint not null references shops on delete cascade, at timestamptz not null default now());
    create index visits_newest on visits (shop_id, at desc) where at is not null;
    create index shops_by_name on shops using gin (name gin_trgm_ops);
    create view large_shops as select id from shops where size = 'large';
    create function touch() returns trigger language plpgsql as $$ begin return new; end $$;
    create trigger touched before update on visits for each row execute function touch();
    alter table shops add column dropped int; alter table shops drop column dropped;`)
    .execute(database.db);
  expect(await dumpSchema(database.db)).toMatchInlineSnapshot(`
    "-- The schema after all migrations, for reading and review. Renew it with: UPDATE_SCHEMA=1 npm test dump-schema

    create extension pg_trgm;

    create type size as enum ('small', 'large');

    create domain percent as integer CHECK (((VALUE >= 0) AND (VALUE <= 100)));

    -- Where things are sold
    create table shops (
      id bigint not null generated always as identity,
      name text collate "C" not null,
      size size not null default 'small'::size,
      discount percent,
      label text generated always as ((name || '!'::text)) stored,
      constraint shops_pkey PRIMARY KEY (id),
      constraint shops_name_check CHECK ((name <> ''::text))
    ) with (fillfactor=80);
    CREATE INDEX shops_by_name ON public.shops USING gin (name gin_trgm_ops);

    create table visits (
      shop_id bigint not null,
      at timestamp with time zone not null default now(),
      constraint visits_shop_id_fkey FOREIGN KEY (shop_id) REFERENCES shops(id) ON DELETE CASCADE
    );
    CREATE INDEX visits_newest ON public.visits USING btree (shop_id, at DESC) WHERE (at IS NOT NULL);
    CREATE TRIGGER touched BEFORE UPDATE ON public.visits FOR EACH ROW EXECUTE FUNCTION touch();

    create view large_shops as
    SELECT id
       FROM shops
      WHERE (size = 'large'::size);

    CREATE OR REPLACE FUNCTION public.touch()
     RETURNS trigger
     LANGUAGE plpgsql
    AS $function$ begin return new; end $function$;
    "
  `);
});
