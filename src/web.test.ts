import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import type { Hono } from 'hono';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../test/support/database.js';
import { openTestSite, type TestSite } from '../test/support/test-site.js';
import { translate } from './lib/i18n.js';
import { projectRoot } from './lib/project-root.js';
import { en } from './locales/en.js';
import type { WebEnv } from './ui/view.js';

const BASE = 'http://localhost:3000';
const SAME_ORIGIN = { 'sec-fetch-site': 'same-origin' };

let database: TestDatabase;
let site: TestSite;
let folder: string;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), 'vestnik-web-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'assets', 'main-abc123.js'), 'export {};');
  await writeFile(join(folder, 'icon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(join(folder, 'secret'), 'not for visitors');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.close();
});
beforeEach(() => {
  site = openTestSite(database.db);
});

/** The site with browser files of its own. */
function openSite(defaultLocale: 'ru' | 'en' = 'en'): Hono<WebEnv> {
  const assets = { script: '/assets/main-abc123.js', styles: [] };
  return openTestSite(database.db, { assets, assetsFolder: folder, defaultLocale }).web;
}

const get = (path: string, headers: Record<string, string> = {}) => site.web.request(path, { headers });
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  site.web.request(path, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...SAME_ORIGIN, ...headers },
  });

function expectGuarded(answer: Response): void {
  const policy = answer.headers.get('content-security-policy') ?? '';
  const directives = new Map(policy.split('; ').map((directive) => [directive.split(' ')[0], directive]));
  expect(policy).not.toMatch(/unsafe-|\*|https?:/);
  expect(directives.get('default-src')).toBe("default-src 'self'");
  expect(directives.get('object-src')).toBe("object-src 'none'");
  expect(directives.get('base-uri')).toBe("base-uri 'none'");
  expect(directives.get('form-action')).toBe("form-action 'self'");
  expect(directives.get('frame-ancestors')).toBe("frame-ancestors 'self'");
  expect(directives.has('script-src') || directives.has('style-src')).toBe(false);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  expect(answer.headers.get('x-frame-options')).toBe('SAMEORIGIN');
  expect(answer.headers.get('referrer-policy')).toBe('same-origin');
  expect(answer.headers.get('x-powered-by')).toBeNull();
}

