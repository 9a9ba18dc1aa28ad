import { hashPassword } from 'better-auth/crypto';

import type { Database } from '../lib/database.js';
import { parseForm, type Faults } from '../lib/form.js';
import type { Role } from '../lib/schema.js';
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
  const id = await db
    .transaction()
    .execute((trx) => insertUser(trx, { email, name, role, passwordHash, locale: null, timeZone: 'UTC' }));
  return id === undefined ? { ok: false, faults: { email: { key: 'userExists' } } } : { ok: true, id, email };
}
