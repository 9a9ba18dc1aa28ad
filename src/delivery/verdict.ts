// pure
/**
 * What a mail server's answer means. The rules are data: the first row that fits a refusal says whose fault it is, whether it is
 * permanent, and what to do. Codes are those of RFC 5321, section 4.2.3, enhanced codes those of RFC 3463 and its registry (RFC 5248),
 * written as there: X stands for any number. What no reply tells, a connection that was lost, is judged apart.
 */
import type { AttemptOutcome } from '../lib/schema-delivery.js';
import type { LostOutcome, RefusedOutcome, SendOutcome, SmtpStage } from '../lib/smtp/smtp-outcome.js';

type Fault =
  | 'recipient'
  /** The system behind the recipient's address. */
  | 'domain'
  /** The mail server that letters are given to, or the login to it. */
  | 'relay'
  | 'message'
  /** A rule of the mail server's about this message or this sender. */
  | 'policy'
  | 'nobody';

type Action = 'retry_recipient' | 'slow_domain' | 'pause_relay' | 'pause_mailing' | 'reject';

interface Rule {
  /** Any where absent. */
  stages?: readonly SmtpStage[];
  /** A class (4 or 5), or single codes; any where absent. */
  codes?: 4 | 5 | readonly number[];
  /** `none`: a reply without one. Any where absent. */
  enhanced?: readonly string[];
  /** What the reply says, where its codes are not enough. */
  text?: RegExp;
  fault: Fault;
  permanent: boolean;
  action: Action;
}

const MAIL: readonly SmtpStage[] = ['mail'];
const RCPT: readonly SmtpStage[] = ['rcpt'];
const OF_LETTER: readonly SmtpStage[] = ['rcpt', 'data', 'dot'];
const BEFORE_RCPT: readonly SmtpStage[] = ['connect', 'greeting', 'ehlo', 'starttls', 'auth', 'mail'];

const RETRY = { fault: 'recipient', permanent: false, action: 'retry_recipient' } as const;
const SLOW = { fault: 'domain', permanent: false, action: 'slow_domain' } as const;
const REST = { fault: 'relay', permanent: false, action: 'pause_relay' } as const;
const PAUSE = { fault: 'policy', permanent: true, action: 'pause_mailing' } as const;
const REJECT = { fault: 'recipient', permanent: true, action: 'reject' } as const;

/** Words of servers that refuse the sender or the message, and not the recipient, without an enhanced code. */
const POLICY_WORDS =
  /\brelay(ing)? (access )?(is )?(denied|not permitted|not allowed|prohibited)\b|\bspam message\b|\bpolicy reasons?\b|\bblocked (by|using)\b|\bblack ?listed\b/i;
/** Some servers call an unknown recipient a matter of policy, too. */
const UNKNOWN_WORDS = /\b(no such user|user (is )?(unknown|not found)|unknown user|does not exist)\b/i;

