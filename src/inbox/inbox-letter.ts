// pure
import PostalMime, { decodeWords, type Address, type Email } from 'postal-mime';

import type { StoredLetter } from './inbox.js';

/** A letter taken apart for its page. Whoever wrote it may have meant harm: nothing of it is trusted, and no form of it throws. */
export interface Letter {
  /** False where the source cannot be taken apart, for example with megabytes of headers: only the source shows it. */
  isReadable: boolean;
  from: string;
  to: string;
  /** As the header says, or what it says in place of a date; empty without one. */
  date: string;
  text: string | null;
  html: string | null;
  headers: { name: string; value: string }[];
  attachments: { name: string; type: string; size: number }[];
}

export async function readLetter({ source, sender, recipients }: StoredLetter): Promise<Letter> {
  const email = await PostalMime.parse(source).catch(() => null);
  if (!email) return { ...UNREADABLE, from: sender, to: recipients.join(', ') };
  return {
    isReadable: true,
    from: email.from ? formatAddress(email.from) : sender,
    to: email.to?.map(formatAddress).join(', ') || recipients.join(', '),
    date: email.date ?? '',
    text: email.text === undefined ? null : cleanLines(email.text),
    html: email.html ?? null,
    headers: email.headers.map(({ originalKey, value }) => ({
      name: originalKey,
      value: cleanLines(decodeWords(value)),
    })),
    attachments: email.attachments.map(toAttachment),
  };
}

/** The source as it came over the wire, as far as that can be shown as text; `limit` in bytes. */
export function showSource(source: Buffer, limit: number): string {
  return cleanLines(source.subarray(0, limit).toString('utf8'));
}

const UNREADABLE = { isReadable: false, date: '', text: null, html: null, headers: [], attachments: [] };

function formatAddress({ name, address, group }: Address): string {
  const inside = group ? group.map(formatAddress).join(', ') : address;
  const shown = name === '' || name === inside ? (inside ?? '') : `${name} <${inside}>`;
  return cleanLines(shown);
}

function toAttachment({ filename, mimeType, content }: Email['attachments'][number]) {
  const size = typeof content === 'string' ? content.length : content.byteLength;
  return { name: cleanLines(filename ?? ''), type: cleanLines(mimeType), size };
}

/** A control character that no page may hold becomes visible. */
function cleanLines(text: string): string {
  return text
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, '\ufffd')
    .toWellFormed();
}
