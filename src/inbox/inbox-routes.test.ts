import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { openTestSite, type TestSite } from '../../test/support/test-site.js';
import { readArrivingLetter } from './arriving-letter.js';
import { storeLetters } from './inbox-store.js';

const ADDRESS = 'anna@example.com';
const CONFIRMATION =
  'X-Vestnik-Purpose: confirmation\r\nSubject: Confirm\r\n\r\nhttp://localhost:3000/confirmation?token=abc\r\n';

let database: TestDatabase;
let site: TestSite;
let administrator: string;

beforeAll(async () => {
  database = await createTestDatabase();
  site = openTestSite(database.db);
  administrator = await site.signIn('administrator');
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('inbox_letters').execute();
});

async function store(source: string | Buffer, to = ADDRESS): Promise<number> {
  await storeLetters(
    database.db,
    [readArrivingLetter({ sender: 'shop@example.com', recipients: [to] }, Buffer.from(source))],
    0,
  );
  const row = await database.db
    .selectFrom('inbox_letters')
    .select('id')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return row.id;
}

interface Visit {
  cookie?: string;
  /** The other end of the connection; null: none behind the request. */
  peer?: string | null;
  headers?: Record<string, string>;
  at?: TestSite;
}

async function get(path: string, { cookie = '', peer = '127.0.0.1', headers = {}, at = site }: Visit = {}) {
  const bindings =
    peer === null ? undefined : { incoming: { socket: { remoteAddress: peer, remotePort: 5, remoteFamily: 'IPv4' } } };
  const response = await at.web.request(path, { headers: { host: 'localhost:3000', cookie, ...headers } }, bindings);
  return { status: response.status, text: await response.clone().text(), response };
}

async function readAs(visit: Visit, id: number): Promise<number[]> {
  const paths = ['/inbox', `/inbox/${id}`, `/inbox/${id}/letter.eml`];
  return Promise.all(paths.map(async (path) => (await get(path, visit)).status));
}

