import type { DBAdapter, DBTransactionAdapter, Where } from 'better-auth';

import { hashSessionToken } from './session-store.js';

/*
 * Better-auth writes a session's token as it is. This stands between it and its adapter: what goes into the table `sessions`, or is
 * looked for there, is the hash. Better-auth itself sees the token that it knows already, and never gets another one.
 */

export function hashSessionTokens(adapter: DBAdapter): DBAdapter {
  return { ...wrap(adapter), transaction: (task) => adapter.transaction((trx) => task(wrap(trx))) };
}

function wrap(adapter: DBTransactionAdapter): DBTransactionAdapter {
  return {
    ...adapter,
    create: async (query) => showToken(await adapter.create(hash(query)), readTokens(query)),
    findOne: async (query) => showToken(await adapter.findOne(hash(query)), readTokens(query)),
    findMany: async (query) => {
      const rows = await adapter.findMany<never>(hash(query));
      return rows.map((row) => showToken(row, readTokens(query)));
    },
    update: async (query) => showToken(await adapter.update(hash(query)), readTokens(query)),
    consumeOne: async (query) => showToken(await adapter.consumeOne(hash(query)), readTokens(query)),
    count: (query) => adapter.count(hash(query)),
    updateMany: (query) => adapter.updateMany(hash(query)),
    delete: (query) => adapter.delete(hash(query)),
    deleteMany: (query) => adapter.deleteMany(hash(query)),
  };
}

interface Query {
  model: string;
  where?: Where[] | undefined;
  data?: object;
}

function hash<Q extends Query>(query: Q): Q {
  if (query.model !== 'session') return query;
  const { where, data } = query;
  return {
    ...query,
    ...(where && { where: where.map(hashTerm) }),
    ...(data && 'token' in data && { data: { ...data, token: hashSessionToken(String(data.token)) } }),
  };
}

function hashTerm(term: Where): Where {
  return term.field === 'token' ? { ...term, value: hashAll(term.value) } : term;
}

function hashAll(value: Where['value']): Where['value'] {
  return Array.isArray(value) ? value.map((token) => hashSessionToken(String(token))) : hashSessionToken(String(value));
}

/** The tokens that the query itself names. */
function readTokens({ model, where = [], data }: Query): string[] {
  if (model !== 'session') return [];
  const sought = where.filter(({ field }) => field === 'token').flatMap(({ value }) => value as string | string[]);
  return data && 'token' in data ? [...sought, String(data.token)] : sought;
}

function showToken<R>(row: R, tokens: string[]): R {
  if (typeof row !== 'object' || row === null || !('token' in row)) return row;
  const token = tokens.find((known) => hashSessionToken(known) === row.token);
  return token === undefined ? row : { ...row, token };
}
