/* What the journal of attempts is narrowed to, as conditions on the table `attempts`. */
import { sql, type RawBuilder, type SqlBool } from 'kysely';

import { outcomesOf, type AttemptFilter } from './attempt-journal.js';

/** Every condition of the filter, for rows that are at hand. */
export function matches(filter: AttemptFilter): RawBuilder<SqlBool> {
  const { address, reply, code, relay, from, until } = filter;
  const conditions = [
    hasOutcome(filter),
    address?.kind === 'beginning' ? sql`lower(attempts.address) like ${`${escapeLike(address.text)}%`}` : undefined,
    address?.kind === 'domain' ? sql`lower(attempts.address) like ${`%@${escapeLike(address.text)}`}` : undefined,
    reply === '' ? undefined : holds(sql`attempts.reply`, reply),
    relay === '' ? undefined : holds(sql`attempts.relay`, relay),
    code?.kind === 'reply' ? sql`attempts.reply_code = ${code.code}::smallint` : undefined,
    code?.kind === 'enhanced' ? sql`attempts.enhanced_code = ${code.code}` : undefined,
    from ? sql`attempts.started_at >= ${from}` : undefined,
    until ? sql`attempts.started_at < ${until}` : undefined,
  ].filter((condition) => condition !== undefined);
  return sql<SqlBool>`(${sql.join(conditions, sql` and `)})`;
}

/** What is not accepted says so in the words of the partial indexes. */
function hasOutcome(filter: AttemptFilter): RawBuilder<SqlBool> {
  const outcomes = outcomesOf(filter);
  if (outcomes.includes('accepted')) {
    return outcomes.length > 1 ? sql<SqlBool>`true` : sql<SqlBool>`attempts.outcome = 'accepted'`;
  }
  const isUnsuccessful = sql<SqlBool>`attempts.outcome <> 'accepted'`;
  if (outcomes.length > 1) return isUnsuccessful;
  // None: an accepted attempt with a code that no accepted one has.
  if (outcomes[0] === undefined) return sql<SqlBool>`false`;
  return sql<SqlBool>`(${isUnsuccessful} and attempts.outcome = ${outcomes[0]}::attempt_outcome)`;
}

export function isUnsuccessfulOnly(filter: AttemptFilter): boolean {
  return !outcomesOf(filter).includes('accepted');
}

function holds(column: RawBuilder<unknown>, text: string) {
  return sql`lower(${column}) like ${`%${escapeLike(text)}%`}`;
}

function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, String.raw`\$&`);
}