describe('who may read the inbox', () => {
  const SEEN = [200, 200, 200];
  const HIDDEN = [404, 404, 404];

  it('is an administrator, from anywhere', async () => {
    const id = await store(CONFIRMATION);
    expect(await readAs({ cookie: administrator }, id)).toEqual(SEEN);
    expect(
      await readAs({ cookie: administrator, peer: '203.0.113.5', headers: { 'x-forwarded-for': '1.2.3.4' } }, id),
    ).toEqual(SEEN);
  });

  it('is neither a user nor a manager, whatever their browser registered', async () => {
    const id = await store(CONFIRMATION);
    const pending = await site.register(ADDRESS);
    expect(await readAs({ cookie: await site.signIn('user') }, id)).toEqual(HIDDEN);
    expect(await readAs({ cookie: await site.signIn('manager') }, id)).toEqual(HIDDEN);
    expect(await readAs({ cookie: `${await site.signIn('user')}; ${pending}` }, id)).toEqual(HIDDEN);
  });

  it.each([
    ['127.0.0.1', 'localhost:3000'],
    ['127.8.9.1', '127.0.0.1:3000'],
    ['::1', '[::1]:3000'],
    ['::ffff:127.0.0.1', 'LOCALHOST'],
  ])('is who registered the address at this machine (%s, %s)', async (peer, host) => {
    const id = await store(CONFIRMATION);
    const cookie = await site.register(ADDRESS);
    expect(await readAs({ cookie, peer, headers: { host } }, id)).toEqual(SEEN);
  });

  it.each<[string, Omit<Visit, 'cookie'>]>([
    ['a visitor from elsewhere', { peer: '192.168.1.7' }],
    ['a visitor from elsewhere over IPv6', { peer: '2001:db8::1' }],
    ['an address that only looks like loopback', { peer: '::ffff:128.0.0.1' }],
    ['a request without a connection', { peer: null }],
    ['a visitor behind a proxy (X-Forwarded-For)', { headers: { 'x-forwarded-for': '127.0.0.1' } }],
    ['a visitor behind a proxy (Forwarded)', { headers: { forwarded: 'for=127.0.0.1' } }],
    ['a visitor behind a proxy (Via)', { headers: { via: '1.1 proxy' } }],
    ['a visitor behind a proxy (X-Real-IP)', { headers: { 'x-real-ip': '127.0.0.1' } }],
    ['a name that was made to lead here', { headers: { host: 'evil.example' } }],
    ['a name that begins like localhost', { headers: { host: 'localhost.evil.example:3000' } }],
    ['a name that begins like 127.0.0.1', { headers: { host: '127.0.0.1.evil.example' } }],
    ['a host with a user before it', { headers: { host: 'localhost@evil.example' } }],
    ['a host that is none', { headers: { host: ':::' } }],
    ['an empty host', { headers: { host: '' } }],
  ])('is not %s', async (_who, visit) => {
    const id = await store(CONFIRMATION);
    expect(await readAs({ cookie: await site.register(ADDRESS), ...visit }, id)).toEqual(HIDDEN);
  });

  it('is nobody without the cookie, or with a forged one', async () => {
    const id = await store(CONFIRMATION);
    const cookie = await site.register(ADDRESS);
    const content = Buffer.from(JSON.stringify(['victim@example.com', Date.now() + 9e9])).toString('base64url');
    expect(await readAs({}, id)).toEqual(HIDDEN);
    expect(await readAs({ cookie: cookie.slice(0, -2) }, id)).toEqual(HIDDEN);
    expect(await readAs({ cookie: `vestnik_pending=${content}.${cookie.split('.')[1]}` }, id)).toEqual(HIDDEN);
    expect(await readAs({ cookie: 'vestnik_pending=.' }, id)).toEqual(HIDDEN);
  });

  it('is nobody who is not signed in where the site has a public address: a proxy may look like this machine', async () => {
    const id = await store(CONFIRMATION);
    for (const [baseUrl, expected] of [
      ['https://mail.example.com', HIDDEN],
      ['http://127.0.0.1:8080', SEEN],
    ] as const) {
      const at = openTestSite(database.db, { baseUrl });
      expect(await readAs({ at, cookie: await at.register(ADDRESS) }, id)).toEqual(expected);
    }
  });

  it('is nobody at all once a mail server is set', async () => {
    const id = await store(CONFIRMATION);
    const at = openTestSite(database.db, { lettersStayHere: false });
    expect(await readAs({ at, cookie: administrator }, id)).toEqual(HIDDEN);
    expect(await readAs({ at, cookie: await at.register(ADDRESS) }, id)).toEqual(HIDDEN);
  });
});

describe('a visitor before the first sign-in', () => {
  it('sees no letters to others, nor such that confirm nothing', async () => {
    const cookie = await site.register(ADDRESS);
    const hidden = [
      await store(CONFIRMATION, 'boris@example.com'),
      await store('X-Vestnik-Purpose: recovery\r\nSubject: Recovery\r\n\r\n'),
      await store('Subject: A mailing\r\n\r\n'),
      await store('Subject: A mailing\r\n\r\nX-Vestnik-Purpose: confirmation\r\n'),
    ];
    for (const id of hidden) {
      for (const path of ['', '/html', '/letter.eml', '?view=source']) {
        expect((await get(`/inbox/${id}${path}`, { cookie })).status).toBe(404);
      }
    }
    const { text } = await get('/inbox', { cookie });
    expect(text).toContain('The letter is about to arrive');
    expect(text).not.toMatch(/A mailing|Recovery|boris/);
    const shown = await store(CONFIRMATION);
    expect((await get('/inbox', { cookie })).text).toContain(`href="/inbox/${shown}"`);
    expect((await get('/inbox?q=mailing', { cookie })).text).not.toContain('A mailing');
  });

  it('sees their own however the address is spelt', async () => {
    const cookie = await site.register('Анна@Пример.рф');
    const punycode = await store(CONFIRMATION, 'анна@xn--e1afmkfd.xn--p1ai');
    const unicode = await store(CONFIRMATION, 'АННА@пример.рф');
    expect((await get(`/inbox/${punycode}`, { cookie })).status).toBe(200);
    expect((await get(`/inbox/${unicode}`, { cookie })).status).toBe(200);
  });
});

