import { connect } from 'node:net';

import { createTransport } from 'nodemailer';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { createTestDatabase, runAsAdmin, type TestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { closeDatabase, openDatabase } from '../lib/database.js';
import { parseListQuery } from '../lib/list.js';
import { openLog } from '../lib/log.js';
import { readArrivingLetter } from './arriving-letter.js';
import { startInboxServer, type InboxServer } from './inbox-server.js';
import { countLetters, findLetter, listLetters, storeLetters } from './inbox-store.js';
import { KEPT_LETTERS, LETTER_SORTS } from './inbox.js';

const ALL = { kind: 'all' } as const;
const log = openLog('silent');

let database: TestDatabase;
let inbox: InboxServer;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.close());
beforeEach(async () => {
  await database.db.deleteFrom('inbox_letters').execute();
  inbox = await startInboxServer({ db: database.db, log });
});
afterEach(() => inbox.stop());

function list(search = '') {
  return listLetters(database.db, ALL, parseListQuery({ q: search }, LETTER_SORTS, '-received'));
}

async function send(mail: object, url = inbox.url): Promise<string> {
  const transport = createTransport(url);
  const { response } = await transport.sendMail({
    from: 'shop@example.com',
    to: 'anna@example.com',
    subject: 'Hello',
    text: 'Hi',
    ...mail,
  });
  transport.close();
  return response;
}

/** Sends the letters numbered from 1 over some connections at once. */
async function sendMany(count: number, url = inbox.url, connections = 8): Promise<void> {
  const transport = createTransport({ url, pool: true, maxConnections: connections, maxMessages: Infinity });
  const numbers = Array.from({ length: count }, (_, index) => index + 1);
  await Promise.all(
    numbers.map((n) =>
      transport.sendMail({ from: 'shop@example.com', to: `r${n}@example.com`, subject: `No ${n}`, text: 'Hi' }),
    ),
  );
  transport.close();
}

/** Stores letters numbered from 1 past SMTP, in one statement. */
async function storeOld(count: number): Promise<void> {
  const envelope = { sender: 'shop@example.com', recipients: ['old@example.com'] };
  const letters = Array.from({ length: count }, (_, index) =>
    readArrivingLetter(envelope, Buffer.from(`Subject: Old ${index + 1}\r\n\r\n`)),
  );
  await storeLetters(database.db, letters, 0);
}

/** Writes the lines one by one, each after the reply to the one before, and gives back all replies when the connection has ended. */
function converse(lines: string[], { hangUp = false } = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(inbox.url).port), '127.0.0.1');
    let replies = '';
    const rest = [...lines];
    socket.on('error', () => {});
    socket.on('close', () => resolve(replies));
    socket.on('data', (chunk) => {
      replies += chunk.toString();
      const line = rest.shift();
      if (line !== undefined) socket.write(line);
      if (hangUp && rest.length === 0) socket.destroySoon();
    });
  });
}

