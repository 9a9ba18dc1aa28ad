// pure
import { domainToASCII } from 'node:url';

import { breakLines, endLines } from './base64-pattern.js';

export interface LetterHead {
  from: { name: string; address: string };
  /** What stands before @ in the Message-ID, the same at every try, so that a receiver can tell a repetition. */
  id: string;
  date: Date;
}

export interface LetterContent {
  to: { name: string; address: string };
  subject: string;
  text: string;
  html: string;
}

/**
 * A letter as RFC 5322 and RFC 2046 want it: text and HTML as alternatives, each in base64, so that no line is too long and none
 * begins with a dot. Every value on a header line is encoded (RFC 2047), so none can begin another header.
 */
export function composeLetter(head: LetterHead, { text, html, ...content }: LetterContent): string {
  return joinLetter(head, { ...content, text: encodeBase64(text), html: encodeBase64(html) });
}

/** As `composeLetter`, of a text and an HTML that are in base64 already, in lines. */
export function joinLetter(head: LetterHead, content: LetterContent): string {
  const { mailbox, domain } = formatSender(head.from);
  const boundary = `=_${head.id}`;
  return [
    `From: ${mailbox}`,
    `To: ${formatMailbox(content.to)}`,
    `Subject: ${formatText(content.subject)}`,
    `Date: ${head.date.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${head.id}@${domain}>`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    content.text,
    `--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    content.html,
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

/** Reads `Name <address>` or a bare address, as the setting MAIL_FROM has it. */
export function parseMailbox(text: string): LetterHead['from'] {
  const match = /^\s*"?(?<name>[^"<]*?)"?\s*<(?<address>[^<>\s]+)>\s*$/.exec(text);
  return { name: match?.groups?.['name'] ?? '', address: match?.groups?.['address'] ?? text.trim() };
}

const senders = new WeakMap<LetterHead['from'], { mailbox: string; domain: string }>();

/** The same for every letter of a mailing, and worked out once. */
function formatSender(from: LetterHead['from']): { mailbox: string; domain: string } {
  const known = senders.get(from);
  if (known) return known;
  const domain = formatDomain(from.address.split('@').at(-1) ?? 'localhost');
  const sender = { mailbox: formatMailbox(from), domain };
  senders.set(from, sender);
  return sender;
}

/** RFC 5322, section 3.2.5: a phrase is plain words, a quoted string or encoded words. */
function formatMailbox({ name, address }: LetterHead['from']): string {
  const phrase = formatPhrase(toLine(name));
  const path = `<${formatAddress(address)}>`;
  if (phrase === '') return path;
  return phrase.length + path.length < LONGEST_LINE ? `${phrase} ${path}` : `${phrase}\r\n ${path}`;
}

function formatPhrase(name: string): string {
  if (/^(?:\w+(?: \w+)*)?$/.test(name) && name.length <= LONGEST_LINE) return name;
  const quoted = `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  return PRINTABLE.test(name) && quoted.length <= LONGEST_LINE ? quoted : encodeWords(name);
}

/** A domain in letters of its own in the form that every mail server knows (RFC 5891). */
function formatAddress(address: string): string {
  const at = address.lastIndexOf('@') + 1;
  return address.slice(0, at) + formatDomain(address.slice(at));
}

function formatDomain(domain: string): string {
  return PRINTABLE.test(domain) ? domain : domainToASCII(domain) || domain;
}

/** What stands on a header line, without the header's name. */
const LONGEST_LINE = 66;
/** In ASCII, and without what a reader would take for an encoded word. */
const PRINTABLE = /^(?!.*=\?)[ -~]+$/;
const FOLDABLE = /^(?!.*=\?)[!-~]{1,60}(?: [!-~]{1,60})*$/;

/** Plain words as they are, folded at their spaces; everything else as encoded words. */
function formatText(text: string): string {
  const line = toLine(text);
  if (!FOLDABLE.test(line)) return encodeWords(line);
  return Array.from(line.matchAll(/(.{1,66})(?: |$)/g), ([, part]) => part).join('\r\n ');
}

/** RFC 2047: encoded words, one on a line of at most 76 characters, each of whole characters (section 5, rule 3). */
function encodeWords(line: string): string {
  const bytes = Buffer.from(line);
  const words: string[] = [];
  for (let start = 0, end; start < bytes.length; start = end) {
    end = Math.min(start + WORD_BYTES, bytes.length);
    while (end < bytes.length && isContinuation(bytes[end])) end -= 1;
    words.push(`=?UTF-8?B?${bytes.toString('base64', start, end)}?=`);
  }
  return words.join('\r\n ');
}

/** 52 characters in base64, which leave room for the header's name. */
const WORD_BYTES = 39;

/** Of a character of several bytes, any but the first (RFC 3629, section 3). */
function isContinuation(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}

function toLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ');
}

/** Of a text with the line ends that mail has (RFC 2046, section 4.1.1). */
function encodeBase64(text: string): string {
  return breakLines(Buffer.from(endLines(text)).toString('base64'));
}
