// pure
import libmime from 'libmime';

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
export function composeLetter(head: LetterHead, content: LetterContent): string {
  const domain = head.from.address.split('@').at(-1) ?? 'localhost';
  const boundary = `=_${head.id}`;
  return [
    `From: ${formatMailbox(head.from)}`,
    `To: ${formatMailbox(content.to)}`,
    libmime.foldLines(`Subject: ${encodeText(content.subject)}`, 76),
    `Date: ${head.date.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${head.id}@${domain}>`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/alternative; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    encodeBase64(content.text),
    `--${boundary}`,
    'Content-Type: text/html; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    encodeBase64(content.html),
    `--${boundary}--`,
    '',
  ].join('\r\n');
}

/** Reads `Name <address>` or a bare address, as the setting MAIL_FROM has it. */
export function parseMailbox(text: string): LetterHead['from'] {
  const match = /^\s*"?(?<name>[^"<]*?)"?\s*<(?<address>[^<>\s]+)>\s*$/.exec(text);
  return { name: match?.groups?.['name'] ?? '', address: match?.groups?.['address'] ?? text.trim() };
}

function formatMailbox({ name, address }: { name: string; address: string }): string {
  if (name === '') return `<${address}>`;
  const phrase = /^[\w ]{1,60}$/.test(name) ? name : libmime.encodeWords(toLine(name), 'B', 52);
  // RFC 5322, section 3.2.4: what is neither an encoded word nor plain words is quoted.
  const safe = /^(?:[\w ]|=\?[^?]+\?[BbQq]\?[^?]*\?=)+$/.test(phrase) ? phrase : `"${phrase.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
  return libmime.foldLines(`${safe} <${address}>`, 76);
}

function encodeText(text: string): string {
  return libmime.encodeWords(toLine(text), 'B', 52);
}

function toLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, ' ');
}

/** Lines of 76 characters (RFC 2045, section 6.8), of a text with the line ends that mail has (RFC 2046, section 4.1.1). */
function encodeBase64(text: string): string {
  const encoded = Buffer.from(text.replaceAll(/\r?\n/g, '\r\n')).toString('base64');
  return encoded.replaceAll(/.{76}(?=.)/g, '$&\r\n');
}
