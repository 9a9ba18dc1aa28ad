import { isAscii } from 'node:buffer';

/** A letter's content as it goes on the wire, up to and without the line with the final dot. */
export interface WireContent {
  content: string | Buffer;
  /** Octets before dot-stuffing, which is what SIZE counts (RFC 1870 5). */
  size: number;
  hasEightBit: boolean;
}

// A bare CR or LF ends a line for some servers and not for others; together with a dot it lets a letter smuggle in
// a second one. RFC 5321 2.3.8 forbids to send either.
const BARE_LINE_END = /\r(?!\n)|(?<!\r)\n/;
const BARE_LINE_ENDS = /\r\n|\r|\n/g;

/** Ends every line with CRLF, the last one too, and doubles the dot that begins a line (RFC 5321 4.5.2). */
export function prepareContent(data: string | Buffer): WireContent {
  return typeof data === 'string' ? prepareText(data) : prepareBytes(data);
}

function prepareText(data: string): WireContent {
  const text = endLines(data);
  const size = Buffer.byteLength(text);
  return { content: stuffDots(text), size, hasEightBit: size !== text.length };
}

function prepareBytes(data: Buffer): WireContent {
  const bytes = data.toString('latin1');
  const lines = endLines(bytes);
  const stuffed = stuffDots(lines);
  const content = stuffed === bytes ? data : Buffer.from(stuffed, 'latin1');
  return { content, size: lines.length, hasEightBit: !isAscii(data) };
}

function endLines(text: string): string {
  const lines = BARE_LINE_END.test(text) ? text.replace(BARE_LINE_ENDS, '\r\n') : text;
  return lines === '' || lines.endsWith('\r\n') ? lines : `${lines}\r\n`;
}

function stuffDots(text: string): string {
  const inner = text.includes('\r\n.') ? text.replaceAll('\r\n.', '\r\n..') : text;
  return inner.startsWith('.') ? `.${inner}` : inner;
}
