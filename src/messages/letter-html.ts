// pure

/* The HTML alternative of a letter, made of its text. It sets no colours, so that light and dark are the reader's own. */

const HEAD =
  '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">' +
  '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title></title></head>' +
  '<body style="margin:0;padding:0"><div style="max-width:600px;margin:0 auto;padding:24px 16px;' +
  'font:16px/1.5 -apple-system,BlinkMacSystemFont,\'Segoe UI\',Roboto,Arial,sans-serif;overflow-wrap:anywhere">\n';
const FOOT = '</div></body></html>\n';
const PARAGRAPH = '<p dir="auto" style="margin:0 0 16px">';

const SPECIAL = /[&<>"']/;
const SPECIALS = /[&<>"']/g;
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
// Over escaped text: a link ends before white space, a quotation mark or an angle bracket, which are entities there.
const LINK = /https?:\/\/(?:(?!&(?:lt|gt|quot|#39);)[^\s<>"'«»“”])+/gi;
const TRAILING = /(?:[.,:;!?…)\]}]|&amp;)+$/;

/** Empty lines part paragraphs, line breaks stay, and addresses with http(s) become links. */
export function textToHtml(text: string): string {
  const escaped = SPECIAL.test(text) ? text.replaceAll(SPECIALS, (character) => ENTITIES[character] ?? '') : text;
  const linked = escaped.includes('://') ? escaped.replaceAll(LINK, toLink) : escaped;
  const paragraphs = linked.trim().split(/\n[ \t]*(?:\n[ \t]*)+/);
  return `${HEAD}${paragraphs.map((paragraph) => `${PARAGRAPH}${paragraph.replaceAll('\n', '<br>\n')}</p>\n`).join('')}${FOOT}`;
}

/** What closes a sentence or a bracket around the link is no part of it; a bracket that the link itself opens is. */
function toLink(match: string): string {
  const trailing = TRAILING.exec(match)?.[0] ?? '';
  const closesOwn = trailing.startsWith(')') && match.includes('(');
  const cut = match.length - trailing.length + (closesOwn ? 1 : 0);
  const href = match.slice(0, cut);
  return /^https?:\/\/.*[\p{L}\p{N}]/iu.test(href) ? `<a href="${href}">${href}</a>${match.slice(cut)}` : match;
}
