import { sql } from 'kysely';

import type { Database } from '../lib/database.js';

interface RelayRest {
  /** As in relay_states: a relay's id, or the one of SMTP_URL. */
  key: string;
  isResting: boolean;
}

/** Every mail server of which something is known, whether it is in use or not. */
export async function listRelayRests(db: Database): Promise<RelayRest[]> {
  return db
    .selectFrom('relay_states')
    .select(['key', sql<boolean>`coalesce(paused_until > now(), false)`.as('isResting')])
    .orderBy('key')
    .execute();
}
