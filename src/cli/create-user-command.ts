import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';

import { createUser } from '../accounts/create-user.js';
import type { Database } from '../lib/database.js';
import type { Translate } from '../lib/i18n.js';
import type { Role } from '../lib/schema.js';

interface CreateUserCommand {
  foundation: { db: Database };
  t: Translate;
  values: Record<string, string | undefined>;
}

const FIELDS = ['email', 'name', 'password'] as const;
type Field = (typeof FIELDS)[number];

/** Asks for what the options leave out; a wrong answer is said at its field. Returns the exit code. */
export async function createUserFromTerminal(
  { foundation, t, values }: CreateUserCommand,
  role: Role,
): Promise<number> {
  const answers = await completeAnswers(t, values);
  const result = await createUser(foundation.db, { ...answers, role });
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

async function completeAnswers(
  t: Translate,
  values: Record<string, string | undefined>,
): Promise<Record<Field, string>> {
  const terminal = openTerminal();
  try {
    const answers = { email: '', name: '', password: '' };
    for (const field of FIELDS) {
      answers[field] = values[field] ?? (await terminal.ask(t(`cli.ask.${field}`), field === 'password'));
    }
    return answers;
  } finally {
    terminal.close();
  }
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
    async ask(question: string, hidden: boolean): Promise<string> {
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
