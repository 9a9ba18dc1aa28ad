import { expect, it } from 'vitest';

import { may, type Action } from './permissions.js';

const user = { id: 1, role: 'user' } as const;
const manager = { id: 2, role: 'manager' } as const;
const administrator = { id: 3, role: 'administrator' } as const;

/** For own things, then for somebody else's (or nobody's): user, manager, administrator. */
const TABLE: [Action, own: string, others: string][] = [
  ['things.see', 'yes yes yes', 'no yes yes'],
  ['things.change', 'yes yes yes', 'no no no'],
  ['things.delete', 'yes yes yes', 'no no no'],
  ['mailings.send', 'yes yes yes', 'no no no'],
  ['mailings.disable', 'no yes yes', 'no yes yes'],
  ['users.list', 'no yes yes', 'no yes yes'],
  ['users.block', 'no yes yes', 'no yes yes'],
  ['users.changeRole', 'no no yes', 'no no yes'],
  ['mailServers.manage', 'no no yes', 'no no yes'],
  ['inbox.read', 'no no yes', 'no no yes'],
];

it.each(TABLE)('lets do %s: own %s, others’ %s', (action, own, others) => {
  const roles = [user, manager, administrator];
  expect(roles.map((who) => (may(who, action, { ownerId: who.id }) ? 'yes' : 'no')).join(' ')).toBe(own);
  expect(roles.map((who) => (may(who, action, { ownerId: 99 }) ? 'yes' : 'no')).join(' ')).toBe(others);
  expect(roles.map((who) => (may(who, action) ? 'yes' : 'no')).join(' ')).toBe(others);
});

it.each(TABLE)('lets a visitor not do %s', (action) => {
  expect(may(null, action, { ownerId: 1 })).toBe(false);
});