describe('the built-in inbox', () => {
  it('listens on the loopback address and offers neither login nor encryption', async () => {
    expect(inbox.url).toMatch(/^smtp:\/\/127\.0\.0\.1:\d+$/);
    const replies = await converse(['EHLO me\r\n', 'QUIT\r\n']);
    expect(replies).toContain('PIPELINING');
    expect(replies).toContain('8BITMIME');
    expect(replies).toContain('SMTPUTF8');
    expect(replies).toContain(`SIZE ${25 * 1024 * 1024}`);
    expect(replies).not.toMatch(/STARTTLS|AUTH/);
  });

  it('has a letter in the database when it answers 250', async () => {
    expect(await send({ subject: 'Привет, Анна! 🎉', headers: { 'X-Vestnik-Purpose': 'confirmation' } })).toMatch(
      /^250 /,
    );
    const { rows } = await list();
    expect(rows).toMatchObject([
      {
        subject: 'Привет, Анна! 🎉',
        sender: 'shop@example.com',
        recipients: ['anna@example.com'],
        purpose: 'confirmation',
      },
    ]);
  });

  it('keeps the source to the byte, dots at the beginning of lines too', async () => {
    const raw = 'Subject: x\r\n\r\n.one\r\n..two\r\n\xff\x00\r\n.\r\nend\r\n';
    await send({ raw: Buffer.from(raw, 'latin1'), envelope: { from: 'a@example.com', to: ['b@example.com'] } });
    const { rows } = await list();
    const letter = await findLetter(database.db, ALL, rows[0]?.id ?? 0);
    expect(letter?.source.toString('latin1')).toBe(raw);
  });

  it('finds letters by address, subject and sender in any case, in Russian too', async () => {
    await send({ subject: 'Осенние СКИДКИ', to: 'Иван <ivan@example.com>' });
    await send({ subject: '100% sure_thing', from: 'Лавка <lavka@example.com>' });
    const subjectsFor = async (search: string) => (await list(search)).rows.map(({ subject }) => subject);
    expect(await subjectsFor('скидки')).toEqual(['Осенние СКИДКИ']);
    expect(await subjectsFor('IVAN@')).toEqual(['Осенние СКИДКИ']);
    expect(await subjectsFor('лавка')).toEqual(['100% sure_thing']);
    expect(await subjectsFor('0% sure_')).toEqual(['100% sure_thing']);
    expect(await subjectsFor('0%%sure')).toEqual([]);
    expect(await subjectsFor('')).toHaveLength(2);
  });

  it('takes the null sender, many recipients and addresses that are not ASCII', async () => {
    await send({ envelope: { from: '', to: ['a@example.com', 'b@example.com', 'анна@пример.рф'] } });
    expect((await list()).rows).toMatchObject([
      { sender: '', recipients: ['a@example.com', 'b@example.com', 'анна@пример.рф'] },
    ]);
  });

  it('keeps the last thousand letters', async () => {
    await storeOld(KEPT_LETTERS);
    await sendMany(150, inbox.url, 1);
    expect(await countLetters(database.db, ALL)).toBe(KEPT_LETTERS);
    expect((await list()).rows[0]?.subject).toBe('No 150');
    const { rows: oldest } = await listLetters(
      database.db,
      ALL,
      parseListQuery({ sort: 'received' }, LETTER_SORTS, '-received'),
    );
    expect(oldest[0]?.subject).toBe('Old 151');
  });

  it('keeps the last thousand of more that arrive together', async () => {
    await storeOld(10);
    await storeOld(KEPT_LETTERS + 50);
    const { rows: oldest } = await listLetters(
      database.db,
      ALL,
      parseListQuery({ sort: 'received' }, LETTER_SORTS, '-received'),
    );
    expect(await countLetters(database.db, ALL)).toBe(KEPT_LETTERS);
    expect(oldest[0]?.subject).toBe('Old 51');
  });

  it('keeps no more when several processes store into one database at once', async () => {
    await storeOld(KEPT_LETTERS);
    const db = openDatabase(database.connection);
    const other = await startInboxServer({ db, log });
    await Promise.all([sendMany(200), sendMany(200, other.url)]);
    await sendMany(1);
    expect(await countLetters(database.db, ALL)).toBe(KEPT_LETTERS);
    await other.stop();
    await closeDatabase(db);
  });

  it('stores letters that arrive together, each once', async () => {
    await sendMany(300, inbox.url, 50);
    const rows = await database.db.selectFrom('inbox_letters').select('subject').execute();
    expect(new Set(rows.map(({ subject }) => subject)).size).toBe(300);
    expect(rows).toHaveLength(300);
  });

  it('refuses a letter of more than 25 MB for good', async () => {
    await expect(send({ text: 'x'.repeat(26 * 1024 * 1024) })).rejects.toMatchObject({ responseCode: 552 });
    expect(await countLetters(database.db, ALL)).toBe(0);
    expect(await send({})).toMatch(/^250 /);
  });

  it('asks to try again while the database is away, and takes letters again when it is back', async () => {
    const own = await createTestDatabase();
    const db = openDatabase(own.connection, { maxConnections: 1 });
    const server = await startInboxServer({ db, log });
    await runAsAdmin((admin) => admin.query(`alter database ${own.connection.database} allow_connections false`));
    await expect(send({}, server.url)).rejects.toMatchObject({ responseCode: 451 });
    await runAsAdmin((admin) => admin.query(`alter database ${own.connection.database} allow_connections true`));
    expect(await send({}, server.url)).toMatch(/^250 /);
    await server.stop();
    await closeDatabase(db);
    await own.close();
  });

  it('survives senders that hang up in the middle or talk nonsense', async () => {
    const envelope = ['EHLO me\r\n', 'MAIL FROM:<a@example.com>\r\n', 'RCPT TO:<b@example.com>\r\n', 'DATA\r\n'];
    await converse(envelope, { hangUp: true });
    await converse([...envelope, 'Subject: half\r\n'.repeat(1000)], { hangUp: true });
    await converse(['\0\xff garbage\r\n', 'GET / HTTP/1.1\r\n']);
    expect(await send({ subject: 'whole' })).toMatch(/^250 /);
    expect((await list()).rows.map(({ subject }) => subject)).toEqual(['whole']);
  });

  it('stops at once with idle senders, and every letter that it answered is stored', async () => {
    const server = await startInboxServer({ db: database.db, log });
    const idle = connect(Number(new URL(server.url).port), '127.0.0.1');
    idle.on('error', () => {});
    let accepted = 0;
    const transport = createTransport({ url: server.url, pool: true, maxConnections: 4 });
    const sending = Array.from({ length: 300 }, () =>
      transport.sendMail({ from: 'a@example.com', to: 'b@example.com', subject: 'x', text: 'x' }).then(
        () => (accepted += 1),
        () => {},
      ),
    );
    await eventually('some letters are accepted', () => Promise.resolve(accepted > 20));
    const begun = performance.now();
    await server.stop();
    expect(performance.now() - begun).toBeLessThan(10_000);
    transport.close();
    await Promise.all(sending);
    expect(accepted).toBeLessThan(300);
    // A letter may be stored while the stop cuts its answer off; the sender then asks again.
    expect(await countLetters(database.db, ALL)).toBeGreaterThanOrEqual(accepted);
  });
});
