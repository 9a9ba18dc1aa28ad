/**
 * Keeps places for the attempts of the months to come, and removes those of months that are older than the setting says. First it is
 * committed from when on attempts are kept, then they go: whoever counts attempts against books knows by then that some may be missing.
 * A process that dies in between leaves months that the next round removes.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { markKeptFrom, readRetention } from '../accounts/installation-store.js';
import type { Database } from '../lib/database.js';
import {
  addMonth,
  deleteSomeBefore,
  dropMonth,
  firstKept,
  hasSomeBefore,
  holdAttempts,
  listMissingMonths,
  listMonthsBefore,
} from './attempt-months-store.js';

interface Upkeep {
  db: Database;
  now: Date;
  stopping?: AbortSignal | undefined;
}

/** Tries at a lock that others hold, and the while between two of them. What did not succeed comes again with the next round. */
const TRIES = 5;
const PAUSE_MS = 2000;

export async function keepAttempts(upkeep: Upkeep): Promise<void> {
  const { db, now } = upkeep;
  for (const month of await listMissingMonths(db, now)) await persist(upkeep, () => addMonth(db, month));
  await removeOldAttempts(upkeep);
}

async function removeOldAttempts(upkeep: Upkeep): Promise<void> {
  const { db, now } = upkeep;
  const { months } = await readRetention(db);
  if (months === null) return;
  const keptFrom = firstKept(now, months);
  const names = await listMonthsBefore(db, keptFrom);
  // Months without attempts go without a word.
  if ((await holdAttempts(db, names)) || (await hasSomeBefore(db, keptFrom))) {
    const isMarked = await db.transaction().execute((trx) => markKeptFrom(trx, months, keptFrom));
    if (!isMarked) return;
  }
  for (const name of names) await persist(upkeep, () => dropMonth(db, name));
  while (!isStopping(upkeep)) if (!(await deleteSomeBefore(db, keptFrom)).hasMore) return;
}

async function persist(upkeep: Upkeep, action: () => Promise<boolean>): Promise<void> {
  for (let tries = 1; !isStopping(upkeep); tries += 1) {
    if ((await action()) || tries === TRIES) return;
    await delay(PAUSE_MS, undefined, upkeep.stopping ? { signal: upkeep.stopping } : {}).catch(() => {});
  }
}

function isStopping({ stopping }: Upkeep): boolean {
  return stopping?.aborted === true;
}
