import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { postfixAbsence, startPostfix, type PostfixServer } from '../support/real-servers/postfix.js';
import { sendMailing } from '../support/real-servers/sending.js';
import { testCertificate } from '../support/smtp-server.js';
import {
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

const PUT_OFF = {
  full: '452 4.2.2 Mailbox full',
  locked: '450 4.2.1 Mailbox locked',
  grey: '451 4.7.1 Greylisted, come again',
  quota: '552 5.2.2 Over quota',
};
/**
 * At any command of a letter; 1 is what an overloaded Postfix has. Only to unknown recipients, so that few letters are out: with more than
 * it has read, its kernel resets the connection, and may never send the 421.
 */
const HARD_LIMITS = [1, 3, 5];
const INTERNATIONAL = { email: 'почта@example.com' };
const ASCII_DOMAIN = 'r@xn--80a1acny.xn--p1ai';
const [LARGE = INTERNATIONAL, STRICT = INTERNATIONAL, CLEAR = INTERNATIONAL, ENCRYPTED = INTERNATIONAL] = callPeople(
  'one',
  4,
);

const people = {
  many: callPeople('many', MANY),
  data: callPeople('data', 100),
  plain: callPeople('plain', 100),
  unknown: callPeople('unknown', SOME),
  sized: callPeople('sized', SOME),
  unsized: callPeople('unsized', SOME),
  ascii: callPeople('ascii', SOME),
  utf8: [INTERNATIONAL, ...callPeople('international', SOME)],
  busy: callPeople('busy', SOME),
  login: callPeople('login', SOME),
  certificate: callPeople('certificate', SOME),
  term: callPeople('term', MANY),
  kill: callPeople('kill', MANY),
  known: callPeople('known', 60),
};
const putOff = Object.entries(PUT_OFF).map(([group, reply]) => ({ group: callPeople(group, SOME), reply }));

describe.skipIf(postfixAbsence !== null).concurrent(`Postfix${postfixAbsence ? ` (${postfixAbsence})` : ''}`, () => {
  let server: PostfixServer;
  const mailboxes = [
    ...listEmails([...Object.values(people), ...putOff.map(({ group }) => group)].flat()),
    ...listEmails([LARGE, STRICT, CLEAR, ENCRYPTED]),
    ASCII_DOMAIN,
  ];

  beforeAll(async () => {
    server = await startPostfix({ mailboxes, sizeLimit: SIZE_LIMIT });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('takes a mailing over several connections, and every letter arrives once and whole', () =>
    expectAllArrive(server, people.many));

  test('takes a mailing without any extension of SMTP', () => expectAllArrive(server, people.plain, server.plainUrl));

  test('takes a mailing by DATA where it does not offer CHUNKING', async () => {
    await using other = await startPostfix({ mailboxes: listEmails(people.data), chunking: false });
    await expectAllArrive(other, people.data);
  });

  test('gives every byte of a letter to the mailbox, in clear and encrypted', async () => {
    await expectWhole(server, CLEAR);
    const options = { host: 'localhost', tls: 'required', certificateAuthority: testCertificate } as const;
    await expectWhole(server, ENCRYPTED, options);
  });

  test('that does not know a recipient has that one rejected', () =>
    expectRejected(server, people.unknown, { email: 'unknown@example.com' }, { code: 550, enhancedCode: '5.1.1' }));

  test('that slows down and hangs up because of many unknown recipients does not hold up the others', () =>
    expectNoRest(server, people.known, callPeople('nobody', 60)));

  test.each(HARD_LIMITS)('that hangs up at error %s with 421 leaves nothing in doubt', async (errorsPerConnection) => {
    await using other = await startPostfix({ mailboxes: [], errorsPerConnection });
    await expectNoRest(other, [], callPeople('nobody', 40));
  });

  test('that takes no letter of such a size has that one rejected, also where it says so only at its end', async () => {
    const large = makeLarge(LARGE);
    const attempt = { code: 552, enhancedCode: '5.3.4' };
    await expectRejected(server, people.sized, large, { ...attempt, stage: 'mail' });
    await expectRejected(server, people.unsized, large, { ...attempt, stage: 'dot' }, server.plainUrl);
  });

  test('takes an address that needs SMTPUTF8, and has it rejected where it does not offer that', async () => {
    const attempt = { stage: 'rcpt', code: 553, enhancedCode: '5.6.7' };
    await expectRejected(server, people.ascii, INTERNATIONAL, attempt, server.plainUrl);
    await using sending = await sendMailing(server.url, people.utf8);
    expect(await sending.finished()).toMatchObject({ accepted: people.utf8.length });
    await expectMailboxes(server, people.utf8);
  });

  test('takes a domain in letters of its own', async () => {
    await using sending = await sendMailing(server.url, [{ email: 'r@почта.рф' }]);
    expect(await sending.finished()).toMatchObject({ accepted: 1 });
    await expectMailboxes(server, [{ email: ASCII_DOMAIN }]);
  });

  test.each(putOff)('that answers one recipient with $reply gets that letter later', ({ group, reply }) =>
    expectPutOff(server, group, reply),
  );

  test('that answers with 550 5.7.1 stops the mailing, and blames nobody', () => expectPaused(server, STRICT));

  test('that closes the connection with 421 rests, and then takes all', () => expectRest(server, people.busy));

  test('takes letters with the right login, and with a wrong one blames nobody', async () => {
    await expectUnusable(server.loginUrl('wrong'), people.login, /535/);
    await expectAllArrive(server, people.login, server.loginUrl());
  });

  test('whose certificate proves nothing gets no letter where one must, and nobody is blamed', async () => {
    await expectUnusable(`${server.url}?tls=required`, people.certificate, /certificate/);
    await expectAllArrive(server, people.certificate, `${server.url}?tls=required&verify=false`);
  });

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'ended by %s in the middle of a mailing loses and doubles nothing',
    async (signal) => {
      const group = signal === 'SIGTERM' ? people.term : people.kill;
      await using other = await startPostfix({ mailboxes: listEmails(group) });
      await expectRestartSurvived(other, group, signal);
    },
  );
});
