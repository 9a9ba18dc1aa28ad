import PostalMime from 'postal-mime';

import { TERMINAL } from '../../../src/audit/audit.js';
import { readCounters } from '../../../src/delivery/delivery-store.js';
import type { Counters } from '../../../src/delivery/delivery.js';
import type { Attributes } from '../../../src/lib/schema-delivery.js';
import { startMailing } from '../../../src/mailings/start-mailing.js';
import { createTestDatabase } from '../database.js';
import { eventually } from '../eventually.js';
import { addMailing, addUser } from '../fixtures.js';
import { startDeliveryWorker } from '../sending.js';
import type { ArrivedLetter } from './mail-server.js';

export interface Addressee {
  email: string;
  name?: string;
  attributes?: Attributes;
}

interface RealSendingOptions {
  subject?: string;
  body?: string;
  retryMinutes?: number[];
}

export type RealSending = Awaited<ReturnType<typeof sendMailing>>;

/** Starts a mailing to these people, and a worker that sends it to the mail server at this URL. */
export async function sendMailing(url: string, addressees: Addressee[], options: RealSendingOptions = {}) {
  const { subject = 'Hello', body = 'Dear {{ name }}!', ...rules } = options;
  const database = await createTestDatabase();
  const { db } = database;
  const ownerId = await addUser(db);
  const rows = addressees.map(({ email, name = 'Customer', attributes = {} }) => ({
    owner_id: ownerId,
    email,
    name,
    attributes: JSON.stringify(attributes),
  }));
  await db.insertInto('recipients').values(rows).execute();
  const mailingId = await addMailing(db, ownerId);
  await db.updateTable('messages').set({ subject, body }).execute();
  const counters = async (): Promise<Counters | undefined> =>
    (await readCounters(db, ownerId, [mailingId])).get(mailingId);
  const mailing = () =>
    db.selectFrom('mailings').select(['status', 'pause_reason', 'paused_at']).executeTakeFirstOrThrow();
  const worker = startDeliveryWorker(db, url, rules);
  await startMailing(db, TERMINAL, ownerId, mailingId, new Date());
  return {
    counters,
    mailing,
    finished: (withinMs?: number) =>
      eventually(
        'the mailing is finished',
        async () => (await mailing()).status === 'finished' && counters(),
        withinMs,
      ),
    /** The addresses in a state, in order. */
    async listAddresses(state: 'waiting' | 'accepted' | 'rejected' | 'in_doubt') {
      const found = await db.selectFrom('deliveries').select('address').where('state', '=', state).execute();
      return found.map(({ address }) => address).toSorted();
    },
    attemptsAt: (address: string) =>
      db
        .selectFrom('attempts')
        .select(['outcome', 'stage', 'reply_code as code', 'enhanced_code as enhancedCode', 'reply'])
        .where('address', '=', address)
        .orderBy('id')
        .execute(),
    /** What is remembered of the mail server. */
    fault: async () => (await db.selectFrom('relay_states').select('fault').executeTakeFirst())?.fault ?? null,
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await database.close();
    },
  };
}

/** What the owner of the mailbox sees. */
export async function readLetter({ mailbox, source }: ArrivedLetter) {
  const { subject = '', text = '', html = '', to } = await PostalMime.parse(source);
  return { mailbox, subject, text, html, to: to?.map(({ name }) => name) };
}

/** What follows the headers, with the line ends of a file. */
export function readBody({ source }: ArrivedLetter): string {
  const text = source.toString();
  return text.slice(text.indexOf('\n\n') + 2);
}
