import { sql } from 'kysely';

import type { Database } from '../lib/database.js';

/** Complaints that follow at once are about letters that were under way already. */
const AGAIN_AFTER = sql`interval '30 seconds'`;

/** Slows a relay or a domain down, at most once in half a minute; whichever process complains first decides. */
export async function saveSlowing(db: Database, key: string, lettersPerMinute: number): Promise<void> {
  await sql`
    insert into slowings as s (key, letters_per_minute) values (${key}, ${lettersPerMinute})
    on conflict (key) do update set letters_per_minute = excluded.letters_per_minute, since = now()
    where s.since < now() - ${AGAIN_AFTER}`.execute(db);
}
