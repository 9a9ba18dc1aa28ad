import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../test/support/database.js';
import { addRecipients } from '../test/support/fixtures.js';
import { openTestSite, type TestSite } from '../test/support/test-site.js';

let database: TestDatabase;
let site: TestSite;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'vestnik-caching-'));
  await mkdir(join(folder, 'assets'));
  site = openTestSite(database.db, { assetsFolder: folder });
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.close();
});

const get = (path: string, headers: Record<string, string> = {}) => site.web.request(path, { headers });

async function getTag(path: string, cookie: string): Promise<string> {
  const answer = await get(path, { cookie });
  const tag = answer.headers.get('etag') ?? '';
  expect([answer.status, tag]).toEqual([200, expect.stringMatching(/^W\/"[\w-]{27}"$/)]);
  return tag;
}

test('a page that has not changed is not sent again', async () => {
  const cookie = await site.signIn('user');
  const tag = await getTag('/recipients', cookie);
  const again = await get('/recipients', { cookie, 'if-none-match': `"other", ${tag}`, 'accept-encoding': 'gzip' });
  expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag]);
  expect(again.headers.get('cache-control')).toBe('private, no-cache');
  expect(again.headers.get('content-encoding')).toBeNull();
  expect(again.headers.get('content-security-policy')).toContain("default-src 'self'");
});

test('one that has changed is, as is another visitor’s', async () => {
  const userId = await database.db.selectFrom('users').select('id').executeTakeFirstOrThrow();
  const cookie = await site.cookieOf(userId.id);
  const tag = await getTag('/recipients', cookie);
  const others = await get('/recipients', { cookie: await site.signIn('user'), 'if-none-match': tag });
  expect(others.status).toBe(200);
  await addRecipients(database.db, userId.id, 1);
  const changed = await get('/recipients', { cookie, 'if-none-match': tag });
  expect([changed.status, (await changed.text()).length > 1000]).toEqual([200, true]);
  expect(changed.headers.get('etag')).not.toBe(tag);
  expect((await get('/recipients', { 'if-none-match': tag })).status).toBe(303);
});

test('a page with a sentence that is shown once is always sent whole, and has no mark', async () => {
  const cookie = await site.signIn('user');
  const flash = encodeURIComponent(JSON.stringify({ kind: 'success', text: 'It is saved.' }));
  const tag = await getTag('/messages', cookie);
  const answer = await get('/messages', { cookie: `${cookie}; flash=${flash}`, 'if-none-match': tag });
  expect([answer.status, answer.headers.get('etag')]).toEqual([200, null]);
  expect(answer.headers.get('cache-control')).toBe('private, no-cache');
  expect(await answer.text()).toContain('It is saved.');
});

test('faults, leadings and files have no mark', async () => {
  const cookie = await site.signIn('user');
  for (const [path, status] of [
    ['/nowhere', 404],
    ['/sign-in', 303],
    ['/healthz', 200],
  ] as const) {
    const answer = await get(path, { cookie });
    expect([path, answer.status, answer.headers.get('etag')]).toEqual([path, status, null]);
  }
});

test.each(['/sign-in', '/sign-up', '/recovery'])(
  '%s is kept for a minute, in the language and for the cookies of one',
  async (path) => {
    const answer = await get(path);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'private, max-age=60']);
    expect(answer.headers.get('vary')).toMatch(/Cookie, Accept-Language/);
    const flash = encodeURIComponent(JSON.stringify({ kind: 'success', text: 'You have signed out.' }));
    const once = await get(path, { cookie: `flash=${flash}` });
    expect([once.status, once.headers.get('cache-control')]).toEqual([200, 'private, no-cache']);
  },
);

test('who signs out, here alone or everywhere, leaves nothing in the browser', async () => {
  const leave = async (path: string, cookie: string) => {
    const headers = { 'sec-fetch-site': 'same-origin', cookie };
    const answer = await site.web.request(path, { method: 'POST', headers });
    return [answer.status, answer.headers.get('location'), answer.headers.get('clear-site-data')];
  };
  const gone = [303, '/sign-in', '"cache"'];
  for (const path of ['/sign-out', '/settings/sessions/end-all'])
    expect([path, ...(await leave(path, await site.signIn('user')))]).toEqual([path, ...gone]);
  const cookie = await site.signIn('user');
  const sessions = database.db.selectFrom('sessions').select('id').orderBy('id', 'desc');
  const { id } = await sessions.limit(1).executeTakeFirstOrThrow();
  expect(await leave(`/settings/sessions/${id}/end`, cookie)).toEqual(gone);
});

function unpack(body: Buffer, encoding: 'br' | 'gzip' | null): string {
  if (encoding === null) return body.toString();
  return (encoding === 'br' ? brotliDecompressSync(body) : gunzipSync(body)).toString();
}

test('browser files that were compressed beforehand are sent as they are', async () => {
  const style = '.page { color: red }\n'.repeat(500);
  const path = join(folder, 'assets', 'main-abc123.css');
  await writeFile(path, style);
  await writeFile(`${path}.br`, brotliCompressSync(style));
  await writeFile(`${path}.gz`, gzipSync(style));
  for (const [accepted, encoding] of [
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip', 'gzip'],
    ['identity', null],
  ] as const) {
    const answer = await get('/assets/main-abc123.css', { 'accept-encoding': accepted });
    expect(answer.headers.get('content-encoding')).toBe(encoding);
    expect(answer.headers.get('vary') ?? '').toContain('Accept-Encoding');
    expect(answer.headers.get('content-type')).toMatch(/^text\/css/);
    expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const body = Buffer.from(await answer.arrayBuffer());
    expect(unpack(body, encoding)).toBe(style);
  }
});

test('a page tells where its time went', async () => {
  const cookie = await site.signIn('user');
  const timing = (await get('/recipients', { cookie })).headers.get('server-timing') ?? '';
  const parts = /^db;dur=([\d.]+), (?:cache;desc="[a-z, ]+", )?render;dur=([\d.]+), total;dur=([\d.]+)$/.exec(timing);
  const [db = 0, render = 0, total = 0] = parts?.slice(1).map(Number) ?? [];
  expect([db > 0, render > 0, db + render <= total + 0.2]).toEqual([true, true, true]);
});
