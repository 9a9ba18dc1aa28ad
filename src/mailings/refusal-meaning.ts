// pure
/**
 * What a refusal means in plain words, and what its owner can do. The rules are data: the first that fits gives the key of both texts
 * (`live.meaning.…`). Codes are those of RFC 5321, section 4.2.3, enhanced codes those of RFC 3463 and its registry (RFC 5248), written as
 * there: X stands for any number. What no rule names is told by whose fault delivery/verdict.ts takes it for, so that the words never
 * contradict what was done.
 */
import type { Refusal } from '../delivery/refusal.js';
import { classify } from '../delivery/verdict.js';
import type { SmtpStage } from '../lib/smtp/smtp-outcome.js';

interface Rule {
  stages?: readonly SmtpStage[];
  codes?: readonly number[];
  enhanced?: readonly string[];
  /** What the reply says; where there are codes as well, both must fit. */
  text?: RegExp;
  means: string;
}

const RCPT: readonly SmtpStage[] = ['rcpt'];

/** Words stand before codes where servers use one code for many things: X.7.1 above all. */
const REPLY_RULES = [
  // RFC 5321, section 4.5.4.1; RFC 6647: greylisting asks everybody it does not know to come again.
  { text: /\bgr[ae]y-?list/i, means: 'greylisting' },

  // Lists of senders with a bad name (DNSBL, RFC 5782), named by the server.
  {
    text: /spamhaus|spamcop|barracuda(central)?\b|sorbs|\bdnsbl|\brbls?\b|black-?\s?list|block-?\s?list|(?<!not )listed (in|on|by|at)\b|\bpoor reputation/i,
    means: 'blocklist',
  },

  // RFC 7372, section 3; RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC).
  { enhanced: ['X.7.23', 'X.7.24'], means: 'spf' },
  { enhanced: ['X.7.20', 'X.7.21', 'X.7.22'], means: 'dkim' },
  { enhanced: ['X.7.26'], means: 'dmarc' },
  { enhanced: ['X.7.25'], means: 'reverse_dns' },
  { text: /\bdmarc\b/i, means: 'dmarc' },
  { text: /\bspf\b/i, means: 'spf' },
  { text: /\bdkim\b/i, means: 'dkim' },
  { text: /\b(reverse dns|rdns|ptr record|no ptr)\b/i, means: 'reverse_dns' },

  // RFC 4954, section 6; RFC 3463, section 3.8 (X.7.8: credentials): the mail server wants a login, or another one.
  { codes: [530], text: /starttls|tls/i, means: 'encryption' },
  { enhanced: ['X.7.10'], means: 'encryption' },
  { codes: [530, 534, 535, 538], means: 'login' },
  { enhanced: ['X.7.8', 'X.7.9', 'X.7.11', 'X.7.12'], means: 'login' },

  // RFC 3463, section 3.2: the sender's address.
  { enhanced: ['X.1.7', 'X.1.8'], means: 'sender' },
  { text: /\b(sender|from) address (was )?rejected|sender (verify|verification) failed/i, means: 'sender' },
  {
    text: /\brelay(ing)? (access )?(is )?(denied|not permitted|not allowed|prohibited)\b|\bunable to relay\b/i,
    means: 'relaying',
  },

  // RFC 3463, section 3.2, RFC 7505 (X.1.10: a domain that takes no letters at all).
  { enhanced: ['X.1.2', 'X.1.10', 'X.4.4'], means: 'no_domain' },
  { enhanced: ['X.1.3'], means: 'bad_address' },
  { enhanced: ['X.2.1'], means: 'disabled' },
  { enhanced: ['X.1.1', 'X.1.6', 'X.7.17', 'X.7.18'], means: 'unknown' },
  {
    stages: RCPT,
    text: /\b(no such (user|mailbox|recipient)|(user|recipient|mailbox|address)[^.;]{0,40}(unknown|not found|does ?n[o']t exist|unavailable)|unknown (user|recipient|mailbox)|does not exist|not listed)/i,
    means: 'unknown',
  },

  // RFC 3463, section 3.3. A full mailbox may be emptied, whatever the first digit.
  { enhanced: ['X.2.2'], means: 'full' },
  { text: /\b(over ?quota|quota exceeded|mailbox (is )?full|insufficient (storage|space))/i, means: 'full' },
  { enhanced: ['X.2.3', 'X.3.4'], means: 'too_large' },
  { stages: ['mail', 'data', 'dot'], codes: [552], means: 'too_large' },
  { stages: RCPT, codes: [452, 552], enhanced: ['none'], means: 'full' },

  // RFC 3463, section 3.8: X.7.2, a list for its members; the others are Exchange's groups.
  { enhanced: ['X.7.2', 'X.7.124', 'X.7.129', 'X.7.133', 'X.7.134'], means: 'members_only' },

  // RFC 3463, sections 3.6 and 3.8: too many at once.
  { enhanced: ['X.5.3', 'X.7.28'], means: 'throttled' },
  {
    text: /\b(rate limit|too many|throttl|try again later because of|too fast|exceeded .{0,30}(limit|rate))/i,
    means: 'throttled',
  },

  { text: /\b(spam|junk|unsolicited|bulk mail)\b/i, means: 'spam' },
  // RFC 6531, section 3.5: letters other than those of ASCII on a way that cannot carry them.
  { enhanced: ['X.6.7', 'X.6.9'], means: 'international' },
  // RFC 3463, section 3.7: what is in the message.
  { enhanced: ['X.6.X'], means: 'content' },

  // RFC 3463, sections 3.4 and 3.5: the system behind the address.
  { enhanced: ['X.3.1', 'X.3.2', 'X.3.5', 'X.4.1', 'X.4.2', 'X.4.3', 'X.4.5', 'X.4.6', 'X.4.7'], means: 'domain_down' },
  // RFC 5321, section 3.8: the server closes; section 4.2.3: it does not understand.
  { codes: [421], means: 'closing' },
  { codes: [500, 502, 503, 504, 555], means: 'misunderstanding' },
  { stages: RCPT, codes: [501, 553], means: 'bad_address' },
  // RFC 5321, section 4.2.3: 550 to RCPT without another word is a mailbox that is not there, 551 one that is elsewhere.
  { stages: RCPT, codes: [550, 551], enhanced: ['none'], means: 'unknown' },
] as const satisfies Rule[];

/** No reply came: what tells is whether the mail server was reached at all. */
const BEFORE_LETTER = ['connect', 'greeting', 'ehlo', 'starttls'];

/** What is said of a recipient. Where the mail server itself is at fault, none is blamed. */
export const OF_RECIPIENTS: readonly string[] = [
  'refused',
  'unknown',
  'bad_address',
  'disabled',
  'full',
  'members_only',
  'no_domain',
];

const FAULTS = {
  recipient: { permanent: 'refused', transient: 'patience' },
  domain: { permanent: 'domain_down', transient: 'domain_down' },
  relay: { permanent: 'relay', transient: 'relay' },
  message: { permanent: 'content', transient: 'content' },
  policy: { permanent: 'policy', transient: 'policy' },
  nobody: { permanent: 'patience', transient: 'patience' },
} as const;

export type Meaning =
  | (typeof REPLY_RULES)[number]['means']
  | (typeof FAULTS)[keyof typeof FAULTS]['permanent' | 'transient']
  | 'in_doubt'
  | 'unreachable'
  | 'broken_off';

/** Where what to do speaks of what comes next: untrue once the mailing is over. */
export const SPEAKS_OF_NEXT_TRY: readonly Meaning[] = [
  'greylisting',
  'full',
  'throttled',
  'domain_down',
  'closing',
  'patience',
  'relay',
  'policy',
  'unreachable',
  'broken_off',
];

export function explainRefusal(
  refusal: Pick<Refusal, 'outcome' | 'stage' | 'replyCode' | 'enhancedCode' | 'reply'>,
): Meaning {
  if (refusal.outcome === 'in_doubt') return 'in_doubt';
  const stage = refusal.stage as SmtpStage;
  const { replyCode: code, enhancedCode, reply: text } = refusal;
  if (code === null) return BEFORE_LETTER.includes(stage) ? 'unreachable' : 'broken_off';
  const { fault, permanent } = classify({ stage, reply: { code, enhancedCode, text } });
  const rule = REPLY_RULES.find(
    (candidate) =>
      fits(candidate, { stage, code, enhancedCode, text }) &&
      (fault !== 'relay' || !OF_RECIPIENTS.includes(candidate.means)),
  );
  if (rule) return rule.means;
  return FAULTS[fault][permanent ? 'permanent' : 'transient'];
}

interface Said {
  stage: SmtpStage;
  code: number;
  enhancedCode: string | null;
  text: string;
}

function fits({ stages, codes, enhanced, text }: Rule, said: Said): boolean {
  return (
    (stages === undefined || stages.includes(said.stage)) &&
    (codes === undefined || codes.includes(said.code)) &&
    (enhanced === undefined || enhanced.some((pattern) => matches(pattern, said.enhancedCode))) &&
    (text === undefined || text.test(said.text))
  );
}

function matches(pattern: string, enhancedCode: string | null): boolean {
  if (enhancedCode === null) return pattern === 'none';
  const parts = enhancedCode.split('.');
  return pattern.split('.').every((part, index) => part === 'X' || part === parts[index]);
}
