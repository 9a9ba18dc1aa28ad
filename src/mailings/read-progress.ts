import { listLatestAttempts, readCounters, readHalt } from '../delivery/delivery-store.js';
import type { Attempt, Counters, Halt, RelayFault } from '../delivery/delivery.js';
import { readNextTries } from '../delivery/next-tries-store.js';
import { NO_TRIES, type NextTries } from '../delivery/next-tries.js';
import { readRefusals } from '../delivery/refusal-store.js';
import type { Refusals } from '../delivery/refusal.js';
import { findRelayFault } from '../delivery/relay-store.js';
import type { Database } from '../lib/database.js';
import { listKeysInUse } from '../relays/relay-store.js';
import type { Mailing } from './mailing.js';

/** How far a started mailing has come. */
export interface Progress {
  /** Absent until the audience begins to be frozen. */
  counters: Counters | undefined;
  /** The latest ones. */
  attempts: Attempt[];
  /** Why nothing leaves at present; absent while a mail server takes letters. */
  relayFault: RelayFault | undefined;
  /** Of a disabled mailing. */
  halt: Halt | undefined;
  nextTries: NextTries;
  refusals: Refusals;
}

const LATEST_ATTEMPTS = 5;
const MOST_REFUSALS = 5;

interface Known {
  /** What this still holds is not read again. */
  before?: Progress | undefined;
  /** Asked for only while the mailing runs. */
  relayFault?: () => Promise<RelayFault | undefined>;
}

export async function readProgress(db: Database, mailing: Mailing, known: Known = {}): Promise<Progress> {
  const { before, relayFault: findFault = () => readRelayFault(db) } = known;
  const { id, ownerId, status, disabledAt } = mailing;
  const isRunning = status === 'running';
  const counters = (await readCounters(db, ownerId, [id])).get(id);
  const [tried, refused] = [sumAttempts(counters), sumRefused(counters)];
  const [attempts, refusals, relayFault, halt, nextTries] = await Promise.all([
    before && sumAttempts(before.counters) === tried
      ? before.attempts
      : listLatestAttempts(db, ownerId, id, LATEST_ATTEMPTS),
    before && sumRefused(before.counters) === refused ? before.refusals : readRefusals(db, ownerId, id, MOST_REFUSALS),
    isRunning ? findFault() : undefined,
    disabledAt ? readHalt(db, id, disabledAt) : undefined,
    isRunning ? readNextTries(db, ownerId, id) : NO_TRIES,
  ]);
  return { counters, attempts, relayFault, halt, nextTries, refusals };
}

/** The same for all mailings. */
export async function readRelayFault(db: Database): Promise<RelayFault | undefined> {
  return findRelayFault(db, await listKeysInUse(db));
}

function sumAttempts(counters: Counters | undefined): number {
  return (counters?.attemptsAccepted ?? 0) + sumRefused(counters);
}

function sumRefused(counters: Counters | undefined): number {
  if (!counters) return 0;
  return counters.attemptsDeferred + counters.attemptsRejected + counters.attemptsInDoubt;
}
