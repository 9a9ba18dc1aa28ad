import { prepareAddress } from './smtp-address.js';
import type { SmtpCapabilities } from './smtp-capabilities.js';
import { prepareContent, type WireContent } from './smtp-content.js';
import type { SmtpReply, SmtpStage } from './smtp-outcome.js';

export interface SmtpLetter {
  /** The envelope's sender; empty for the null reverse-path (RFC 5321 4.5.5). */
  from: string;
  to: string;
  /** The whole letter (RFC 5322) with CRLF line ends, not dot-stuffed. */
  data: Buffer | string;
}

export interface SmtpEnvelope {
  ok: true;
  /** With its CRLF, as `rcptCommand`. */
  mailCommand: string;
  rcptCommand: string;
  /** Not dot-stuffed. */
  content: string | Buffer;
  /** Octets of the content. */
  size: number;
}

/** What this server could only refuse, or no server may see: answered in its place. */
export interface LocalRefusal {
  ok: false;
  stage: SmtpStage;
  reply: SmtpReply;
}

/** What goes on the wire for a letter to a server with these capabilities. */
export function composeEnvelope(letter: SmtpLetter, capabilities: SmtpCapabilities): SmtpEnvelope | LocalRefusal {
  const from = letter.from === '' ? NULL_PATH : prepareAddress(letter.from);
  if (!from.ok) return refuse('mail', 553, '5.1.7', `sender refused: ${from.error}`);
  const to = prepareAddress(letter.to);
  if (!to.ok) return refuse('rcpt', 553, '5.1.3', `recipient refused: ${to.error}`);
  const needsSmtpUtf8 = from.needsSmtpUtf8 || to.needsSmtpUtf8;
  if (needsSmtpUtf8 && !capabilities.smtpUtf8)
    return refuse(to.needsSmtpUtf8 ? 'rcpt' : 'mail', 553, '5.6.7', NO_SMTPUTF8);
  const content = prepareContent(letter.data);
  const limit = capabilities.size?.maxBytes ?? Infinity;
  if (content.size > limit)
    return refuse('mail', 552, '5.3.4', `the letter has ${content.size} bytes, and the server takes ${limit}`);
  const parameters = composeParameters(content, needsSmtpUtf8, capabilities);
  return {
    ok: true,
    mailCommand: `MAIL FROM:<${from.address}>${parameters}\r\n`,
    rcptCommand: `RCPT TO:<${to.address}>\r\n`,
    content: content.content,
    size: content.size,
  };
}

const NULL_PATH = { ok: true, address: '', needsSmtpUtf8: false } as const;
const NO_SMTPUTF8 = 'the name before the "@" is not ASCII, and the server does not offer SMTPUTF8 (RFC 6531)';

/** RFC 1870 (SIZE), RFC 6152 (BODY), RFC 6531 (SMTPUTF8): each only to a server that offers it. */
function composeParameters(content: WireContent, needsSmtpUtf8: boolean, capabilities: SmtpCapabilities): string {
  const size = capabilities.size ? ` SIZE=${content.size}` : '';
  const body = content.hasEightBit && capabilities.eightBitMime ? ' BODY=8BITMIME' : '';
  return `${size}${body}${needsSmtpUtf8 ? ' SMTPUTF8' : ''}`;
}

function refuse(stage: SmtpStage, code: number, enhancedCode: string, text: string): LocalRefusal {
  return { ok: false, stage, reply: { code, enhancedCode, text } };
}