const RULES: readonly Rule[] = [
  // RFC 1870, section 6.1: what MAIL is refused for is the size of this letter. A relay that rested for it would hold up all others.
  { stages: MAIL, codes: [552], enhanced: ['none'], ...REJECT, fault: 'message' },
  { stages: MAIL, codes: 5, enhanced: ['X.3.4', 'X.2.3'], ...REJECT, fault: 'message' },
  // RFC 5321, section 3.8: 421 closes the connection, whatever it answers.
  { codes: [421], ...REST },
  // RFC 5321, sections 3.1 and 3.3: no recipient has been named yet. 554 at the banner, 535, a refused sender.
  { stages: BEFORE_RCPT, codes: 4, ...REST },
  { stages: BEFORE_RCPT, ...REST, permanent: true },

  // RFC 4954, section 6: the server wants a login, or another one. Some say so only to RCPT.
  { codes: [530, 534, 535, 538], ...REST, permanent: true },
  // RFC 5321, section 4.2.3: a command that is not understood, or out of sequence. The two sides do not understand each other.
  { codes: [500, 502, 503], ...REST, permanent: true },
  // RFC 3463, section 3.2: the address of the sender. Some check it only at RCPT.
  { codes: 4, enhanced: ['X.1.7', 'X.1.8'], ...REST },
  { codes: 5, enhanced: ['X.1.7', 'X.1.8'], ...REST, permanent: true },

  // RFC 3463, section 3.8: a mailing list that takes nothing from outside; RFC 7293: the mailbox has another owner by now; Exchange's
  // groups and mailboxes that take letters of some senders only.
  { codes: 5, enhanced: ['X.7.2', 'X.7.17', 'X.7.18', 'X.7.124', 'X.7.129', 'X.7.133', 'X.7.134'], ...REJECT },
  { stages: RCPT, codes: 5, enhanced: ['X.7.X'], text: UNKNOWN_WORDS, ...REJECT },
  // RFC 3463, section 3.8: a refusal as a matter of policy (spam, reputation, SPF, DKIM, DMARC) says nothing of the recipient.
  { codes: 5, enhanced: ['X.7.X'], ...PAUSE },
  { codes: 5, enhanced: ['none'], text: POLICY_WORDS, ...PAUSE },
  // RFC 6531, section 3.5: this address needs SMTPUTF8 on every server of its way.
  { codes: 5, enhanced: ['X.6.7'], ...REJECT },
  // RFC 3463, section 3.7: what is in the message is in the letter to everybody.
  { codes: 5, enhanced: ['X.6.X'], ...PAUSE, fault: 'message' },

  // RFC 3463, section 3.3: a full mailbox is "useful only as a persistent transient error", whatever its first digit.
  { enhanced: ['X.2.2'], ...RETRY },
  // RFC 5321, section 4.5.3.1.10: 552 to RCPT means what 452 means: too many recipients, or a full mailbox.
  { stages: RCPT, codes: [552], enhanced: ['none'], ...RETRY },
  // RFC 3463, section 3.6: too many recipients. There is only one: the server counts others, and will count anew.
  { enhanced: ['X.5.3'], ...RETRY, fault: 'nobody' },
  // RFC 3463, sections 3.3 and 3.4: too large for this mailbox or this system. Letters differ in size.
  { codes: 5, enhanced: ['X.3.4', 'X.2.3'], ...REJECT, fault: 'message' },
  { codes: [552], ...REJECT, fault: 'message' },
  { codes: 5, ...REJECT },

  // RFC 6647: greylisting, which many announce as policy.
  { codes: 4, enhanced: ['X.7.0', 'X.7.1'], ...RETRY },
  // RFC 3463, sections 3.4, 3.5 and 3.8: a system that is full, down, not reached, or that throttles this sender.
  { codes: 4, enhanced: ['X.3.X', 'X.4.X', 'X.7.X'], ...SLOW },
  // RFC 5321, section 4.2.3: 450, 451, 452. Greylisting, a full mailbox, a name that cannot be looked up now.
  { codes: 4, ...RETRY },
];

/** Whose fault a refusal is, whether it is permanent, and what to do. */
export function classify({
  stage,
  reply,
}: Pick<RefusedOutcome, 'stage' | 'reply'>): Pick<Rule, 'fault' | 'permanent' | 'action'> {
  const rule = RULES.find(
    ({ stages, codes, enhanced, text }) =>
      (stages === undefined || stages.includes(stage)) &&
      isAmong(codes, reply.code) &&
      (enhanced === undefined || enhanced.some((pattern) => fits(pattern, reply.enhancedCode))) &&
      (text === undefined || text.test(reply.text)),
  );
  const { fault, permanent, action } = rule ?? RETRY;
  return { fault, permanent, action };
}

function isAmong(codes: Rule['codes'], code: number): boolean {
  if (codes === undefined) return true;
  return typeof codes === 'number' ? Math.floor(code / 100) === codes : codes.includes(code);
}

