import { expect, test } from 'vitest';

import { openSealed, seal } from './seal.js';

const SECRET = 'a secret of the tests, long enough';
const CONTEXT = 'relay mail.example.com robot';
const UNREADABLE = { ok: false, fault: 'unreadable' };

test.each(['', 'geheim/Wort+1', 'пароль «с кавычками»', ' spaces at both ends ', 'x'.repeat(8000)])(
  'opens what it has sealed: %j',
  (text) => {
    expect(openSealed(SECRET, CONTEXT, seal(SECRET, CONTEXT, text))).toEqual({ ok: true, text });
  },
);

test('shows nothing of the text, and seals it differently every time', () => {
  const sealed = [1, 2, 3].map(() => seal(SECRET, CONTEXT, 'geheim'));
  expect(new Set(sealed).size).toBe(3);
  for (const text of sealed) {
    expect(text).toMatch(/^v1\.[\w-]+$/);
    expect(Buffer.from(text.slice(3), 'base64url').includes('geheim')).toBe(false);
  }
});

test('opens nothing with another secret, or beside another host', () => {
  const sealed = seal(SECRET, CONTEXT, 'geheim');
  expect(openSealed(`${SECRET}!`, CONTEXT, sealed)).toEqual(UNREADABLE);
  expect(openSealed(SECRET, 'relay evil.example.com robot', sealed)).toEqual(UNREADABLE);
});

test('opens nothing that was changed, wherever', () => {
  const sealed = seal(SECRET, CONTEXT, 'geheim');
  const bytes = Buffer.from(sealed.slice(3), 'base64url');
  for (let index = 0; index < bytes.length; index += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8((changed.readUInt8(index) + 1) % 256, index);
    expect(openSealed(SECRET, CONTEXT, `v1.${changed.toString('base64url')}`)).toEqual(UNREADABLE);
  }
});

test.each([
  '',
  'v1',
  'v1.',
  'v1.abc',
  'v2.',
  'geheim',
  'v1.a.b',
  '….…',
  `v1.${'A'.repeat(37)}`,
  `v1.${'A'.repeat(40)}`,
])('says of %j that it cannot be opened, and does not fail', (text) => {
  expect(openSealed(SECRET, CONTEXT, text)).toEqual(UNREADABLE);
});

test('does not open another form than it knows', () => {
  expect(openSealed(SECRET, CONTEXT, seal(SECRET, CONTEXT, 'geheim').replace('v1', 'v2'))).toEqual(UNREADABLE);
});
