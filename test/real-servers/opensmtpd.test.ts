import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eventually } from '../support/eventually.js';
import type { MailServer } from '../support/real-servers/mail-server.js';
import { opensmtpdAbsence, startOpenSmtpd } from '../support/real-servers/opensmtpd.js';
import { sendMailing } from '../support/real-servers/sending.js';
import {
  ENOUGH,
  MANY,
  SIZE_LIMIT,
  SOME,
  callPeople,
  expectAllArrive,
  expectMailboxes,
  expectRejected,
  expectRestartSurvived,
  expectWhole,
  listEmails,
  makeLarge,
} from './course.js';

const FULL = { email: 'full@example.com' };
const INTERNATIONAL = { email: 'почта@example.com' };

const people = {
  many: callPeople('many', MANY),
  large: callPeople('large', 1),
  clear: callPeople('clear', 1),
  unknown: callPeople('unknown', SOME),
  sized: callPeople('sized', SOME),
  ascii: callPeople('ascii', SOME),
  beside: callPeople('beside', SOME),
  kill: callPeople('kill', ENOUGH),
};

describe
  .skipIf(opensmtpdAbsence !== null)
  .concurrent(`OpenSMTPD${opensmtpdAbsence ? ` (${opensmtpdAbsence})` : ''}`, () => {
    let server: MailServer;
    const mailboxes = listEmails([...Object.values(people).flat(), FULL]);

    beforeAll(async () => {
      const refusals = { [FULL.email]: '452 4.2.2 Mailbox full' };
      server = await startOpenSmtpd({ mailboxes, refusals, sizeLimit: SIZE_LIMIT });
    });
    afterAll(() => server[Symbol.asyncDispose]());

    test('takes a mailing over several connections without PIPELINING, and every letter arrives once and whole', () =>
      expectAllArrive(server, people.many));

    test('gives every byte of a letter to the mailbox', async () => {
      for (const person of people.clear) await expectWhole(server, person);
    });

    test('that does not know a recipient has that one rejected, though it calls that a list which cannot be expanded', () =>
      expectRejected(server, people.unknown, { email: 'unknown@example.com' }, { code: 524, enhancedCode: '5.2.4' }));

    test('that takes no letter of such a size has that one rejected', async () => {
      for (const person of people.large)
        await expectRejected(server, people.sized, makeLarge(person), {
          stage: 'mail',
          code: 552,
          enhancedCode: '5.3.4',
        });
    });

    test('without SMTPUTF8 has an address that needs it rejected', () =>
      expectRejected(server, people.ascii, INTERNATIONAL, { stage: 'rcpt', code: 553, enhancedCode: '5.6.7' }));

    test('that answers one recipient with 452 4.2.2 is asked again later, and the others get theirs', async () => {
      await using sending = await sendMailing(server.url, [FULL, ...people.beside]);
      await eventually('the others have theirs', async () => (await sending.counters())?.accepted === SOME);
      await eventually('it was put off', async () => (await sending.counters())?.attemptsDeferred === 1);
      expect(await sending.counters()).toMatchObject({ waiting: 1, rejected: 0 });
      expect(await sending.fault()).toBeNull();
      await expectMailboxes(server, people.beside, [FULL]);
    });

    test('killed in the middle of a mailing loses and doubles nothing', async () => {
      await using other = await startOpenSmtpd({ mailboxes: listEmails(people.kill) });
      await expectRestartSurvived(other, people.kill, 'SIGKILL');
    });
  });