/** The reply's code tells the class: of an enhanced code that contradicts it, only subject and detail count. */
function fits(pattern: string, enhancedCode: string | null): boolean {
  if (enhancedCode === null) return pattern === 'none';
  const parts = enhancedCode.split('.');
  return pattern.split('.').every((part, index) => part === 'X' || part === parts[index]);
}

/** What one outcome of the SMTP client means for the delivery, its mailing and the relay. */
export type Verdict =
  | { kind: 'settled'; state: 'accepted' | 'rejected' | 'in_doubt' }
  /** The recipient's side asked for patience; `slowly`: all of its domain did. */
  | { kind: 'later'; slowly: boolean }
  /** The relay or the login to it failed: no recipient is blamed, and the relay rests. */
  | { kind: 'relay_fault' }
  /** The same, and it may be this letter that makes the server hang up each time: others are to be tried before it. */
  | { kind: 'hung_up' }
  /** The message or its sender is refused: no recipient is blamed, and the mailing waits for its owner. */
  | { kind: 'policy' }
  /** Nothing of this letter was begun: it is waiting as before, without an attempt. */
  | { kind: 'untried' };

const VERDICTS: Record<Action, Verdict> = {
  retry_recipient: { kind: 'later', slowly: false },
  slow_domain: { kind: 'later', slowly: true },
  pause_relay: { kind: 'relay_fault' },
  pause_mailing: { kind: 'policy' },
  reject: { kind: 'settled', state: 'rejected' },
};

export function judge(outcome: SendOutcome): Verdict {
  switch (outcome.kind) {
    case 'accepted':
      return { kind: 'settled', state: 'accepted' };
    case 'lost':
      if (outcome.finalDotMayHaveLeft) return { kind: 'settled', state: 'in_doubt' };
      if (!outcome.begun) return { kind: 'untried' };
      return { kind: hangsUp(outcome) ? 'hung_up' : 'relay_fault' };
    case 'refused':
      return hangsUp(outcome) ? { kind: 'hung_up' } : VERDICTS[classify(outcome).action];
  }
}

/**
 * Whether the server ended the connection at what it was told of this recipient or in this letter. Where it had said 421 to another letter,
 * or this side has hung up, it did not.
 */
function hangsUp(outcome: RefusedOutcome | LostOutcome): boolean {
  if (!OF_LETTER.includes(outcome.stage)) return false;
  return outcome.kind === 'refused' ? outcome.reply.code === 421 : !['closed', 'closing'].includes(outcome.cause);
}

/**
 * Whether the relay is to rest. One that breaks off after the final dot is at fault as well, though the letter is settled: asked again
 * at once, it could leave one after another in doubt.
 */
export function isRelayFault(outcome: SendOutcome): boolean {
  if (outcome.kind === 'lost') return outcome.begun && outcome.cause !== 'closed';
  return ['relay_fault', 'hung_up'].includes(judge(outcome).kind);
}

/** Whether a relay that is at fault wants fewer letters: 421 and 4.7.X (RFC 3463, section 3.8), unless the connection itself was refused. */
export function asksForPatience(outcome: SendOutcome): boolean {
  if (outcome.kind !== 'refused') return false;
  const { code, enhancedCode } = outcome.reply;
  return code === 421 || (code < 500 && enhancedCode !== null && fits('X.7.X', enhancedCode));
}

export function attemptOutcome(verdict: Exclude<Verdict, { kind: 'untried' }>): AttemptOutcome {
  return verdict.kind === 'settled' ? verdict.state : 'deferred';
}

const LONGEST_REST_MS = 5 * 60_000;

/** Milliseconds for which a relay rests after `faults` faults in a row: 5 s, doubling up to 5 min. */
export function relayRest(faults: number): number {
  return Math.min(5000 * 2 ** Math.max(0, faults - 1), LONGEST_REST_MS);
}
