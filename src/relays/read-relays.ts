import { readRelayStates, readSlowings } from '../delivery/relay-store.js';
import { effectiveRate } from '../delivery/slowing.js';
import type { Database } from '../lib/database.js';
import { openRelay } from './open-relay.js';
import { findRelay, listAllRelays, listDomainLimits, listKeysInUse, readRelayNames } from './relay-store.js';
import {
  describeCondition,
  isFailing,
  SMTP_URL_KEY,
  type FailingRelay,
  type RelayOverview,
  type RelaySettings,
  type ShownRelay,
} from './relay.js';

interface ReadingDeps {
  db: Database;
  /** The installation's. */
  secret: string;
}

const DOMAIN = 'domain:';

export async function readRelayOverview({ db, secret }: ReadingDeps, now: Date): Promise<RelayOverview> {
  const [relays, limits, known] = await Promise.all([listAllRelays(db), listDomainLimits(db), readKnown(db)]);
  const { states, slowings } = known;
  const slowed = [...slowings].flatMap(([key, slowing]) => {
    const lettersPerMinute = effectiveRate(slowing, now);
    if (!key.startsWith(DOMAIN) || lettersPerMinute === null) return [];
    return [{ domain: key.slice(DOMAIN.length), lettersPerMinute, since: slowing.since }];
  });
  return {
    relays: relays.map((relay) => show(relay, { secret, now, ...known })),
    smtpUrl: describeCondition({
      isEnabled: true,
      isReadable: true,
      state: states.get(SMTP_URL_KEY),
      slowing: slowings.get(`relay:${SMTP_URL_KEY}`),
      now,
    }),
    limits,
    slowed,
  };
}

export async function readShownRelay(
  { db, secret }: ReadingDeps,
  id: number,
  now: Date,
): Promise<ShownRelay | undefined> {
  const [relay, known] = await Promise.all([findRelay(db, id), readKnown(db)]);
  return relay && show(relay, { secret, now, ...known });
}

/** Those in use that have taken no letters for longer than a moment. */
export async function readFailing(db: Database, now: Date): Promise<FailingRelay[]> {
  const [keys, names, states] = await Promise.all([listKeysInUse(db), readRelayNames(db), readRelayStates(db)]);
  const isResting = (key: string) => isFailing(states.get(key), now, 'notice');
  const isLast = keys.every(isResting);
  return keys.filter(isResting).flatMap((key) => {
    const { fault = null, failingSince = null } = states.get(key) ?? {};
    if (fault === null || failingSince === null) return [];
    const id = key === SMTP_URL_KEY ? null : Number(key);
    return [{ key, id, name: names.get(key) ?? null, fault, since: failingSince, isLast }];
  });
}

type Known = Awaited<ReturnType<typeof readKnown>>;

async function readKnown(db: Database) {
  const [states, slowings] = await Promise.all([readRelayStates(db), readSlowings(db)]);
  return { states, slowings };
}

function show(
  settings: RelaySettings,
  { secret, now, states, slowings }: Known & { secret: string; now: Date },
): ShownRelay {
  const { sealedSecret: _never, ...relay } = settings;
  const isReadable = openRelay(settings, secret).ok;
  const key = String(relay.id);
  const { isEnabled } = relay;
  const known = { state: states.get(key), slowing: slowings.get(`relay:${key}`) };
  return { relay, isReadable, condition: describeCondition({ isEnabled, isReadable, ...known, now }) };
}
