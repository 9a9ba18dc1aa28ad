/**
 * Statements that run for every few letters. To plan one of several parts takes PostgreSQL 1 ms and more, as long as it then works for 64
 * letters: with `PREPARED` at its beginning, a statement is parsed and planned once a connection (90 µs a letter became 43, with queue rows
 * in place of updates).
 */
import { createHash } from 'node:crypto';

import { sql } from 'kysely';
import { Client, type ClientConfig } from 'pg';

const MARK = '/* prepared */';

/** The first words of such a statement. Its text must always be the same: what varies are parameters. */
export const PREPARED = sql.raw(MARK);

/** A client that gives marked statements a name, by which PostgreSQL keeps their plan. */
export class PreparingClient extends Client {
  constructor(config?: string | ClientConfig) {
    super(config);
    const run = this.query.bind(this) as (...given: unknown[]) => unknown;
    const prepare = (statement: unknown, ...rest: unknown[]) =>
      typeof statement === 'string' && statement.startsWith(MARK)
        ? run({ name: nameOf(statement), text: statement, values: rest[0] })
        : run(statement, ...rest);
    this.query = prepare as typeof this.query;
  }
}

const names = new Map<string, string>();

function nameOf(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  const name = createHash('sha256').update(text).digest('base64url').slice(0, 24);
  names.set(text, name);
  return name;
}
