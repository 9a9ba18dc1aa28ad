// pure
import { decodeWords } from 'postal-mime';

/** A letter as it is stored: thousands arrive in a second, so only its headers are read, and of these only three. */
export interface ArrivingLetter {
  sender: string;
  recipients: string[];
  subject: string;
  /** What a letter of the service itself is for; null for a mailing's letters, which cannot set headers. */
  purpose: string | null;
  source: Buffer;
  searchText: string;
}

interface Envelope {
  sender: string;
  recipients: string[];
}

const PURPOSE_HEADER = 'X-Vestnik-Purpose';

const MAX_HEADER_BYTES = 64 * 1024;
const MAX_TEXT = 1000;
const MAX_RECIPIENTS = 1000;

// "^" with the flag m would also match after U+2028, which a subject can hold: then it could set headers.
const SUBJECT = /(?:^|\n)subject:([^\n]*(?:\n[ \t][^\n]*)*)/i;
const FROM = /(?:^|\n)from:([^\n]*(?:\n[ \t][^\n]*)*)/i;
const PURPOSE = new RegExp(`(?:^|\\n)${PURPOSE_HEADER}:[ \\t]*([a-z][a-z_-]{0,39})[ \\t]*(?:\\r?\\n|$)`, 'i');

export function readArrivingLetter(envelope: Envelope, source: Buffer): ArrivingLetter {
  const headers = readHeaderBlock(source);
  const sender = cleanText(envelope.sender);
  const recipients = envelope.recipients.slice(0, MAX_RECIPIENTS).map(cleanText);
  const subject = readText(headers, SUBJECT);
  const from = readText(headers, FROM);
  const searchText = ` ${recipients.join(' ')} ${subject} ${from} ${sender}`.toLowerCase();
  return {
    sender,
    recipients,
    subject,
    purpose: PURPOSE.exec(headers)?.[1]?.toLowerCase() ?? null,
    source,
    searchText,
  };
}

/** What stands before the first empty line (RFC 5322, section 2.1). */
function readHeaderBlock(source: Buffer): string {
  const head = source.subarray(0, MAX_HEADER_BYTES);
  if (head[0] === 0x0a || (head[0] === 0x0d && head[1] === 0x0a)) return '';
  const end = head.indexOf('\r\n\r\n');
  const block = (end === -1 ? head : head.subarray(0, end)).toString('utf8');
  const bareEnd = block.indexOf('\n\n');
  return bareEnd === -1 ? block : block.slice(0, bareEnd);
}

function readText(headers: string, header: RegExp): string {
  const raw =
    header
      .exec(headers)?.[1]
      ?.slice(0, 10 * MAX_TEXT)
      .replaceAll(/\r?\n/g, '') ?? '';
  return cleanText(raw.includes('=?') ? decodeWords(raw) : raw);
}

/** One line without control characters; PostgreSQL stores no NUL at all. */
function cleanText(text: string): string {
  return text
    .replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
    .trim()
    .slice(0, MAX_TEXT)
    .toWellFormed();
}
