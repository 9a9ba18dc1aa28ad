import { expect, test } from 'vitest';

import { formatHost, parseDomain, parseHost } from './host.js';

test.each([
  ['mail.example.com', 'mail.example.com'],
  ['MAIL.Example.com.', 'mail.example.com'],
  ['почта.рф', 'xn--80a1acny.xn--p1ai'],
  ['localhost', 'localhost'],
  ['192.0.2.1', '192.0.2.1'],
  ['[2001:DB8::1]', '2001:db8::1'],
  ['::1', '::1'],
])('takes %s for the host %s', (text, host) => {
  expect(parseHost(text)).toBe(host);
});

test.each([
  '',
  'a b',
  'smtp://mail.example.com',
  'mail.example.com:587',
  'a/b',
  'user@host',
  '-a.example.com',
  'a..b',
  '::x',
  '[a]',
])('takes %j for no host', (text) => {
  expect(parseHost(text)).toBeUndefined();
});

test.each([
  ['Example.COM', 'example.com'],
  ['@gmail.com', 'gmail.com'],
  ['почта.рф', 'xn--80a1acny.xn--p1ai'],
  ['mail.ru.', 'mail.ru'],
])('takes %s for the domain %s', (text, domain) => {
  expect(parseDomain(text)).toBe(domain);
});

test.each([
  '',
  'localhost',
  'anna@example.com',
  '192.0.2.1',
  'a b.com',
  'http://a.com',
  '*.example.com',
  `${'a'.repeat(64)}.com`,
])('takes %j for no domain', (text) => {
  expect(parseDomain(text)).toBeUndefined();
});

test('sets an IPv6 address apart from its port', () => {
  expect([formatHost('::1'), formatHost('mail.example.com')]).toEqual(['[::1]', 'mail.example.com']);
});
