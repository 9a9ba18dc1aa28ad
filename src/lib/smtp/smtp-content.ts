import { isAscii } from 'node:buffer';

/** A letter's content with its lines ended, as BDAT takes it (RFC 3030); DATA takes it with its dots stuffed. */
export interface WireContent {
  content: string | Buffer;
  /** Octets, before dot-stuffing: what SIZE counts (RFC 1870 5), and BDAT. */
  size: number;
  hasEightBit: boolean;
}

// A bare CR or LF ends a line for some servers and not for others; together with a dot it lets a letter smuggle in
// a second one. RFC 5321 2.3.8 forbids to send either.
const BARE_LINE_END = /\r(?!\n)|(?<!\r)\n/;
const BARE_LINE_ENDS = /\r\n|\r|\n/g;

/** Ends every line with CRLF, the last one too. */
export function prepareContent(data: string | Buffer): WireContent {
  return typeof data === 'string' ? prepareText(data) : prepareBytes(data);
}

/** Doubles the dot that begins a line (RFC 5321 4.5.2). */
export function stuffDots(content: string | Buffer): string | Buffer {
  if (typeof content === 'string') return stuffText(content);
  const isRight = content[0] !== DOT && !content.includes('\r\n.');
  return isRight ? content : Buffer.from(stuffText(content.toString('latin1')), 'latin1');
}

const DOT = 0x2e;

function prepareText(data: string): WireContent {
  const content = endLines(data);
  const size = Buffer.byteLength(content);
  return { content, size, hasEightBit: size !== content.length };
}

function prepareBytes(data: Buffer): WireContent {
  const bytes = data.toString('latin1');
  const lines = endLines(bytes);
  const content = lines === bytes ? data : Buffer.from(lines, 'latin1');
  return { content, size: lines.length, hasEightBit: !isAscii(data) };
}

function endLines(text: string): string {
  const lines = BARE_LINE_END.test(text) ? text.replace(BARE_LINE_ENDS, '\r\n') : text;
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

function stuffText(text: string): string {
  const inner = text.includes('\r\n.') ? text.replaceAll('\r\n.', '\r\n..') : text;
  return inner.startsWith('.') ? `.${inner}` : inner;
}