describe('the list of letters', () => {
  it('says what will come while it is empty', async () => {
    const { text } = await get('/inbox', { cookie: administrator });
    expect(text).toContain('No letters yet');
    expect(text).toContain('The last 1,000 are kept');
  });

  it('shows the newest first, page by page, and what a search finds', async () => {
    for (let n = 1; n <= 60; n += 1) await store(`Subject: Письмо №${n}.\r\n\r\n`, `r${n}@example.com`);
    const first = await get('/inbox', { cookie: administrator });
    expect(first.text).toContain('60 letters');
    expect(first.text.indexOf('Письмо №60.')).toBeLessThan(first.text.indexOf('Письмо №59.'));
    expect(first.text).not.toContain('Письмо №10.');
    const next = /href="([^"]+)" rel="next"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const second = await get(next, { cookie: administrator });
    expect(second.text).toContain('Письмо №10.');
    expect(second.text).not.toContain('Письмо №11.');
    const found = await get(`/inbox?q=${encodeURIComponent('ПИСЬМО №33')}`, { cookie: administrator });
    expect(found.text).toContain('r33@example.com');
    expect(found.text).not.toContain('r34@example.com');
    expect((await get('/inbox?q=nobody', { cookie: administrator })).text).toContain('Nothing found');
  });

  it('gives an open page only the part that changes', async () => {
    await store('Subject: Fresh\r\n\r\n');
    const { text } = await get('/inbox', { cookie: administrator, headers: { 'x-fragment': '1' } });
    expect(text).toContain('Fresh');
    expect(text).not.toContain('<html');
  });

  it('is not upset by what stands in its address', async () => {
    await store('Subject: x\r\n\r\n');
    for (const query of [
      'after=%00',
      'after=WyJhIiwxXQ',
      'before=WyIxIiw5OTk5OTk5OTk5OTk5XQ',
      'q=%00%25_\\',
      'sort=nothing',
      'view[]=x',
    ]) {
      expect((await get(`/inbox?${query}`, { cookie: administrator })).status).toBe(200);
    }
    for (const id of ['0', '-1', '1e3', '99999999999999999999', '9007199254740991', 'x', '%00']) {
      expect((await get(`/inbox/${id}`, { cookie: administrator })).status).toBe(404);
    }
  });
});

const HTML_LETTER = [
  'From: =?UTF-8?B?0JvQsNCy0LrQsA==?= <shop@example.com>',
  'To: anna@example.com',
  'Subject: =?UTF-8?B?0KHQutC40LTQutC4?=',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=m',
  '',
  '--m',
  'Content-Type: multipart/alternative; boundary=a',
  '',
  '--a',
  'Content-Type: text/plain; charset=windows-1251',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '=CF=F0=E8=E2=E5=F2! <b>https://example.com/?a=3D1&b=3D2</b> javascript:alert(1)',
  '--a',
  'Content-Type: text/html; charset=koi8-r',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.concat([
    Buffer.from('<p>'),
    Buffer.from([0xf0, 0xd2, 0xc9, 0xd7, 0xc5, 0xd4]),
    Buffer.from('</p><script>alert(1)</script>'),
  ]).toString('base64'),
  '--a--',
  '--m',
  'Content-Type: application/pdf; name="=?UTF-8?B?0KHRh9GR0YIucGRm?="',
  'Content-Disposition: attachment',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.alloc(3000).toString('base64'),
  '--m--',
  '',
].join('\r\n');

