import { expect, test } from 'vitest';

import { parseServer } from '../../test/support/sending.js';
import { startSmtpServer, type SmtpServerStage } from '../../test/support/smtp-server.js';
import { judgeTest } from './conversation.js';
import { sendTestLetter } from './test-letter.js';

const letter = {
  from: 'Shop <shop@example.com>',
  to: 'anna@example.com',
  subject: 'Проба',
  text: 'a < b & c',
  id: 'test-1',
  date: new Date('2026-11-23T12:00:00Z'),
};

test.each<[SmtpServerStage, string]>([
  ['connect', 'timeout'],
  ['ehlo', 'timeout'],
  ['rcpt', 'timeout'],
  ['dot', 'lost'],
])('ends within its limit when the server falls silent at %s', async (silentAt, verdict) => {
  await using server = await startSmtpServer({ faults: ({ stage }) => (stage === silentAt ? 'stall' : undefined) });
  const begunAt = performance.now();
  const { outcome, conversation } = await sendTestLetter(parseServer(server.url), letter, 1500);
  expect(performance.now() - begunAt).toBeLessThan(2500);
  expect(judgeTest(outcome)).toBe(verdict);
  expect(conversation[0]?.line).toMatchObject({ from: 'wire', event: 'connected' });
});

test('tells when each line was said, in order', async () => {
  await using server = await startSmtpServer();
  const { outcome, conversation, durationMs } = await sendTestLetter(parseServer(server.url), letter);
  expect(judgeTest(outcome)).toBe('accepted');
  const times = conversation.map(({ atMs }) => atMs);
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect(times.at(-1)).toBeLessThanOrEqual(durationMs);
  expect(server.accepted[0]?.data).toContain(Buffer.from('<p>a &lt; b &amp; c</p>').toString('base64'));
});
