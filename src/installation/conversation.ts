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
