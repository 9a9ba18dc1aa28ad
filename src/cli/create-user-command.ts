import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { emailForm } from '../accounts/account.js';
import { createUser } from '../accounts/create-user.js';
import { findUserByEmail, type User } from '../accounts/user-store.js';
import { TERMINAL } from '../audit/audit.js';
import type { Database } from '../lib/database.js';
import { parseForm } from '../lib/form.js';
import type { Translate } from '../lib/i18n.js';
import type { Role } from '../lib/schema-accounts.js';
import { changeRole } from '../users/change-role.js';

interface CreateUserCommand {
  foundation: { db: Database };
  t: Translate;
  values: Record<string, string | undefined>;
}

const FIELDS = ['email', 'name', 'password'] as const;
const YES = new Set(['y', 'yes', 'д', 'да']);

type Terminal = ReturnType<typeof openTerminal>;

/**
 * Asks for what the options leave out; a wrong answer is said at its field. Returns the exit code. Where `csu` names somebody who is
 * a user already, it offers to raise that user: the way back in when no administrator can sign in.
 */
export async function createUserFromTerminal(command: CreateUserCommand, role: Role): Promise<number> {
  const terminal = openTerminal();
  try {
    const email = command.values['email'] ?? (await terminal.ask(command.t('cli.ask.email')));
    const known = role === 'administrator' ? await findLesserUser(command, email) : undefined;
    return known ? await offerRaise(command, terminal, known) : await createNew(command, terminal, { email, role });
  } finally {
    terminal.close();
  }
}

async function createNew(
  { foundation, t, values }: CreateUserCommand,
  terminal: Terminal,
  { email, role }: { email: string; role: Role },
): Promise<number> {
  const name = values['name'] ?? (await terminal.ask(t('cli.ask.name')));
  const password = values['password'] ?? (await terminal.ask(t('cli.ask.password'), true));
  const result = await createUser(foundation.db, { email, name, password, role });
  if (result.ok) {
    console.log(t(`cli.created.${role}`, { email: result.email }));
    return 0;
  }
  for (const field of FIELDS) {
    const fault = result.faults[field];
    if (fault) console.error(`${t(`cli.field.${field}`)}: ${t(`common.faults.${fault.key}`, { ...fault })}`);
  }
  return 1;
}

async function findLesserUser({ foundation }: CreateUserCommand, email: string): Promise<User | undefined> {
  const form = parseForm(emailForm, { email });
  const user = form.ok ? await findUserByEmail(foundation.db, form.values.email) : undefined;
  return user?.role === 'administrator' ? undefined : user;
}

/** Only the role changes: name and password stay the user's own. */
async function offerRaise({ foundation, t }: CreateUserCommand, terminal: Terminal, user: User): Promise<number> {
  const { id, email } = user;
  const answer = await terminal.ask(t('cli.raise.ask', { email, role: t(`users.roles.${user.role}`) }));
  if (!YES.has(answer.trim().toLowerCase())) {
    console.error(t('cli.raise.refused', { email }));
    return 1;
  }
  const result = await changeRole(foundation.db, TERMINAL, id, 'administrator');
  if (!result.ok) {
    console.error(t(`cli.raise.${result.fault === 'unconfirmed' ? 'unconfirmed' : 'blocked'}`, { email }));
    return 1;
  }
  console.log(t('cli.raise.done', { email }));
  return 0;
}

/** Questions on standard input; a hidden answer is not echoed. At the end of the input answers are empty. */
function openTerminal() {
  let isHidden = false;
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!isHidden) process.stdout.write(chunk);
      done();
    },
  });
  const reader = createInterface({ input: process.stdin, output, terminal: process.stdin.isTTY });
  // Lines are taken from one iterator: readline's question() loses those that are piped in ahead of it.
  const lines = reader[Symbol.asyncIterator]();
  return {
    async ask(question: string, hidden = false): Promise<string> {
      process.stdout.write(question);
      isHidden = hidden;
      const line = await lines.next();
      if (hidden) process.stdout.write('\n');
      isHidden = false;
      return line.done ? '' : line.value;
    },
    close: () => reader.close(),
  };
}
