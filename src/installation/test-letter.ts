/**
 * One letter by a mail server that administrators try, over the same client that mailings go by, with everything that both sides say. It ends
 * within a limit whatever the server does: each step has its own, shorter one, and then the connection is cut.
 */
import { randomUUID } from 'node:crypto';

import { composeLetter, parseMailbox } from '../delivery/letter.js';
import type { Limit } from '../lib/limits.js';
import { SmtpConnection } from '../lib/smtp/smtp-connection.js';
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import type { SmtpLine } from '../lib/smtp/smtp-trace.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import type { View } from '../ui/view.js';
import type { SaidLine } from './conversation.js';

export interface TestLetter {
  /** As the setting MAIL_FROM has it. */
  from: string;
  to: string;
  subject: string;
  text: string;
  /** What stands before @ in the Message-ID. */
  id: string;
  date: Date;
}

export interface TestResult {
  outcome: SendOutcome;
  conversation: SaidLine[];
  durationMs: number;
}

/** For every administrator, whichever mail server it goes by. */
export const TEST_LETTERS: Limit = { name: 'test-letters', tries: 10, seconds: 600 };

export const LIMIT_SECONDS = 20;
/** Of the limit, for the server's answer to QUIT. */
const FAREWELL_MS = 1000;

export function writeTestLetter(
  { t, now }: View,
  { from, to, baseUrl }: Pick<TestLetter, 'from' | 'to'> & { baseUrl: string },
): TestLetter {
  const [subject, text] = [t('installation.letter.subject'), t('installation.letter.text', { url: baseUrl })];
  return { from, to, subject, text, id: `test-${randomUUID()}`, date: now };
}

export async function sendTestLetter(
  server: SmtpServerAddress,
  letter: TestLetter,
  limitMs = LIMIT_SECONDS * 1000,
): Promise<TestResult> {
  const begunAt = performance.now();
  const conversation: SaidLine[] = [];
  const onLine = (line: SmtpLine) => conversation.push({ atMs: performance.now() - begunAt, line });
  const timer = new AbortController();
  const stop = setTimeout(() => timer.abort(), limitMs - FAREWELL_MS);
  try {
    const outcome = await converse(server, letter, onLine, timer.signal);
    return { outcome, conversation, durationMs: performance.now() - begunAt };
  } finally {
    clearTimeout(stop);
  }
}

async function converse(
  server: SmtpServerAddress,
  letter: TestLetter,
  onLine: (line: SmtpLine) => void,
  signal: AbortSignal,
): Promise<SendOutcome> {
  const opened = await SmtpConnection.open({ ...server, timeouts: STEPS, signal, onLine });
  if (!opened.ok) return opened.outcome;
  const { connection } = opened;
  const cut = () => void connection.close(0);
  signal.addEventListener('abort', cut);
  const outcome = await connection.send({
    from: parseMailbox(letter.from).address,
    to: letter.to,
    data: writeLetter(letter),
  });
  await connection.close(FAREWELL_MS);
  signal.removeEventListener('abort', cut);
  return outcome;
}

const STEPS = { connect: 8_000, greeting: 10_000, command: 10_000, dataBlock: 10_000, finalDot: 15_000 };

function writeLetter({ from, to, subject, text, id, date }: TestLetter): string {
  const head = { from: parseMailbox(from), id, date };
  const letter = composeLetter(head, { to: { name: '', address: to }, subject, text, html: `<p>${escape(text)}</p>` });
  // RFC 3834, section 5: vacation notices do not answer such letters.
  return `Auto-Submitted: auto-generated\r\nX-Vestnik-Purpose: test\r\n${letter}`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
