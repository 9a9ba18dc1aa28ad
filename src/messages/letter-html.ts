// pure

/* The HTML alternative of a letter, made of its text. It sets no colours, so that light and dark are the reader's own. */

const HEAD =
  '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">' +
  '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark"><title></title></head>' +
  '<body style="margin:0;padding:0"><div style="max-width:600px;margin:0 auto;padding:24px 16px;' +
  "font:16px/1.5 -apple-system,BlinkMacSystemFont,'Segoe UI',Roboto,Arial,sans-serif;overflow-wrap:anywhere\">\n";
const FOOT = '</div></body></html>\n';
const PARAGRAPH = '<p dir="auto" style="margin:0 0 16px">';

const SPECIAL = /[&<>"']/;
const SPECIALS = /[&<>"']/g;
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const LINKS = /https?:\/\/[^\s<>"'«»“”]+/gi;
const CLOSING = '.,:;!?…)]}';

/** Empty lines part paragraphs, line breaks stay, and addresses with http(s) become links. */
export function textToHtml(text: string): string {
  const marked = text.includes('://') ? markLinks(text) : escapeHtml(text);
  const paragraphs = marked.trim().split(/\n[^\S\n]*(?:\n[^\S\n]*)+/);
  let html = HEAD;
  for (const paragraph of paragraphs) html += `${PARAGRAPH}${paragraph.replaceAll('\n', '<br>\n')}</p>\n`;
  return html + FOOT;
}

function markLinks(text: string): string {
  let html = '';
  let end = 0;
  for (const { 0: match, index } of text.matchAll(LINKS)) {
    const href = withoutClosing(match);
    if (href.endsWith('//')) continue;
    const escaped = escapeHtml(href);
    html += `${escapeHtml(text.slice(end, index))}<a href="${escaped}">${escaped}</a>`;
    end = index + href.length;
  }
  return html + escapeHtml(text.slice(end));
}

/** What closes a sentence or a bracket around the link is no part of it; a bracket that the link itself opens is. */
function withoutClosing(match: string): string {
  let length = match.length;
  while (length > 0 && CLOSING.includes(match.charAt(length - 1))) length -= 1;
  return match.charAt(length) === ')' && match.includes('(') ? match.slice(0, length + 1) : match.slice(0, length);
}

export function escapeHtml(text: string): string {
  return SPECIAL.test(text) ? text.replaceAll(SPECIALS, (character) => ENTITIES[character] ?? '') : text;
}
