import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { openAccountSite, type AccountSite, type Answer } from '../../test/support/account-site.js';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { createUser } from './create-user.js';

const PASSWORD = 'seven green boats';
const HOME_ADDRESS = '198.51.100.7';

let database: TestDatabase;
let site: AccountSite;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('users').execute();
  site = openAccountSite(database.db);
  const made = await createUser(database.db, {
    email: 'anna@example.com',
    name: 'Anna',
    password: PASSWORD,
    role: 'user',
  });
  if (!made.ok) throw new Error('not created');
});

function signIn(address: string, password: string, email = 'anna@example.com'): Promise<Answer> {
  return site.openBrowser({ address }).post('/sign-in', { email, password });
}

/** From as many addresses at once, again and again; the tries whose password was looked at. */
async function guess(addresses: string[], rounds: number, email?: string): Promise<number> {
  let tried = 0;
  for (let round = 0; round < rounds; round += 1) {
    const answers = await Promise.all(addresses.map((address) => signIn(address, `guess ${round}`, email)));
    tried += answers.filter(({ status }) => status === 422).length;
  }
  return tried;
}

describe('guessing a password', () => {
  it('ends after some tries from one address, which is told how long to wait', async () => {
    expect(await guess([HOME_ADDRESS], 10)).toBe(10);
    const answer = await signIn(HOME_ADDRESS, PASSWORD);
    expect(answer.status).toBe(429);
    expect(answer.text).toContain('Too many tries. Try again in 15 minutes.');
    expect(answer.text).toContain('value="anna@example.com"');
    expect(Number(answer.response.headers.get('retry-after'))).toBeGreaterThan(800);
    expect((await signIn('203.0.113.9', PASSWORD)).status).toBe(303);
  });

  it('is throttled alike for known and unknown accounts', async () => {
    expect(await guess([HOME_ADDRESS], 12, 'nobody@example.com')).toBe(10);
    const unknown = await signIn(HOME_ADDRESS, 'x', 'nobody@example.com');
    await guess([HOME_ADDRESS], 10);
    const known = await signIn(HOME_ADDRESS, 'x');
    const describe = ({ text }: Answer) => text.replaceAll(/(?:nobody|anna)@/g, 'X@');
    expect([known.status, describe(known)]).toEqual([unknown.status, describe(unknown)]);
  });

  it('counts many accounts from one address together, and an IPv6 network as one address', async () => {
    let tried = 0;
    for (let batch = 0; batch < 7; batch += 1) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => signIn(`2001:db8::${batch}:${n}`, 'x', `user${batch * 10 + n}`)),
      );
      tried += answers.filter(({ status }) => status === 422).length;
    }
    expect(tried).toBe(60);
  });

  it('1,000 times from 50 addresses is throttled, and the right user signs in from home and from elsewhere', async () => {
    expect((await signIn(HOME_ADDRESS, PASSWORD)).status).toBe(303);
    const addresses = Array.from({ length: 50 }, (_, n) => `192.0.2.${n + 1}`);
    const tried = await guess(addresses, 20);
    expect(tried).toBeLessThanOrEqual(200);
    // From a new address very few tries are left, from the user's own as many as ever.
    expect((await signIn('203.0.113.5', PASSWORD)).status).toBe(303);
    for (let wrong = 0; wrong < 5; wrong += 1) expect((await signIn(HOME_ADDRESS, 'x')).status).toBe(422);
    expect((await signIn(HOME_ADDRESS, PASSWORD)).status).toBe(303);
    expect((await signIn('192.0.2.1', PASSWORD)).status).toBe(429);
    for (let wrong = 0; wrong < 3; wrong += 1) expect((await signIn('203.0.113.77', 'x')).status).toBe(422);
    expect((await signIn('203.0.113.77', 'x')).status).toBe(429);
    const refusals = await database.db
      .selectFrom('audit_entries')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('action', '=', 'session.refused')
      .executeTakeFirstOrThrow();
    expect(refusals.count).toBeLessThan(400);
  }, 120_000);

  it('is forgiven after a success', async () => {
    for (let round = 0; round < 2; round += 1) {
      await guess([HOME_ADDRESS], 8);
      expect((await signIn(HOME_ADDRESS, PASSWORD)).status).toBe(303);
    }
  });
});

describe('letters that anybody may ask for', () => {
  it('come to one address a few times an hour; the answer stays the same', async () => {
    const answers: Answer[] = [];
    for (let time = 0; time < 8; time += 1) {
      const browser = site.openBrowser({ address: `192.0.2.${time}` });
      answers.push(await browser.post('/recovery', { email: 'anna@example.com' }));
    }
    expect(site.letters).toHaveLength(5);
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
  });

  it('keep nobody from the letter that leads back in, however many others were asked for', async () => {
    const registration = { name: 'A', email: 'anna@example.com', password: 'nine quiet rivers', time_zone: 'UTC' };
    for (let time = 0; time < 8; time += 1) {
      const browser = site.openBrowser({ address: `192.0.2.${time}` });
      expect((await browser.post('/sign-up', registration)).location).toBe('/check-mail');
      expect((await browser.post('/confirmation/letter', registration)).location).toBe('/check-mail');
    }
    expect(site.letters).toHaveLength(5);
    await site.openBrowser().post('/recovery', { email: 'anna@example.com' });
    expect(site.letters.at(-1)).toMatchObject({ to: 'anna@example.com', purpose: 'recovery' });
  });

  it.each([
    ['/recovery', { email: '{n}@example.com' }],
    ['/confirmation/letter', { email: '{n}@example.com' }],
    ['/sign-up', { name: 'A', email: '{n}@example.com', password: PASSWORD, time_zone: 'UTC' }],
  ])('are asked for by %s from one address some times an hour, then with a wait', async (path, fields) => {
    const browser = site.openBrowser({ address: HOME_ADDRESS });
    const ask = (n: number) => browser.post(path, { ...fields, email: `user${n}@example.com` });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)));
    expect(answers.filter(({ status }) => status >= 400)).toEqual([]);
    const answer = await ask(20);
    expect(answer.status).toBe(429);
    expect(answer.text).toContain('Too many tries. Try again in 60 minutes.');
    expect(answer.text).toContain('value="user20@example.com"');
    expect(answer.response.headers.get('retry-after')).toMatch(/^\d+$/);
  });
});
