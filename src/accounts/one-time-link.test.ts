import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { addUser } from '../../test/support/fixtures.js';
import type { LinkPurpose } from '../lib/schema-accounts.js';
import { endLaterReturns, endLinks, findLink, findPendingEmail, makeLink, useLink } from './one-time-link-store.js';
import { LIFETIME_SECONDS } from './one-time-link.js';

const EMAIL = 'anna@example.com';

let database: TestDatabase;
let userId: number;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  await database.db.deleteFrom('one_time_links').execute();
  userId = await addUser(database.db, { email: EMAIL });
});

function make(purpose: LinkPurpose = 'recovery', email = EMAIL) {
  const owner = purpose === 'invitation' ? null : userId;
  return database.db.transaction().execute((trx) => makeLink(trx, { purpose, userId: owner, email }));
}

function use(token: string, purpose: LinkPurpose = 'recovery') {
  return database.db.transaction().execute((trx) => useLink(trx, [purpose], token));
}

async function readState(token: string, purpose: LinkPurpose = 'recovery') {
  return (await findLink(database.db, [purpose], token)).state;
}

async function setExpiry(id: number, days: number) {
  const at = new Date(Date.now() + days * 86_400_000);
  await database.db.updateTable('one_time_links').set({ expires_at: at }).where('id', '=', id).execute();
}

describe('a link', () => {
  it('is valid until it is used, and works once', async () => {
    const { id, token } = await make();
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await findLink(database.db, ['recovery'], token)).toEqual({
      state: 'valid',
      link: { id, purpose: 'recovery', userId, email: EMAIL },
    });
    expect(await use(token)).toMatchObject({ id, userId, email: EMAIL });
    expect(await readState(token)).toBe('used');
    expect(await use(token)).toBeUndefined();
  });

  it('is got by one of two at once', async () => {
    const { token } = await make();
    const uses = await Promise.all([use(token), use(token), use(token)]);
    expect(uses.filter(Boolean)).toHaveLength(1);
  });

  it('is still there when what it allows is rolled back', async () => {
    const { token } = await make();
    const failing = database.db.transaction().execute(async (trx) => {
      await useLink(trx, ['recovery'], token);
      throw new Error('the rest failed');
    });
    await expect(failing).rejects.toThrow('the rest failed');
    expect(await readState(token)).toBe('valid');
  });

  it.each(Object.entries(LIFETIME_SECONDS))('for %s works for %i seconds', async (purpose, seconds) => {
    const { token } = await make(purpose as LinkPurpose);
    const row = await database.db
      .selectFrom('one_time_links')
      .select(['created_at', 'expires_at'])
      .executeTakeFirstOrThrow();
    expect(row.expires_at.getTime() - row.created_at.getTime()).toBe(seconds * 1000);
    expect(await readState(token, purpose as LinkPurpose)).toBe('valid');
  });

  it('does nothing after its time', async () => {
    const { id, token } = await make();
    await setExpiry(id, -0.001);
    expect(await readState(token)).toBe('expired');
    expect(await use(token)).toBeUndefined();
  });

  it('is unknown for any other purpose', async () => {
    const { token } = await make('confirmation');
    expect(await readState(token, 'recovery')).toBe('unknown');
    expect(await use(token, 'recovery')).toBeUndefined();
    expect(await readState(token, 'confirmation')).toBe('valid');
  });

  it.each(['', 'token', '\0', "' or true --", 'x'.repeat(10_000)])('is unknown by %.20j', async (token) => {
    await make();
    expect(await readState(token)).toBe('unknown');
    expect(await use(token)).toBeUndefined();
  });

  it('is kept as a hash alone', async () => {
    const { token } = await make();
    const row = await database.db.selectFrom('one_time_links').selectAll().executeTakeFirstOrThrow();
    expect(row.token_hash).toHaveLength(32);
    expect(JSON.stringify(Object.values(row).map(String))).not.toContain(token);
  });
});

describe('a newer link', () => {
  it('takes the place of the earlier one of the same user and purpose, and of no other', async () => {
    const other = await addUser(database.db);
    const [first, confirmation] = [await make(), await make('confirmation')];
    const foreign = await database.db
      .transaction()
      .execute((trx) => makeLink(trx, { purpose: 'recovery', userId: other, email: 'other@example.com' }));
    const second = await make();
    expect(await readState(first.token)).toBe('expired');
    expect(await readState(second.token)).toBe('valid');
    expect(await readState(confirmation.token, 'confirmation')).toBe('valid');
    expect(await readState(foreign.token)).toBe('valid');
  });

  it('takes the place of an earlier invitation of the same address', async () => {
    const [first, other] = [await make('invitation'), await make('invitation', 'berta@example.com')];
    await make('invitation');
    expect(await readState(first.token, 'invitation')).toBe('expired');
    expect(await readState(other.token, 'invitation')).toBe('valid');
  });

  it('leaves a used one as it was', async () => {
    const { token } = await make();
    await use(token);
    await make();
    expect(await readState(token)).toBe('used');
  });

  it('leaves the way back to an earlier address, and following that ends the later ways back', async () => {
    const first = await make('email_return', 'first@example.com');
    const second = await make('email_return', 'second@example.com');
    const third = await make('email_return', 'third@example.com');
    await database.db.transaction().execute(async (trx) => {
      const link = await useLink(trx, ['email_return'], second.token);
      if (link) await endLaterReturns(trx, link);
    });
    const states = await Promise.all([first, second, third].map(({ token }) => readState(token, 'email_return')));
    expect(states).toEqual(['valid', 'used', 'expired']);
  });
});

it('ends everything that could change an account, but not the way back', async () => {
  const purposes = ['confirmation', 'recovery', 'email_change', 'email_return'] as const;
  const tokens = await Promise.all(purposes.map(async (purpose) => [purpose, (await make(purpose)).token] as const));
  await database.db.transaction().execute((trx) => endLinks(trx, userId));
  const states = await Promise.all(tokens.map(([purpose, token]) => readState(token, purpose)));
  expect(states).toEqual(['expired', 'expired', 'expired', 'valid']);
});

it('tells which address waits for its confirmation', async () => {
  expect(await findPendingEmail(database.db, userId)).toBeUndefined();
  const { token } = await make('email_change', 'new@example.com');
  expect(await findPendingEmail(database.db, userId)).toBe('new@example.com');
  await use(token, 'email_change');
  expect(await findPendingEmail(database.db, userId)).toBeUndefined();
});

it('forgets links that expired 30 days ago when another is made', async () => {
  const [old, recent] = [await make('recovery'), await make('confirmation')];
  await setExpiry(old.id, -31);
  await setExpiry(recent.id, -29);
  await make('email_change');
  expect(await readState(old.token)).toBe('unknown');
  expect(await readState(recent.token, 'confirmation')).toBe('expired');
});