test('every answer is guarded: pages, leadings, refusals, faults', async () => {
  const cookie = await site.signIn('user');
  const answers = await Promise.all([
    get('/check-mail'),
    get('/'),
    get('/nowhere'),
    get('/recipients', { cookie }),
    get('/nowhere', { cookie }),
    get('/recipients/new', { cookie }),
    post('/recipients', 'email=', { cookie }),
    post('/recipients', 'email=a@example.com', { cookie, 'sec-fetch-site': 'cross-site' }),
    post('/recipients', '{}', { cookie, 'content-type': 'application/json' }),
    post('/recipients', 'x', { cookie, 'content-length': String(10 ** 9) }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([200, 303, 303, 200, 404, 200, 422, 403, 400, 413]);
  for (const answer of answers) {
    expectGuarded(answer);
    expect(answer.headers.get('cache-control')).toBe('private, no-cache');
  }
});

test('browser files travel compressed, and are kept for ever', async () => {
  const style = '.page { color: red }\n'.repeat(500);
  await writeFile(join(folder, 'assets', 'main-abc123.css'), style);
  const headers = { 'accept-encoding': 'br, gzip' };
  const answer = await openSite().request('/assets/main-abc123.css', { headers });
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(answer.headers.get('vary')).toContain('Accept-Encoding');
  expect(answer.headers.get('cache-control')).toContain('immutable');
  expect(gunzipSync(await answer.arrayBuffer()).toString()).toBe(style);
});

test('no page holds a script or a style of its own, which the policy would stop', async () => {
  const cookie = await site.signIn('administrator');
  const paths = [
    '/',
    '/recipients',
    '/recipients/new',
    '/messages',
    '/messages/new',
    '/mailings',
    '/mailings/new',
    '/inbox',
    '/settings',
    '/sign-up',
  ];
  for (const path of paths) {
    const answer = await get(path, path === '/sign-up' ? {} : { cookie });
    const html = await answer.text();
    expect([path, answer.status]).toEqual([path, 200]);
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style|\son[a-z]+="|\sstyle="|javascript:/);
  }
});

test('browser files may be kept for ever: their names change with them', async () => {
  const answer = await openSite().request('/assets/main-abc123.js');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(answer.headers.get('content-type')).toMatch(/javascript/);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  const icon = await openSite().request('/icon.svg');
  expect([icon.status, icon.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^image\/svg\+xml/)]);
  expect(icon.headers.get('x-content-type-options')).toBe('nosniff');
  expect(icon.headers.get('cache-control')).toBe('public, max-age=86400');
});

test('gives no file but the browser’s', async () => {
  const paths = [
    '/assets/../secret',
    '/assets/%2e%2e/secret',
    '/assets/..%2fsecret',
    '/secret',
    '/assets/',
    '/assets/%00',
    '/assets/..%5csecret',
  ];
  for (const path of paths) {
    const answer = await openSite().request(path);
    expect(await answer.text()).not.toContain('not for visitors');
    expect(answer.headers.get('cache-control') ?? '').not.toContain('immutable');
  }
});

test('a browser file that there is not is not found, and leads nobody to sign in', async () => {
  const answer = await openSite().request('/assets/main-old.js');
  expect(answer.status).toBe(404);
  expect(answer.headers.get('cache-control') ?? '').not.toContain('immutable');
});

test('tells that it is well', async () => {
  const answer = await get('/healthz');
  expect([answer.status, await answer.text()]).toEqual([200, 'ok']);
});

test('a page that there is not says so, in the language of the visitor', async () => {
  const cookie = await site.signIn('user');
  for (const [language, locale] of [['ru-RU,ru;q=0.9', 'ru'] as const, ['en', 'en'] as const]) {
    const answer = await get('/nowhere', { cookie, 'accept-language': language });
    expect(answer.status).toBe(404);
    const html = await answer.text();
    expect(html).toContain(`<html lang="${locale}"`);
    expect(html).toContain(translate(locale)('common.errors.not_found.title'));
    expect(html).toContain('href="/"');
  }
});

test.each([
  ['/', '/sign-in'],
  ['/recipients', '/sign-in?next=%2Frecipients'],
  ['/recipients?q=a%26b&sort=-name', '/sign-in?next=%2Frecipients%3Fq%3Da%2526b%26sort%3D-name'],
  ['/mailings/7', '/sign-in?next=%2Fmailings%2F7'],
  ['/nowhere', '/sign-in?next=%2Fnowhere'],
])('leads who is not signed in from %s to %s', async (path, location) => {
  const answer = await get(path);
  expect([answer.status, answer.headers.get('location')]).toEqual([303, location]);
});

test('leads who is not signed in away from a form without doing anything', async () => {
  const answer = await post('/recipients', 'email=anna@example.com');
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sign-in']);
  expect(await database.db.selectFrom('recipients').select('id').execute()).toEqual([]);
});

test('a session cookie that somebody made or that has ended lets nobody in', async () => {
  const cookie = await site.signIn('user');
  const forged = `${cookie.slice(0, -4)}AAAA`;
  for (const cookie of [forged, 'vestnik.session_token=x', 'vestnik.session_token=x.y', 'vestnik.session_token=']) {
    expect((await get('/recipients', { cookie })).status).toBe(303);
  }
  expect((await get('/recipients', { cookie })).status).toBe(200);
  await database.db
    .updateTable('sessions')
    .set({ expires_at: new Date(Date.now() - 1000) })
    .execute();
  expect((await get('/recipients', { cookie })).status).toBe(303);
});

test('speaks the language that was chosen, then the browser’s, then its own', async () => {
  const langOf = async (headers: Record<string, string>, defaultLocale: 'ru' | 'en' = 'en') => {
    const answer = await openSite(defaultLocale).request('/sign-in', { headers });
    return /<html lang="(\w+)"/.exec(await answer.text())?.[1];
  };
  expect(await langOf({})).toBe('en');
  expect(await langOf({}, 'ru')).toBe('ru');
  expect(await langOf({ 'accept-language': 'ru' })).toBe('ru');
  expect(await langOf({ 'accept-language': 'ru', cookie: 'locale=en' })).toBe('en');
  expect(await langOf({ 'accept-language': 'ru', cookie: 'locale=xx' })).toBe('ru');
});

test.each(['en', 'ru'] as const)('what is too large is refused with a page (%s)', async (language) => {
  const cookie = await site.signIn('user');
  const declared = await post('/recipients', 'x', {
    cookie,
    'accept-language': language,
    'content-length': String(33 * 1024 * 1024),
  });
  expect(declared.status).toBe(413);
  expect(await declared.text()).toContain(translate(language)('common.errors.too_large.title'));
  const chunk = new Uint8Array(1024 * 1024).fill(97);
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      sent += 1;
      if (sent > 34) controller.close();
      else controller.enqueue(chunk);
    },
  });
  const headers = {
    cookie,
    ...SAME_ORIGIN,
    'accept-language': language,
    'content-type': 'application/x-www-form-urlencoded',
  };
  const init = { method: 'POST', headers, body, duplex: 'half' } as const;
  const streamed = await site.web.request(new Request(`${BASE}/recipients`, init));
  expect(streamed.status).toBe(413);
  expect(await streamed.text()).toContain(translate(language)('common.errors.too_large.text'));
});

