import { describe, expect, it } from 'vitest';

import { LOCALES } from '../lib/i18n.js';
import * as letters from './account-letters.js';

const LINK = 'http://localhost:3000/recovery/new?token=abc&x="1"';
const baseUrl = 'http://localhost:3000';

type Write = (locale: 'ru' | 'en', to: string) => ReturnType<typeof letters.writeConfirmation>;

const explained = { baseUrl, reason: 'Жалобы: <b>7</b>' };
const mailing = { ...explained, subject: 'Скидки <b>', mailingId: 17 };

/** Every letter, and what its text has to hold beside the address. */
const WRITERS: Record<keyof typeof letters, [write: Write, holds: string[]]> = {
  writeConfirmation: [(locale, to) => letters.writeConfirmation(locale, to, LINK), [LINK]],
  writeExistingAccount: [(locale, to) => letters.writeExistingAccount(locale, to, LINK), [LINK]],
  writePasswordChanged: [(locale, to) => letters.writePasswordChanged(locale, to, LINK), [LINK]],
  writeRecovery: [(locale, to) => letters.writeRecovery(locale, to, LINK), [LINK]],
  writeUnfinishedAccount: [(locale, to) => letters.writeUnfinishedAccount(locale, to, LINK), [LINK]],
  writeFarewell: [(locale, to) => letters.writeFarewell(locale, to, LINK), [LINK]],
  writeEmailChange: [(locale, to) => letters.writeEmailChange(locale, to, LINK), [LINK]],
  writeEmailTaken: [(locale, to) => letters.writeEmailTaken(locale, to, { baseUrl }), [`${baseUrl}/recovery`]],
  writeEmailChangeAsked: [
    (locale, to) => letters.writeEmailChangeAsked(locale, to, { baseUrl, newEmail: 'new@example.com' }),
    [`${baseUrl}/recovery`, 'new@example.com'],
  ],
  writeEmailChanged: [
    (locale, to) => letters.writeEmailChanged(locale, to, { link: LINK, newEmail: 'new@example.com' }),
    [LINK, 'new@example.com'],
  ],
  writeInvitation: [
    (locale, to) => letters.writeInvitation(locale, to, { link: LINK, inviter: 'boss@example.com', role: 'manager' }),
    [LINK, 'boss@example.com'],
  ],
  writeBlocked: [(locale, to) => letters.writeBlocked(locale, to, explained), [explained.reason]],
  writeUnblocked: [(locale, to) => letters.writeUnblocked(locale, to, explained), [explained.reason]],
  writeMailingDisabled: [
    (locale, to) => letters.writeMailingDisabled(locale, to, mailing),
    [explained.reason, mailing.subject, `${baseUrl}/mailings/17`],
  ],
  writeMailingEnabled: [
    (locale, to) => letters.writeMailingEnabled(locale, to, { ...mailing, reason: null }),
    [mailing.subject, `${baseUrl}/mailings/17`],
  ],
  writeRelayFailing: [
    (locale, to) =>
      letters.writeRelayFailing(locale, to, { name: 'Main <1>', time: 'at noon', fault: '535 <no>', link: LINK }),
    ['Main <1>', 'at noon', '535 <no>', LINK],
  ],
  writeSecondFactorEnabled: [(locale, to) => letters.writeSecondFactorEnabled(locale, to, { baseUrl }), [baseUrl]],
  writeSecondFactorDisabled: [(locale, to) => letters.writeSecondFactorDisabled(locale, to, { baseUrl }), [baseUrl]],
};

describe.each(Object.entries(WRITERS))('%s', (_name, [write, holds]) => {
  it.each(LOCALES)('is complete in %s, as text and as HTML', (locale) => {
    const letter = write(locale, 'a&b@example.com');
    expect(letter.to).toBe('a&b@example.com');
    expect(letter.subject).toMatch(locale === 'ru' ? /^[А-Я][А-Яа-яё ]+$/ : /^[A-Z][A-Za-z ]+$/);
    for (const part of ['a&b@example.com', ...holds]) {
      expect(letter.text).toContain(part);
      expect(letter.html).toContain(escape(part));
    }
    expect(letter.html).toContain(`<html lang="${locale}">`);
    expect(letter.html).toContain('color-scheme');
    expect(letter.html).not.toContain('<b>');
    expect(`${letter.text}${letter.html}`).not.toMatch(/\{\{|accounts\.|undefined|null/);
  });
});

it('gives a reason as it was typed, and says nothing of one that is absent', () => {
  const blocked = (reason: string | null) => letters.writeBlocked('ru', 'a@example.com', { baseUrl, reason }).text;
  expect(blocked('$t(common.name) {{email}}')).toContain('Причина: $t(common.name) {{email}}');
  expect(blocked(null)).not.toContain('Причина');
});

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
