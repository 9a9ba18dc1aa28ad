// pure

export type TextPiece = { kind: 'text'; text: string } | { kind: 'link'; url: string };

const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\\^{}|\u0000-\u001f\u007f]+/gi;
/** What ends a sentence rather than an address. */
const TRAILING = '.,;:!?*_)]»”’…';

/** Finds the http and https addresses in a text; nothing else becomes a link. */
export function findLinks(text: string): TextPiece[] {
  const pieces: TextPiece[] = [];
  let end = 0;
  for (const { 0: match, index } of text.matchAll(ADDRESS)) {
    const url = withoutTrailing(match);
    if (!URL.canParse(url)) continue;
    if (index > end) pieces.push({ kind: 'text', text: text.slice(end, index) });
    pieces.push({ kind: 'link', url });
    end = index + url.length;
  }
  if (end < text.length) pieces.push({ kind: 'text', text: text.slice(end) });
  return pieces;
}

/** By hand: a pattern anchored at the end alone takes a time that grows with the square of a run of dots. */
function withoutTrailing(match: string): string {
  let length = match.length;
  while (length > 0 && TRAILING.includes(match.charAt(length - 1))) length -= 1;
  return match.slice(0, length);
}
