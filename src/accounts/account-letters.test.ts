import { describe, expect, it } from 'vitest';

import {
  writeConfirmation,
  writeExistingAccount,
  writePasswordChanged,
  writeRecovery,
  writeUnfinishedAccount,
} from './account-letters.js';

const WRITERS = {
  writeConfirmation,
  writeExistingAccount,
  writePasswordChanged,
  writeRecovery,
  writeUnfinishedAccount,
};
const LINK = 'http://localhost:3000/recovery/new?token=abc&x="1"';

describe.each(Object.entries(WRITERS))('%s', (_name, write) => {
  it.each(['ru', 'en'] as const)('is complete in %s, as text and as HTML', (locale) => {
    const letter = write(locale, 'a&b@example.com', LINK);
    expect(letter.to).toBe('a&b@example.com');
    expect(letter.subject).toMatch(locale === 'ru' ? /^[А-Я][а-яё ]+$/ : /^[A-Z][a-z ]+$/);
    expect(letter.text).toContain(LINK);
    expect(letter.text).toContain('a&b@example.com');
    expect(letter.html).toContain(`<html lang="${locale}">`);
    expect(letter.html).toContain('a&amp;b@example.com');
    expect(letter.html).toContain('token=abc&amp;x=&quot;1&quot;');
    expect(letter.html).toContain('color-scheme');
    expect(`${letter.text}${letter.html}`).not.toMatch(/\{\{|accounts\.letters|undefined/);
  });
});
