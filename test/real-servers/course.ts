/* What every mail server must do with a mailing; the peculiarities of each are in its own test. */
import { expect } from 'vitest';

import { isBalanced } from '../../src/delivery/delivery.js';
import { SmtpConnection } from '../../src/lib/smtp/smtp-connection.js';
import type { SmtpOptions } from '../../src/lib/smtp/smtp-options.js';
import type { SendOutcome } from '../../src/lib/smtp/smtp-outcome.js';
import { eventually } from '../support/eventually.js';
import type { ArrivedLetter, FullMailServer, MailServer } from '../support/real-servers/mail-server.js';
import {
  readBody,
  readLetter,
  sendMailing,
  type Addressee,
  type RealSending,
} from '../support/real-servers/sending.js';

export const MANY = 500;
export const ENOUGH = 200;
export const SOME = 20;
export const SIZE_LIMIT = 400_000;

const CONNECTIONS = 4;
/** Letters of one connection that may have left without an answer. */
const MOST_ON_A_WIRE = 8;

const SUBJECT = 'Распродажа: {{ name }}, скидки до ½ на «всё» и ещё немного слов, чтобы строка сложилась';
const BODY = ['Здравствуйте, {{ name }}!', '', '.', '..', '.точка', `${'длинная строка '.repeat(100)}конец`].join('\n');

/** People with mailboxes of their own: tests with others may run beside. */
export function callPeople(group: string, count: number): Addressee[] {
  return Array.from({ length: count }, (_, index) => ({
    email: `${group}${index + 1}@example.com`,
    name: `Покупатель ${index + 1}`,
  }));
}

export function listEmails(addressees: Addressee[]): string[] {
  return addressees.map(({ email }) => email).toSorted();
}

/** A mailing over several connections. */
export async function expectAllArrive(server: MailServer, people: Addressee[], url = server.url): Promise<void> {
  await using sending = await sendMailing(withConnections(url), people, { subject: SUBJECT, body: BODY });
  expect(await sending.finished(60_000)).toMatchObject({ accepted: people.length, attemptsDeferred: 0, inDoubt: 0 });
  const letters = await Promise.all((await readLetters(server, people)).map((letter) => readLetter(letter)));
  expect(letters.map(({ mailbox }) => mailbox).toSorted()).toEqual(listEmails(people));
  const names = new Map(people.map(({ email, name }) => [email, name ?? '']));
  for (const { mailbox, subject, text, to } of letters) {
    const name = names.get(mailbox) ?? '';
    expect(to).toEqual([name]);
    expect(subject).toBe(SUBJECT.replace('{{ name }}', name));
    expect(text.replaceAll('\r\n', '\n').trim()).toBe(BODY.replace('{{ name }}', name));
  }
}

function withConnections(url: string): string {
  return `${url}${url.includes('?') ? '&' : '?'}connections=${CONNECTIONS}`;
}

async function readLetters(server: MailServer, people: Addressee[]): Promise<ArrivedLetter[]> {
  return await server.readLetters(listEmails(people));
}

/** In their mailboxes is one letter for each of these people, and nothing in those of the others. */
export async function expectMailboxes(
  server: MailServer,
  people: Addressee[],
  others: Addressee[] = [],
): Promise<void> {
  const letters = await readLetters(server, [...people, ...others]);
  expect(letters.map(({ mailbox }) => mailbox).toSorted()).toEqual(listEmails(people));
}

/** Letters that this program does not write, but others do: dots, letters of other alphabets, long lines, more than a block. */
const BODIES = [
  '.\n..\n...\n.a\n\n.\n',
  'Привет, мир! ½ «ёлки»\n.Ёж\n',
  `${'x'.repeat(997)}\n.${'y'.repeat(900)}\n`,
  '.a line of some length that begins with a dot\n'.repeat(6500),
];

/** Every byte of a letter's content gets into the mailbox. */
export async function expectWhole(
  server: MailServer,
  person: Addressee,
  options: Partial<SmtpOptions> = {},
): Promise<void> {
  const outcomes = await sendBodies(server, person, options);
  expect(outcomes.map(({ kind, reply, tls }) => [kind, reply?.code, tls !== null])).toEqual(
    BODIES.map(() => ['accepted', 250, options.tls === 'required']),
  );
  const arrived = (await readLetters(server, [person])).map((letter) => readBody(letter));
  expect(arrived.toSorted()).toEqual(BODIES.toSorted());
}

const HEADERS = [
  'From: shop@example.com',
  'Subject: whole',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
].join('\n');

async function sendBodies(
  { port }: MailServer,
  { email }: Addressee,
  options: Partial<SmtpOptions>,
): Promise<SendOutcome[]> {
  const server = { host: '127.0.0.1', port, tls: 'none', verifyCertificate: true, credentials: null } as const;
  const opened = await SmtpConnection.open({ ...server, ...options });
  if (!opened.ok) throw new Error(JSON.stringify(opened.outcome));
  await using connection = opened.connection;
  const letters = BODIES.map((body) => `${HEADERS}\n\n${body}`.replaceAll('\n', '\r\n'));
  return await Promise.all(letters.map((data) => connection.send({ from: 'shop@example.com', to: email, data })));
}

type Attempt = Awaited<ReturnType<RealSending['attemptsAt']>>[number];

