import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eximAbsence, startExim } from '../support/real-servers/exim.js';
import type { FullMailServer } from '../support/real-servers/mail-server.js';
import { sendMailing } from '../support/real-servers/sending.js';
import { testCertificate } from '../support/smtp-server.js';
import {
  ENOUGH,
  MANY,
  SIZE_LIMIT,
  SOME,
  callPeople,
  expectAllArrive,
  expectMailboxes,
  expectNoRest,
  expectPaused,
  expectPutOff,
  expectRejected,
  expectRest,
  expectRestartSurvived,
  expectUnusable,
  expectWhole,
  listEmails,
  makeLarge,
} from './course.js';

const PUT_OFF = { full: '452 4.2.2 Mailbox full', grey: '451 4.7.1 Greylisted, come again' };
const INTERNATIONAL = { email: 'почта@example.com' };

const people = {
  many: callPeople('many', MANY),
  data: callPeople('data', SOME),
  large: callPeople('large', 1),
  strict: callPeople('strict', 1),
  clear: callPeople('clear', 1),
  encrypted: callPeople('encrypted', 1),
  unknown: callPeople('unknown', SOME),
  sized: callPeople('sized', SOME),
  utf8: [INTERNATIONAL, ...callPeople('international', SOME)],
  busy: callPeople('busy', SOME),
  login: callPeople('login', SOME),
  kill: callPeople('kill', ENOUGH),
  few: callPeople('few', 60),
  known: callPeople('known', 60),
};
const putOff = Object.entries(PUT_OFF).map(([group, reply]) => ({ group: callPeople(group, SOME), reply }));

describe.skipIf(eximAbsence !== null).concurrent(`Exim${eximAbsence ? ` (${eximAbsence})` : ''}`, () => {
  let server: FullMailServer;
  const mailboxes = listEmails([...Object.values(people), ...putOff.map(({ group }) => group)].flat());

  beforeAll(async () => {
    server = await startExim({ mailboxes, sizeLimit: SIZE_LIMIT });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('takes a mailing over several connections, and every letter arrives once and whole', () =>
    expectAllArrive(server, people.many));

  test('takes a mailing by DATA where it does not offer CHUNKING', async () => {
    await using other = await startExim({ mailboxes: listEmails(people.data), chunking: false });
    await expectAllArrive(other, people.data);
  });

  test('that takes few letters over a connection gets the others over the next', async () => {
    await using other = await startExim({ mailboxes: listEmails(people.few), lettersPerConnection: 5 });
    await expectNoRest(other, people.few);
  });

  test('that hangs up because of many unknown recipients does not hold up the others', () =>
    expectNoRest(server, people.known, callPeople('nobody', 60)));

  test('gives every byte of a letter to the mailbox, in clear and encrypted', async () => {
    for (const person of people.clear) await expectWhole(server, person);
    const options = { host: 'localhost', tls: 'required', certificateAuthority: testCertificate } as const;
    for (const person of people.encrypted) await expectWhole(server, person, options);
  });

  test('that does not know a recipient has that one rejected, though it names no reason by RFC 3463', () =>
    expectRejected(server, people.unknown, { email: 'unknown@example.com' }, { code: 550, enhancedCode: null }));

  test('that takes no letter of such a size has that one rejected', async () => {
    for (const person of people.large)
      await expectRejected(server, people.sized, makeLarge(person), {
        stage: 'mail',
        code: 552,
        enhancedCode: '5.3.4',
      });
  });

  test('takes an address that needs SMTPUTF8', async () => {
    await using sending = await sendMailing(server.url, people.utf8);
    expect(await sending.finished()).toMatchObject({ accepted: people.utf8.length });
    await expectMailboxes(server, people.utf8);
  });

  test.each(putOff)('that answers one recipient with $reply gets that letter later', ({ group, reply }) =>
    expectPutOff(server, group, reply),
  );

  test('that answers with 550 5.7.1 stops the mailing, and blames nobody', async () => {
    for (const person of people.strict) await expectPaused(server, person);
  });

  test('that closes the connection with 421 rests, and then takes all', () => expectRest(server, people.busy));

  test('takes letters with the right login, and with a wrong one blames nobody', async () => {
    await expectUnusable(server.loginUrl('wrong'), people.login, /535/);
    await expectAllArrive(server, people.login, server.loginUrl());
  });

  test('killed in the middle of a mailing loses and doubles nothing', async () => {
    await using other = await startExim({ mailboxes: listEmails(people.kill) });
    await expectRestartSurvived(other, people.kill, 'SIGKILL');
  });
});
