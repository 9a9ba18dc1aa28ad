import { expect, test } from 'vitest';

import { findClientAddress, isNetwork, trustProxies, toLimitKey } from './client-address.js';

const none = trustProxies([]);
const proxies = trustProxies(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);

test('believes nobody while no proxy is trusted', () => {
  expect(findClientAddress('203.0.113.7', '198.51.100.1', none)).toBe('203.0.113.7');
  expect(findClientAddress('127.0.0.1', '198.51.100.1', none)).toBe('127.0.0.1');
});

test('takes the address that the outermost trusted proxy saw', () => {
  expect(findClientAddress('127.0.0.1', '198.51.100.1', proxies)).toBe('198.51.100.1');
  expect(findClientAddress('127.0.0.1', '1.2.3.4, 198.51.100.1, 10.1.2.3', proxies)).toBe('198.51.100.1');
  expect(findClientAddress('fd00::1', '2001:db8::5', proxies)).toBe('2001:db8::5');
});

test('takes no word of a stranger who writes the header', () => {
  expect(findClientAddress('203.0.113.7', '10.0.0.1', proxies)).toBe('203.0.113.7');
});

test('stays with the peer where the header holds no address', () => {
  expect(findClientAddress('10.0.0.1', 'unknown', proxies)).toBe('10.0.0.1');
  expect(findClientAddress('10.0.0.1', '', proxies)).toBe('10.0.0.1');
  expect(findClientAddress('10.0.0.1', undefined, proxies)).toBe('10.0.0.1');
});

test('reads an IPv4 address out of its IPv6 form', () => {
  expect(findClientAddress('::ffff:203.0.113.7', undefined, none)).toBe('203.0.113.7');
  expect(findClientAddress('::ffff:127.0.0.1', '198.51.100.1', proxies)).toBe('198.51.100.1');
});

test.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/9', '10.0.0.0/-1', 'fd00::/129', '/8'])(
  'refuses %s as a proxy',
  (item) => {
    expect(isNetwork(item)).toBe(false);
  },
);

test.each([
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::6', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
])('counts %s as %s', (address, key) => {
  expect(toLimitKey(address)).toBe(key);
});