describe('a letter', () => {
  const open = (path: string) => get(path, { cookie: administrator });

  it('shows its HTML in a frame that can run nothing, with a policy of its own', async () => {
    const id = await store(HTML_LETTER);
    const page = await open(`/inbox/${id}`);
    expect(page.text).toContain(`src="/inbox/${id}/html"`);
    expect(page.text).toContain('sandbox="allow-popups allow-popups-to-escape-sandbox"');
    expect(page.text).not.toContain('alert(1)');
    expect(page.text).toMatch(
      /Скидки[\s\S]*Лавка &lt;shop@example.com&gt;[\s\S]*Счёт.pdf[\s\S]*application\/pdf, 3 KB/,
    );
    const { response, text } = await open(`/inbox/${id}/html`);
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toBe(
      "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    );
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('content-type')).toBe('text/html; charset=UTF-8');
    expect(text).toMatch(/^<!doctype html><meta charset="utf-8"><base target="_blank"><p>Привет<\/p>/);
  });

  it('shows its text with safe links', async () => {
    const { text } = await open(`/inbox/${await store(HTML_LETTER)}?view=text`);
    expect(text).toContain(
      'Привет! &lt;b&gt;<a href="https://example.com/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">https://example.com/?a=1&amp;b=2</a>',
    );
    expect(text).toContain('javascript:alert(1)');
    expect(text).not.toContain('href="javascript');
  });

  it('shows its text first when it has no HTML', async () => {
    const { text } = await open(`/inbox/${await store(CONFIRMATION)}`);
    expect(text).toContain('<a href="http://localhost:3000/confirmation?token=abc"');
    expect(text).toMatch(/view=text"[^>]*aria-current="page"/);
    expect(text).not.toContain('<iframe');
  });

  it('shows its headers and its source, and gives the file', async () => {
    const id = await store(HTML_LETTER);
    const headers = await open(`/inbox/${id}?view=headers`);
    expect(headers.text).toMatch(/<th scope="row">Subject<\/th><td><bdi>Скидки<\/bdi>/);
    const source = await open(`/inbox/${id}?view=source`);
    expect(source.text).toContain('--a\nContent-Type: text/plain; charset=windows-1251');
    const { response, text } = await open(`/inbox/${id}/letter.eml`);
    expect(text).toBe(HTML_LETTER);
    expect(response.headers.get('content-type')).toBe('message/rfc822');
    expect(response.headers.get('content-disposition')).toBe(`attachment; filename="letter-${id}.eml"`);
    expect(response.headers.get('content-security-policy')).toContain('sandbox');
  });

  const html = (body: string) => `Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${body}`;
  it.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['no headers', '\r\njust text'],
    ['headers without an end', 'Subject: x'],
    ['NUL bytes everywhere', 'Sub\0ject: a\0b\r\nFrom: \0\r\nContent-Type: text/plain\r\n\r\n\0\0<i>\0'],
    ['random bytes', Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256))],
    ['a flood of headers', `${'X-Flood: aaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(100_000)}\r\nbody`],
    ['one header without end', `Subject: ${'x'.repeat(3_000_000)}\r\n\r\n`],
    [
      'parts within parts',
      Array.from({ length: 400 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join(
        '',
      ),
    ],
    ['a boundary that never comes', 'Content-Type: multipart/mixed; boundary="a b"\r\n\r\ntext'],
    ['broken base64', 'Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!=PGI+\u0000'],
    ['a character set that nobody has', 'Content-Type: text/plain; charset=x-klingon\r\n\r\n\xff'],
    ['a date that is none', 'Date: never\r\nFrom: ,,;<>:\r\nTo: group:;\r\n\r\nx'],
    ['5 MB of HTML', html('<table><tr><td>'.repeat(350_000))],
    [
      'script, form and refresh',
      html('<script>1</script><meta http-equiv=refresh content="0;url=//e"><form action=/sign-out method=post>'),
    ],
    ['a base of its own', html('<base href="https://evil.example/"><a href="javascript:alert(1)">x</a></iframe>')],
    ['right-to-left marks', 'Subject: \u202etxt.exe\r\n\r\n\u202eabc \u2066'],
    [
      'half a surrogate',
      'Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64\r\n\r\nANg=\r\n',
    ],
    ['5 MB of text with links', `Subject: x\r\n\r\n${'http://a.example/(( '.repeat(260_000)}`],
  ])('of %s never fails', async (_what, source) => {
    const id = await store(source);
    const begun = performance.now();
    for (const path of [
      '',
      '?view=html',
      '?view=text',
      '?view=headers',
      '?view=source',
      '?view=nothing',
      '/letter.eml',
    ]) {
      expect((await open(`/inbox/${id}${path}`)).status).toBe(200);
    }
    expect([200, 404]).toContain((await open(`/inbox/${id}/html`)).status);
    expect((await open('/inbox')).status).toBe(200);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});
