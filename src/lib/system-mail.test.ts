import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';
import { expect, it } from 'vitest';

import { createTestDatabase } from '../../test/support/database.js';
import { eventually } from '../../test/support/eventually.js';
import { closeJobs, openJobs } from './jobs.js';
import { openLog } from './log.js';
import { prepareSystemLetters, sendSystemLetter, workSystemLetters } from './system-mail.js';

const log = openLog('silent');
const letter = {
  to: 'anna@example.com',
  purpose: 'confirmation',
  subject: 'Подтвердите адрес',
  text: 'Здравствуйте!\n\nhttp://localhost/confirmation?token=abc',
  html: '<p>Здравствуйте!</p>',
};

/** Refuses the first `refusals` letters for the moment. */
async function openSmtpServer(refusals = 0) {
  const letters: Email[] = [];
  let left = refusals;
  const keep = async (source: string) => letters.push(await PostalMime.parse(source));
  const server = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    onRcptTo: (_address, _session, done) => {
      left -= 1;
      done(left >= 0 ? Object.assign(new Error('later'), { responseCode: 451 }) : null);
    },
    onData: (stream, _session, done) => {
      void text(stream).then(keep).finally(done);
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  return {
    letters,
    url: `smtp://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

it('sends a queued letter with the headers of an automatic one, and keeps trying while the mail server refuses', async () => {
  await using database = await createTestDatabase();
  await using smtp = await openSmtpServer(1);
  const jobs = await openJobs(database.connection, { log, works: true });
  try {
    await prepareSystemLetters(jobs);
    await sendSystemLetter(jobs, letter);
    await workSystemLetters(jobs, { smtpUrl: smtp.url, mailFrom: 'Вестник <vestnik@example.org>', log });
    const received = await eventually('the letter', async () => smtp.letters[0]);

    expect(received).toMatchObject({
      subject: 'Подтвердите адрес',
      from: { name: 'Вестник', address: 'vestnik@example.org' },
      to: [{ address: 'anna@example.com' }],
    });
    expect(received.text).toContain('http://localhost/confirmation?token=abc');
    expect(received.html).toContain('Здравствуйте!');
    expect(received.messageId).toMatch(/^<[\w-]+@example\.org>$/);
    expect(received.date).toBeDefined();
    const headers = new Map(received.headers.map(({ key, value }) => [key, value]));
    expect(headers.get('auto-submitted')).toBe('auto-generated');
    expect(headers.get('x-vestnik-purpose')).toBe('confirmation');
  } finally {
    await closeJobs(jobs);
  }
  expect(smtp.letters).toHaveLength(1);
});

it('keeps what was queued for a process that comes later', async () => {
  await using database = await createTestDatabase();
  await using smtp = await openSmtpServer();
  const web = await openJobs(database.connection, { log, works: false });
  await prepareSystemLetters(web);
  await sendSystemLetter(web, letter);
  await closeJobs(web);
  const worker = await openJobs(database.connection, { log, works: true });
  try {
    await prepareSystemLetters(worker);
    await workSystemLetters(worker, { smtpUrl: smtp.url, mailFrom: 'vestnik@example.org', log });
    await eventually('the letter', async () => smtp.letters[0]);
  } finally {
    await closeJobs(worker);
  }
  expect(smtp.letters.map(({ subject }) => subject)).toEqual(['Подтвердите адрес']);
});

it('queues a letter with the transaction it belongs to, or not at all', async () => {
  await using database = await createTestDatabase();
  await using smtp = await openSmtpServer();
  const jobs = await openJobs(database.connection, { log, works: true });
  try {
    await prepareSystemLetters(jobs);
    await workSystemLetters(jobs, { smtpUrl: smtp.url, mailFrom: 'vestnik@example.org', log });
    const failing = database.db.transaction().execute(async (trx) => {
      await sendSystemLetter(jobs, { ...letter, subject: 'never' }, trx);
      throw new Error('rolled back');
    });
    await expect(failing).rejects.toThrow('rolled back');
    await database.db.transaction().execute((trx) => sendSystemLetter(jobs, letter, trx));
    await eventually('the letter', async () => smtp.letters[0]);
  } finally {
    await closeJobs(jobs);
  }
  expect(smtp.letters.map(({ subject }) => subject)).toEqual(['Подтвердите адрес']);
});

it('lets two processes install the schema of the jobs at once', async () => {
  await using database = await createTestDatabase();
  const open = async () => {
    const jobs = await openJobs(database.connection, { log, works: true });
    await prepareSystemLetters(jobs);
    return jobs;
  };
  const both = await Promise.all([open(), open()]);
  expect(await both[0]?.getQueues()).toHaveLength(1);
  await Promise.all(both.map(closeJobs));
});
