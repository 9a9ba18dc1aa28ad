import { createHash } from 'node:crypto';

import { listAddresses } from '../audit/audit-store.js';
import { toLimitKey } from '../lib/client-address.js';
import type { Limit, Limits } from '../lib/limits.js';
import type { Origin } from '../ui/view.js';
import type { Auth } from './auth.js';
import { findUserByEmail } from './user-store.js';

/*
 * How often what may be tried. A password is guarded by three counts: of a client address, of an account from one address, and of an
 * account from everywhere. The last one locks nobody out: while it is exceeded, addresses from which nobody has ever signed in to
 * this account get very few tries, and those of its user as many as ever. Accounts are counted by what was typed, so that unknown
 * ones are treated as known ones are.
 */

const QUARTER = 15 * 60;
const HOUR = 60 * 60;

const FROM_ADDRESS: Limit = { name: 'sign-in-address', tries: 60, seconds: QUARTER };
const TO_ACCOUNT_FROM_ADDRESS: Limit = { name: 'sign-in-pair', tries: 10, seconds: QUARTER };
const TO_ACCOUNT_FROM_STRANGER: Limit = { name: 'sign-in-stranger', tries: 3, seconds: HOUR };
const TO_ACCOUNT: Limit = { name: 'sign-in-account', tries: 50, seconds: HOUR };

const CODES_FROM_ADDRESS: Limit = { name: 'code-address', tries: 30, seconds: QUARTER };
const OWN_PASSWORD: Limit = { name: 'own-password', tries: 10, seconds: QUARTER };
const LETTERS: Limit = { name: 'letters', tries: 5, seconds: HOUR };
/** Longer than an app's code is taken. */
const USED_CODE: Limit = { name: 'used-code', tries: 1, seconds: 120 };

const VISITORS = {
  registration: { name: 'registration', tries: 20, seconds: HOUR },
  confirmation: { name: 'confirmation', tries: 20, seconds: HOUR },
  recovery: { name: 'recovery', tries: 20, seconds: HOUR },
  invitation: { name: 'invitation', tries: 30, seconds: HOUR },
} satisfies Record<string, Limit>;

type LetterKind = 'registration' | 'confirmation' | 'recovery' | 'email change';

/** Counted already, so that tries at the same time are counted too; `refund` takes it back after a success. */
export type Allowance =
  | { ok: true; refund(): Promise<void> }
  /** `isFirst` of the tries that were refused in this window. */
  | { ok: false; seconds: number; isFirst: boolean };

export async function allowSignIn({ limits, db }: Auth, email: string, origin: Origin): Promise<Allowance> {
  const [address, account] = [toLimitKey(origin.address), hashAccount(email)];
  const pair = `${account} ${address}`;
  // An address that is refused counts against no account.
  const ofAddress = await allow(limits, FROM_ADDRESS, address);
  if (!ofAddress.ok) return ofAddress;
  const [ofPair, ofStranger, ofAccount] = await Promise.all([
    allow(limits, TO_ACCOUNT_FROM_ADDRESS, pair),
    allow(limits, TO_ACCOUNT_FROM_STRANGER, pair),
    limits.count(TO_ACCOUNT, account),
  ]);
  if (!ofPair.ok) return ofPair;
  const isStranger = ofAccount.isOver && !ofStranger.ok && !(await hasSignedInFrom(db, email, address));
  if (isStranger && !ofStranger.ok) return ofStranger;
  const refund = async () => {
    const [a, b] = [limits.giveBack(FROM_ADDRESS, address), limits.giveBack(TO_ACCOUNT, account)];
    await Promise.all([
      a,
      b,
      limits.forget(TO_ACCOUNT_FROM_ADDRESS, pair),
      limits.forget(TO_ACCOUNT_FROM_STRANGER, pair),
    ]);
  };
  return { ok: true, refund };
}

/** For forms that anybody may send, by client address. */
export async function allowVisitor({ limits }: Auth, form: keyof typeof VISITORS, origin: Origin): Promise<Allowance> {
  return allow(limits, VISITORS[form], toLimitKey(origin.address));
}

/**
 * Whether an address gets another letter that anybody may ask for; where not, the answer is as if it did. Each kind is counted by
 * itself: who asks for others in vain must not keep anybody from the letter that leads back to their account.
 */
export async function mayReceiveLetter({ limits }: Auth, kind: LetterKind, email: string): Promise<boolean> {
  return (await allow(limits, LETTERS, `${kind} ${hashAccount(email)}`)).ok;
}

/** Where somebody who is signed in types the current password. */
export async function allowOwnPassword({ limits }: Auth, userId: number): Promise<Allowance> {
  return allow(limits, OWN_PASSWORD, String(userId));
}

/** Beside the count of an account's wrong codes, which better-auth keeps in the database. */
export async function allowCode({ limits }: Auth, origin: Origin): Promise<Allowance> {
  return allow(limits, CODES_FROM_ADDRESS, toLimitKey(origin.address));
}

/** An app's code counts once (RFC 6238, section 5.2): who looked over the shoulder cannot use it again. */
export async function isFirstUse({ limits }: Auth, userId: number, code: string): Promise<boolean> {
  return (await allow(limits, USED_CODE, `${userId} ${code}`)).ok;
}

async function allow(limits: Limits, limit: Limit, key: string): Promise<Allowance> {
  const { used, isOver, secondsLeft } = await limits.count(limit, key);
  if (isOver) return { ok: false, seconds: secondsLeft, isFirst: used === limit.tries + 1 };
  return { ok: true, refund: () => limits.giveBack(limit, key) };
}

async function hasSignedInFrom(db: Auth['db'], email: string, address: string): Promise<boolean> {
  const user = await findUserByEmail(db, email);
  const addresses = await listAddresses(db, user?.id ?? 0, 'session.started');
  return addresses.some((known) => toLimitKey(known) === address);
}

/** Redis holds no addresses. */
function hashAccount(email: string): string {
  return createHash('sha256').update(email).digest('base64url');
}
