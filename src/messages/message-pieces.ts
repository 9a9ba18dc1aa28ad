/**
 * A message taken apart once for all its letters: the pieces that are the same for everybody, as text and as HTML, and the values between
 * them. A value fits when it can change nothing but its own place: no paragraph, no link. Where one does not, the letter is rendered
 * as a whole (`renderMessage`), and `message-pieces.test.ts` holds the two against each other.
 */
import { escapeHtml, textToHtml } from './letter-html.js';
import { fillPart, type Part } from './plain-pattern.js';
import { MAX_TEXT_CHARACTERS, toCleanLines, type Addressee, type CompiledMessage } from './render-message.js';

export interface MessagePieces {
  /** One more than there are values for it. */
  text: string[];
  html: string[];
  /** The values of one recipient in their order; undefined when they do not fit. */
  read(addressee: Addressee): { text: string[]; html: string[] } | undefined;
}

/** Stand for the values while the HTML is made: characters that mean nothing to anybody (Unicode, section 23.5). */
const FIRST_MARK = 0xe000;
const MOST_MARKS = 0x1000;
const MARK = /[\u{e000}-\u{f8ff}]/u;
const MARKS = /[\u{e000}-\u{f8ff}]/gu;
/** With a value before it, this could become a link or another one. */
const OPEN_LINK = /[\u{e000}-\u{f8ff}][a-z]{0,5}:\/\//iu;

const FITS = /^[^\s\p{C}:/](?:[^\p{C}\p{Zl}\p{Zp}:/]*[^\s\p{C}:/])?$/u;
const FITS_IN_LINK = /^[\w-]+$/;

/** Undefined where the text has more than plain variables. */
export function toPieces({ body }: CompiledMessage): MessagePieces | undefined {
  if (body.kind !== 'plain') return undefined;
  const parts = body.pattern.parts;
  const places = parts.filter((part) => typeof part !== 'string');
  if (places.length > MOST_MARKS || parts.some((part) => typeof part === 'string' && !isUnmarked(part)))
    return undefined;
  const text = toCleanLines(markPlaces(parts));
  if (OPEN_LINK.test(text)) return undefined;
  const html = textToHtml(text);
  const inHtml = Array.from(html.matchAll(MARKS), ([mark]) => mark.charCodeAt(0) - FIRST_MARK);
  const rules = places.map((_, place) => (isOnce(inHtml, place) ? FITS : FITS_IN_LINK));
  const longest = MAX_TEXT_CHARACTERS - text.length;
  return {
    text: text.split(MARK),
    html: html.split(MARK),
    read(addressee) {
      const values = places.map((place) => fillPart(place, addressee));
      if (!values.every((value, place) => rules[place]?.test(value)) || sumLengths(values) > longest) return undefined;
      return { text: values, html: inHtml.map((place) => escapeHtml(values[place] ?? '')) };
    },
  };
}

function isUnmarked(text: string): boolean {
  return text.isWellFormed() && !MARK.test(text);
}

function markPlaces(parts: readonly Part[]): string {
  let mark = FIRST_MARK;
  return parts.map((part) => (typeof part === 'string' ? part : String.fromCharCode(mark++))).join('');
}

/** A value in a link stands there twice: in the address, and in the words. */
function isOnce(inHtml: number[], place: number): boolean {
  return inHtml.indexOf(place) === inHtml.lastIndexOf(place);
}

function sumLengths(values: string[]): number {
  return values.reduce((sum, { length }) => sum + length, 0);
}
