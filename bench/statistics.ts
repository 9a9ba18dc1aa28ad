/** How long the server takes for pages that count, with months of attempts behind them, without the cache and with it. */
import type { IncomingHttpHeaders } from 'node:http';

import { summarize } from './pages.js';
import { DAYS, fillLedger, type FilledLedger } from './statistics-ledger.js';
import type { Result } from './turns.js';
import { openLedger, startWeb, type Ledger } from './vestnik.js';
import { signIn, signUp, type Login, type Visitor } from './visitor.js';

const REQUESTS = 30;
const WARM_UP = 3;
const READERS = 100;
const READING_MS = 5000;
const ROUNDS = 3;
/** Of dashboards: all that the ledger has. */
const WHOLE = `from=${new Date(Date.now() - DAYS * 86_400_000).toISOString().slice(0, 10)}`;

interface Site extends AsyncDisposable {
  name: 'no cache' | 'cache';
  owner: Visitor;
  manager: Visitor;
}

interface Asked {
  name: string;
  who: 'owner' | 'manager';
  path: string;
}

export async function measureStatistics(attempts: number): Promise<{ about: string; results: Result[] }> {
  await using opened = new AsyncDisposableStack();
  const ledger = opened.use(await openLedger());
  const visitors = { owner: await signUp(ledger, 'user'), manager: await signUp(ledger, 'manager') };
  const filled = await fillLedger(ledger.db, visitors.owner.userId, attempts);
  const sites = [
    opened.use(await openSite(ledger, 'no cache', visitors)),
    opened.use(await openSite(ledger, 'cache', visitors)),
  ];
  const results: Result[] = [];
  for (const asked of listPages(filled)) for (const site of sites) results.push(await ask(site, asked));
  const readers = sites.map((site): Result => ({ name: nameReaders(site.name), rates: [], missing: undefined }));
  for (let round = 0; round < ROUNDS; round += 1)
    for (const [index, site] of sites.entries()) readers[index]?.rates.push(await readTogether(site));
  return { about: `${filled.attempts.toLocaleString('en')} attempts`, results: [...results, ...readers] };
}

export function nameReaders(cache: Site['name']): string {
  return `${READERS} readers, ${cache}`;
}

async function openSite(ledger: Ledger, name: Site['name'], logins: { owner: Login; manager: Login }): Promise<Site> {
  const web = await startWeb(ledger, name === 'cache' ? {} : { CACHE_MEGABYTES: '0' });
  const [owner, manager] = [await signIn(web.url, logins.owner), await signIn(web.url, logins.manager)];
  return { name, owner, manager, [Symbol.asyncDispose]: () => web[Symbol.asyncDispose]() };
}

function listPages({ largeMailingId: id }: FilledLedger): Asked[] {
  const day = new Date(Date.now() - 40 * 86_400_000).toISOString().slice(0, 10);
  const journal = (name: string, query: Record<string, string>): Asked[] => [
    { name: `journal by ${name}`, who: 'owner', path: `/attempts?${new URLSearchParams(query).toString()}` },
    {
      name: `all journals by ${name}`,
      who: 'manager',
      path: `/oversight/attempts?${new URLSearchParams(query).toString()}`,
    },
  ];
  return [
    { name: 'dashboard, 7 days', who: 'owner', path: '/' },
    { name: 'dashboard, 30 days', who: 'owner', path: '/?period=30' },
    { name: `dashboard, ${DAYS} days`, who: 'owner', path: `/?${WHOLE}` },
    { name: 'oversight, 7 days', who: 'manager', path: '/oversight' },
    { name: 'oversight, 30 days', who: 'manager', path: '/oversight?period=30' },
    { name: `oversight, ${DAYS} days`, who: 'manager', path: `/oversight?${WHOLE}` },
    { name: 'report', who: 'owner', path: `/mailings/${id}/report` },
    ...journal('time', { from: `${day}T00:00`, until: `${day}T12:00` }),
    ...journal('address', { address: 'recipient77' }),
    ...journal('code', { code: '5.1.1' }),
    ...journal('reply', { reply: 'greylisting' }),
    ...journal('rare reply', { reply: 'recipient107@' }),
  ];
}

async function ask(site: Site, { name, who, path }: Asked): Promise<Result> {
  for (let n = 0; n < WARM_UP; n += 1) await site[who].get(path);
  const times: number[] = [];
  for (let n = 0; n < REQUESTS; n += 1) times.push(readTotal(await site[who].get(path)));
  return summarize(`${name}, ${site.name}`, times);
}

/** What the server says that it took, without the way there and back. */
function readTotal(headers: IncomingHttpHeaders): number {
  const [, total] = /\btotal;dur=([\d.]+)/.exec(String(headers['server-timing'])) ?? [];
  if (total === undefined) throw new Error('the answer does not tell its time');
  return Number(total);
}

/** Answers a second, of all that came in time. */
async function readTogether(site: Site): Promise<number> {
  const until = performance.now() + READING_MS;
  let answers = 0;
  const read = async (number: number) => {
    const [who, path] =
      number % 2 === 0 ? (['owner', `/?${WHOLE}`] as const) : (['manager', `/oversight?${WHOLE}`] as const);
    while (performance.now() < until) {
      await site[who].get(path);
      if (performance.now() < until) answers += 1;
    }
  };
  await Promise.all(Array.from({ length: READERS }, (_, number) => read(number)));
  return answers / (READING_MS / 1000);
}
