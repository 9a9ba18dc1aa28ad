import { hashPassword } from 'better-auth/crypto';

import { recordAudit } from '../audit/audit-store.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database, Transaction } from '../lib/database.js';
import { parseForm, type Faults } from '../lib/form.js';
import type { Role } from '../lib/schema-accounts.js';
import { signUpForm } from './account.js';
import { insertUser } from './user-store.js';

interface UserToCreate {
  email: string;
  name: string;
  password: string;
  role: Role;
}

/** The faults are keyed by `email`, `name` and `password`. */
export type CreateUserResult = { ok: true; id: number; email: string } | { ok: false; faults: Faults };

/** For the command line: nobody has to confirm the address. */
export async function createUser(db: Database, user: UserToCreate): Promise<CreateUserResult> {
  const { role, ...typed } = user;
  const form = parseForm(signUpForm, typed);
  if (!form.ok) return form;
  const { email, name, password } = form.values;
  const passwordHash = await hashPassword(password);
  const id = await db.transaction().execute(async (trx) => {
    const added = await insertUser(trx, { email, name, role, passwordHash, locale: null, timeZone: 'UTC' });
    if (added !== undefined) await recordCreation(trx, added, email, role);
    return added;
  });
  return id === undefined ? { ok: false, faults: { email: { key: 'userExists' } } } : { ok: true, id, email };
}

async function recordCreation(trx: Transaction, id: number, email: string, role: Role): Promise<void> {
  const subject = { type: 'user', id, name: email } as const;
  await recordAudit(trx, TERMINAL, { action: 'user.created', ownerId: id, subject, details: { role } });
}
