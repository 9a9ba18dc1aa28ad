import { describe, expect, it } from 'vitest';

import { findLinks } from './links.js';

function urls(text: string): string[] {
  return findLinks(text).flatMap((piece) => (piece.kind === 'link' ? [piece.url] : []));
}

describe('links in a text', () => {
  it('are http and https addresses without the end of the sentence', () => {
    expect(urls('See http://localhost:3000/confirmation?token=a_b-c.d, or (https://example.com/x).')).toEqual([
      'http://localhost:3000/confirmation?token=a_b-c.d',
      'https://example.com/x',
    ]);
    expect(urls('<https://пример.рф/страница>')).toEqual(['https://пример.рф/страница']);
  });

  it('are nothing else', () => {
    expect(urls('javascript:alert(1) data:text/html,x ftp://a file:///etc vbscript:x http:// https://')).toEqual([]);
    expect(urls('xhttp://example.com')).toEqual([]);
    expect(urls('https://example.com/"onclick="x')).toEqual(['https://example.com/']);
  });

  it('are found quickly in a letter that was made to take long', () => {
    const begun = performance.now();
    expect(urls(`http://a${'.'.repeat(400_000)}b`)).toHaveLength(1);
    expect(urls(`http://a${'.'.repeat(400_000)}`)).toEqual(['http://a']);
    expect(performance.now() - begun).toBeLessThan(2000);
  });

  it('lose nothing of the text', () => {
    const text = 'a http://b.example/c. d https://e.example';
    const joined = findLinks(text).map((piece) => (piece.kind === 'text' ? piece.text : piece.url));
    expect(joined.join('')).toBe(text);
    expect(findLinks('')).toEqual([]);
  });
});