test('who is not signed in may send a short form and no more', async () => {
  const send = (length: number) => post('/sign-in', `email=${'a'.repeat(length)}`);
  expect((await send(200 * 1024)).status).toBe(422);
  expect((await send(300 * 1024)).status).toBe(413);
});

test('over TLS no cookie goes without it', async () => {
  const { web } = openTestSite(database.db, { baseUrl: 'https://example.com' });
  const answer = await web.request('https://example.com/locale', {
    method: 'POST',
    body: new URLSearchParams({ locale: 'ru' }),
    headers: { 'sec-fetch-site': 'same-origin', cookie: 'flash=x' },
  });
  const signedOut = await web.request('https://example.com/sign-out', {
    method: 'POST',
    headers: { 'sec-fetch-site': 'same-origin' },
  });
  const cookies = [...answer.headers.getSetCookie(), ...signedOut.headers.getSetCookie()];
  expect(cookies.length).toBeGreaterThan(1);
  for (const cookie of cookies) expect(cookie).toMatch(/; Secure/i);
});

test('another site’s form does nothing, and the page says so', async () => {
  const cookie = await site.signIn('user');
  for (const headers of [
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
  ]) {
    const answer = await post('/recipients', 'email=evil@example.com', { cookie, ...headers });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain(translate('en')('common.errors.cross_site.title'));
  }
  expect(await database.db.selectFrom('recipients').select('id').execute()).toEqual([]);
});

test('an error of the program tells a number to give to the administrator, and nothing else', async () => {
  await using broken = await createTestDatabase();
  const { web, signIn } = openTestSite(broken.db);
  const cookie = await signIn('user');
  await broken.db.schema.dropTable('recipients').cascade().execute();
  const answer = await web.request('/recipients', { headers: { cookie } });
  const html = await answer.text();
  expect(answer.status).toBe(500);
  expect(html).toMatch(/<code>[0-9a-f]{8}<\/code>/);
  expect(html).not.toMatch(/relation|does not exist|node_modules|at \w+ \(/);
  expectGuarded(answer);
});

/** What zod schemas give as their message, in the files that check forms. */
function readMessages(source: string): string[] {
  const named = source.matchAll(/\b(?:error|message): '([^']+)'/g);
  const positional = source.matchAll(/\.(?:min|max|regex|length)\([^()']+, '([^']+)'\)/g);
  return [...named, ...positional].map(([, name = '']) => name);
}

test('every fault that a form can have is a text in both languages', () => {
  const files = globSync('src/{lib/text.ts,*/*.ts,*/*.tsx}', { cwd: projectRoot }).filter((file) => {
    const isTest = /\.test\.tsx?$/.test(file);
    return !isTest && !file.startsWith('src/delivery');
  });
  const forms = files
    .map((file) => readFileSync(join(projectRoot, file), 'utf8'))
    .filter((source) => source.includes("from 'zod'"));
  const names = new Set(forms.flatMap(readMessages));
  for (const name of ['required', 'tooLong', 'email', 'attributes', 'passwordCommon', 'endBeforeStart'])
    expect(names).toContain(name);
  expect([...names].filter((name) => !(name in en.common.faults))).toEqual([]);
});

test('every fault that has a text is one that something can have', () => {
  const sources = globSync('src/**/*.{ts,tsx}', { cwd: projectRoot }).filter((file) => !/\.test\.tsx?$/.test(file));
  const text = sources.map((file) => readFileSync(join(projectRoot, file), 'utf8')).join('\n');
  expect(Object.keys(en.common.faults).filter((name) => !text.includes(`'${name}'`))).toEqual([]);
});
