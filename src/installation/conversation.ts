// pure
import type { SendOutcome } from '../lib/smtp/smtp-outcome.js';
import type { SmtpLine } from '../lib/smtp/smtp-trace.js';

/* A conversation with a mail server, and what came of it. */

export interface SaidLine {
  /** Since the start. */
  atMs: number;
  line: SmtpLine;
}

/** `accepted`, or in one word why not; each has a sentence of its own. */
export type Verdict =
  | 'accepted'
  | 'unreachable'
  | 'timeout'
  | 'notSmtp'
  | 'tls'
  | 'noTls'
  | 'login'
  | 'noLogin'
  | 'needsLogin'
  | 'closed'
  | 'greeting'
  | 'sender'
  | 'recipient'
  | 'letter'
  | 'lost';

export function judgeTest(outcome: SendOutcome): Verdict {
  switch (outcome.kind) {
    case 'accepted':
      return 'accepted';
    case 'refused':
      return judgeRefusal(outcome);
    case 'lost':
      return judgeLoss(outcome);
  }
}

/** What the server said last, or what happened in its place. */
export function readLastWord(outcome: SendOutcome): string {
  if (outcome.kind === 'lost') return outcome.error;
  return `${outcome.reply.code} ${outcome.reply.text}`;
}

function judgeRefusal({ stage, reply, local }: Extract<SendOutcome, { kind: 'refused' }>): Verdict {
  // RFC 4954, section 6, wherever it is said.
  if (reply.code === 530 && !local && stage !== 'starttls') return 'needsLogin';
  switch (stage) {
    case 'starttls':
      return 'noTls';
    case 'auth':
      return local ? 'noLogin' : 'login';
    case 'mail':
      return 'sender';
    case 'rcpt':
      return 'recipient';
    case 'data':
    case 'dot':
      return 'letter';
    case 'connect':
    case 'greeting':
    case 'ehlo':
      return 'greeting';
  }
}

function judgeLoss({ stage, cause, finalDotMayHaveLeft }: Extract<SendOutcome, { kind: 'lost' }>): Verdict {
  if (finalDotMayHaveLeft) return 'lost';
  switch (cause) {
    case 'tls':
      return 'tls';
    case 'protocol':
      return 'notSmtp';
    // This side closes it only when the time is over.
    case 'timeout':
    case 'closed':
      return 'timeout';
    case 'closing':
    case 'connection':
      return stage === 'connect' ? 'unreachable' : 'closed';
  }
}

/** The same of the text that was kept of a fault (`describeFault` of delivery/relay.ts); undefined where it says too little. */
export function judgeFault(text: string): Verdict | undefined {
  return FAULT_TEXTS.find(([pattern]) => pattern.test(text))?.[1];
}

/** The first that fits. What this side refuses itself begins with a code as well. */
const FAULT_TEXTS: readonly (readonly [RegExp, Verdict])[] = [
  [/^\d{3} .*\boffers no STARTTLS\b/, 'noTls'],
  [/^(504|538) /, 'noLogin'],
  // RFC 4954, section 6.
  [/^530 /, 'needsLogin'],
  [/^(454|534|535) /, 'login'],
  // RFC 3463, section 3.2.
  [/^\d{3} [45]\.1\.[78]\b/, 'sender'],
  [/\bdid not (answer|greet) in time\b/, 'timeout'],
  [/^TLS could not be agreed\b/, 'tls'],
  [/^no connection\b/, 'unreachable'],
  [/^the server (does not speak SMTP|answered|sent)\b/, 'notSmtp'],
  [/^(the server closed the connection|the connection broke)\b/, 'closed'],
];
