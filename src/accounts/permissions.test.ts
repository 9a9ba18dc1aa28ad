import { expect, it } from 'vitest';

import type { Role } from '../lib/schema-accounts.js';
import { may, ownersSeenBy, type Action } from './permissions.js';

const user = { id: 1, role: 'user' } as const;
const manager = { id: 2, role: 'manager' } as const;
const administrator = { id: 3, role: 'administrator' } as const;

/** For own things, then for somebody else's (or nobody's): user, manager, administrator. */
const TABLE: [Action, own: string, others: string][] = [
  ['things.see', 'yes yes yes', 'no yes yes'],
  ['things.create', 'yes yes yes', 'yes yes yes'],
  ['things.change', 'yes yes yes', 'no no no'],
  ['things.delete', 'yes yes yes', 'no no no'],
  ['mailings.send', 'yes yes yes', 'no no no'],
  ['mailings.disable', 'no yes yes', 'no yes yes'],
  ['mailings.enable', 'no no yes', 'no yes yes'],
  ['oversight.see', 'no yes yes', 'no yes yes'],
  ['audit.see', 'no yes yes', 'no yes yes'],
  ['users.see', 'no yes yes', 'no yes yes'],
  ['users.changeRole', 'no no yes', 'no no yes'],
  ['users.removeSecondFactor', 'no no yes', 'no no yes'],
  ['users.invite', 'no no yes', 'no no yes'],
  ['registration.change', 'no no yes', 'no no yes'],
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

it('lets a manager block users, an administrator everybody else, and nobody themselves', () => {
  const mayBlock = (who: { id: number; role: Role }, whom: { id: number; role: Role }) => may(who, 'users.block', whom);
  const others = [
    { id: 11, role: 'user' },
    { id: 12, role: 'manager' },
    { id: 13, role: 'administrator' },
  ] as const;
  expect(others.map((other) => mayBlock(user, other))).toEqual([false, false, false]);
  expect(others.map((other) => mayBlock(manager, other))).toEqual([true, false, false]);
  expect(others.map((other) => mayBlock(administrator, other))).toEqual([true, true, true]);
  expect([user, manager, administrator].map((who) => mayBlock(who, who))).toEqual([false, false, false]);
});

it('lets an administrator change everybody’s role but their own', () => {
  const others = [user, manager, { id: 13, role: 'administrator' } as const];
  expect(others.map((other) => may(administrator, 'users.changeRole', other))).toEqual([true, true, true]);
  expect(may(administrator, 'users.changeRole', administrator)).toBe(false);
  expect(may(manager, 'users.changeRole', user)).toBe(false);
});

it('shows a user their own things and a manager everybody’s', () => {
  expect([user, manager, administrator].map(ownersSeenBy)).toEqual([1, 'everybody', 'everybody']);
});
