import { describe, expect, it } from 'vitest';

import { parseForm } from '../lib/form.js';
import { signUpForm, toLocalPath } from './account.js';

const typed = { name: 'Anna', email: 'anna@example.com', password: 'seven green boats', time_zone: 'Europe/Moscow' };

function faultsOf(over: Record<string, string>) {
  const form = parseForm(signUpForm, { ...typed, ...over });
  return form.ok ? {} : form.faults;
}

describe('the registration form', () => {
  it('takes an ordinary registration, with the address in lower case and its domain in ASCII', () => {
    expect(parseForm(signUpForm, { ...typed, email: ' Anna@Müller.de ' })).toMatchObject({
      ok: true,
      values: { email: 'anna@xn--mller-kva.de', time_zone: 'Europe/Moscow' },
    });
  });

  it('drops fields that are not its own', () => {
    const form = parseForm(signUpForm, { ...typed, role: 'administrator', emailVerified: 'true' });
    expect(form.ok && Object.keys(form.values).toSorted()).toEqual(['email', 'name', 'password', 'time_zone']);
  });

  it.each(['', 'Mars/Olympus', '<script>'])('falls back to UTC for the time zone "%s"', (time_zone) => {
    expect(parseForm(signUpForm, { ...typed, time_zone })).toMatchObject({ ok: true, values: { time_zone: 'UTC' } });
  });

  it.each([
    ['name', '', 'required'],
    ['name', '   ', 'required'],
    ['name', 'Anna\r\nBcc: all@example.com', 'controlCharacter'],
    ['name', 'An\0na', 'controlCharacter'],
    ['name', 'я'.repeat(5000), 'tooLong'],
    ['email', '', 'required'],
    ['email', 'anna', 'email'],
    ['email', 'anna@example.com\nBcc: all@example.com', 'controlCharacter'],
    ['email', 'anna@example.com, boris@example.com', 'email'],
    ['password', '', 'passwordShort'],
    ['password', 'short', 'passwordShort'],
    ['password', 'x'.repeat(129), 'tooLong'],
    ['password', 'Password123', 'passwordCommon'],
    ['password', 'йцукенгшщз', 'passwordCommon'],
    ['password', 'Anna@example.com', 'passwordCommon'],
  ])('refuses %s "%.40s": %s', (field, value, key) => {
    expect(faultsOf({ [field]: value })).toMatchObject({ [field]: { key } });
  });

  it('tells how long a password must be', () => {
    expect(faultsOf({ password: 'short' })['password']).toEqual({ key: 'passwordShort', max: 10 });
  });

  it.each(['Анна 🌷', 'שָׁלוֹם ‮abc', '-- \'"<b>', 'я'.repeat(200)])('takes the name "%.20s"', (name) => {
    expect(faultsOf({ name })).toEqual({});
  });
});

describe('where a sign-in leads', () => {
  it.each(['/', '/mailings', '/mailings?search=a%20b&page=2', '/recipients/7#top'])('goes on to %s', (next) => {
    expect(toLocalPath(next)).toBe(next);
  });

  it.each([
    undefined,
    '',
    'mailings',
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    ' //evil.example',
    '/..//evil.example',
    '/.//evil.example',
    '/a/../..//evil.example',
    '///evil.example',
    '/\\/evil.example',
    'http:/evil.example',
    'http:evil.example',
    '/\u0000/evil.example',
    '\u2028//evil.example',
    'javascript:alert(1)',
    `/${'a'.repeat(3000)}`,
  ])('stays here for %j', (next) => {
    expect(toLocalPath(next)).toBe('/');
  });
});
