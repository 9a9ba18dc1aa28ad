/**
 * One letter to every administrator when a mail server in use has taken no letters for ten minutes, once an outage. What was told of
 * is marked in the same transaction as the letters are queued in, so any number of workers may look at the same time, and a crash
 * leaves either both or neither. Letters go by SMTP_URL: where that is what fails, they come when it is back.
 */
import { writeRelayFailing } from '../accounts/account-letters.js';
import { listAdministrators } from '../accounts/user-store.js';
import { markAlerted, readRelayStates } from '../delivery/relay-store.js';
import type { Clock } from '../lib/clock.js';
import type { Database, Transaction } from '../lib/database.js';
import { translate, type Locale } from '../lib/i18n.js';
import type { SystemLetters } from '../lib/system-mail.js';
import { formatDateTime } from '../ui/format.js';
import { listKeysInUse, readRelayNames } from './relay-store.js';
import { isFailing } from './relay.js';

interface AlertDeps {
  db: Database;
  letters: SystemLetters;
  clock: Clock;
  baseUrl: string;
  /** For who has not chosen a language. */
  defaultLocale: Locale;
}

interface Outage {
  key: string;
  name: string | undefined;
  fault: string;
  since: Date;
}

/** To be called every minute; returns how many outages were told of. */
export async function alertAdministrators(deps: AlertDeps): Promise<number> {
  const { db, clock } = deps;
  const now = clock.now();
  const [keys, states, names] = await Promise.all([listKeysInUse(db), readRelayStates(db), readRelayNames(db)]);
  let count = 0;
  for (const key of keys) {
    const state = states.get(key);
    if (!state?.fault || !state.failingSince || state.alertedAt || !isFailing(state, now, 'alert')) continue;
    const outage = { key, name: names.get(key), fault: state.fault, since: state.failingSince };
    const isTold = await db.transaction().execute((trx) => tell(trx, deps, outage, now));
    if (isTold) count += 1;
  }
  return count;
}

async function tell(trx: Transaction, deps: AlertDeps, outage: Outage, now: Date): Promise<boolean> {
  if (!(await markAlerted(trx, outage.key, now))) return false;
  const { letters, baseUrl, defaultLocale } = deps;
  for (const { email, locale, timeZone } of await listAdministrators(trx)) {
    const language = locale ?? defaultLocale;
    const name = outage.name ?? translate(language)('relays.smtpUrlName');
    const time = formatDateTime({ locale: language, timeZone }, outage.since);
    const facts = { name, time: `${time} (${timeZone})`, fault: outage.fault, link: linkTo(baseUrl, outage) };
    await letters.send(writeRelayFailing(language, email, facts), trx);
  }
  return true;
}

function linkTo(baseUrl: string, { key, name }: Outage): string {
  return name === undefined ? `${baseUrl}/oversight/relays` : `${baseUrl}/oversight/relays/${key}`;
}