/** One who is refused for good is rejected, and nobody else. */
export async function expectRejected(
  server: MailServer,
  people: Addressee[],
  refused: Addressee,
  attempt: Partial<Attempt>,
  url = server.url,
): Promise<void> {
  const body = 'Dear {{ name }}! {{ attributes.note }}';
  const middle = people.length / 2;
  await using sending = await sendMailing(url, people.toSpliced(middle, 0, refused), { body });
  expect(await sending.finished()).toMatchObject({ accepted: people.length, rejected: 1, attemptsDeferred: 0 });
  expect(await sending.listAddresses('rejected')).toEqual([refused.email]);
  expect(await sending.attemptsAt(refused.email)).toMatchObject([{ outcome: 'rejected', ...attempt }]);
  expect(await sending.fault()).toBeNull();
  await expectMailboxes(server, people, [refused]);
}

/** So large that no server with `SIZE_LIMIT` takes the letter. */
export function makeLarge(addressee: Addressee): Addressee {
  return { ...addressee, attributes: { note: 'large '.repeat(40_000) } };
}

/** One who is refused for now gets the letter when it is taken, and the others get theirs at once. */
export async function expectPutOff(server: FullMailServer, people: Addressee[], reply: string): Promise<void> {
  const [full, ...others] = people as [Addressee, ...Addressee[]];
  server.refuse(full.email, reply);
  const retryMinutes = Array.from({ length: 100 }, () => 0.005);
  await using sending = await sendMailing(server.url, people, { retryMinutes });
  await eventually('the others have theirs', async () => (await sending.counters())?.accepted === others.length);
  await eventually('it was tried again', async () => ((await sending.counters())?.attemptsDeferred ?? 0) > 1);
  expect(await sending.counters()).toMatchObject({ waiting: 1, rejected: 0, accepted: others.length });
  expect(await sending.fault()).toBeNull();
  server.refuse(full.email, null);
  expect(await sending.finished()).toMatchObject({ accepted: people.length, rejected: 0 });
  await expectMailboxes(server, people);
}

/** A refusal as a matter of policy makes the mailing wait for its owner. */
export async function expectPaused(server: FullMailServer, person: Addressee): Promise<void> {
  server.refuse(person.email, '550 5.7.1 No spam, please');
  await using sending = await sendMailing(server.url, [person]);
  await eventually('the mailing is paused', async () => (await sending.mailing()).paused_at !== null);
  expect((await sending.mailing()).pause_reason).toContain('No spam, please');
  expect(await sending.counters()).toMatchObject({ rejected: 0, waiting: 1, accepted: 0 });
}

/** 421 and the end of the connection, whoever it was said to, is nobody's fault but the server's. */
export async function expectRest(server: FullMailServer, people: Addressee[]): Promise<void> {
  const [busy] = people as [Addressee, ...Addressee[]];
  server.refuse(busy.email, '421 4.3.2 Too busy now');
  await using sending = await sendMailing(server.url, people);
  expect(await awaitFault(sending)).toContain('Too busy now');
  server.refuse(busy.email, null);
  expect(await sending.finished(30_000)).toMatchObject({ accepted: people.length, rejected: 0, inDoubt: 0 });
  await expectMailboxes(server, people);
}

/** A connection on which the server takes no more is replaced by another at once: it is no fault that must be slept over. */
export async function expectNoRest(server: MailServer, people: Addressee[], unknown: Addressee[] = []): Promise<void> {
  await using sending = await sendMailing(`${server.url}?connections=1`, [...unknown, ...people]);
  expect(await sending.finished(30_000)).toMatchObject({
    accepted: people.length,
    rejected: unknown.length,
    inDoubt: 0,
  });
  expect(await sending.listAddresses('rejected')).toEqual(listEmails(unknown));
  await expectMailboxes(server, people, unknown);
}

/** What keeps this program from giving letters to the server is on nobody's account. */
export async function expectUnusable(url: string, people: Addressee[], fault: RegExp): Promise<void> {
  await using sending = await sendMailing(url, people);
  expect(await awaitFault(sending)).toMatch(fault);
  expect(await sending.counters()).toMatchObject({ waiting: people.length, rejected: 0, accepted: 0, inDoubt: 0 });
}

async function awaitFault(sending: RealSending): Promise<string> {
  return eventually('the fault is remembered', async () => (await sending.fault()) ?? false);
}

/** A letter that the server has answered is not sent again, whatever becomes of the server; one that it has not is in doubt. */
export async function expectRestartSurvived(
  server: MailServer,
  people: Addressee[],
  signal: 'SIGTERM' | 'SIGKILL',
): Promise<void> {
  await using sending = await sendMailing(withConnections(server.url), people);
  await eventually('some letters are accepted', async () => ((await sending.counters())?.accepted ?? 0) > 20);
  await server.end(signal);
  await awaitFault(sending);
  expect(await sending.mailing()).toMatchObject({ status: 'running' });
  await server.start();
  const books = await sending.finished(50_000);
  expect(isBalanced(books)).toBe(true);
  expect(books).toMatchObject({ audience: people.length, rejected: 0, waiting: 0 });
  const inDoubt = await sending.listAddresses('in_doubt');
  const accepted = await sending.listAddresses('accepted');
  expect([...accepted, ...inDoubt].toSorted()).toEqual(listEmails(people));
  expect(inDoubt.length).toBeLessThanOrEqual(CONNECTIONS * MOST_ON_A_WIRE);
  const arrived = await readLetters(server, people);
  // A server that is killed between a mailbox and its own books puts the very same letter there once more.
  const given = new Map(arrived.map(({ mailbox, source }) => [source.toString(), mailbox]));
  expect([...given.values()].toSorted()).toEqual([...new Set(given.values())].toSorted());
  expect(accepted.filter((address) => !arrived.some(({ mailbox }) => mailbox === address))).toEqual([]);
}
