/** What must hold at the end of a run, whatever has befallen it. Empty where it does. */
import { sql } from 'kysely';

import { recountMailing } from '../../src/delivery/recount-store.js';
import { findImbalances } from '../../src/delivery/recount.js';
import type { Tally } from './blows.js';
import type { Owner, Scene } from './scene.js';

interface DeliveryFacts {
  address: string;
  state: string;
  accepted: number;
  inDoubt: number;
  /** What `delivery_marks` says, which keeps neither waiting nor accepted. */
  mark: string | null;
}

export async function findViolations(scene: Scene, tally: Tally): Promise<string[]> {
  const found: string[] = [...scene.complaints];
  for (const owner of scene.owners) found.push(...(await checkOwner(scene, tally, owner)));
  for (const { violations } of scene.servers) found.push(...violations.map((what) => `SMTP: ${what}`));
  const known = new Set(scene.owners.flatMap(({ addresses }) => addresses));
  for (const address of countAccepted(scene).keys()) if (!known.has(address)) found.push(`${address} is nobody`);
  return [...found, ...(await checkDoubts(scene, tally))];
}

async function checkOwner(scene: Scene, tally: Tally, owner: Owner): Promise<string[]> {
  const { db } = scene;
  const recount = await recountMailing(db, owner.mailingId);
  if (!recount) return ['the mailing is gone'];
  const found = findImbalances(recount).map((imbalance) => `books: ${JSON.stringify(imbalance)}`);
  const deliveries = await readDeliveries(scene, owner.mailingId);
  const listed = new Set(deliveries.map(({ address }) => address));
  for (const address of owner.addresses) {
    if (!listed.has(address) && !tally.deleted.has(address)) found.push(`${address} was never listed`);
  }
  const taken = countAccepted(scene);
  return [
    ...found,
    ...deliveries.flatMap((delivery) => checkDelivery(delivery, taken.get(delivery.address) ?? 0, tally)),
  ];
}

/** `taken`: how often a mail server accepted it. */
function checkDelivery(
  { address, state, accepted, inDoubt, mark }: DeliveryFacts,
  taken: number,
  tally: Tally,
): string[] {
  const found: string[] = [];
  const decisions = tally.decisions.get(address) ?? 0;
  if (state === 'waiting') found.push(`${address} still waits`);
  if (taken > 1 + decisions) found.push(`${address} was accepted ${taken} times, and sent again ${decisions} times`);
  if (taken < accepted) found.push(`${address} has ${accepted} accepted attempts; it was accepted ${taken} times`);
  if (taken > accepted + inDoubt)
    found.push(`${address} was accepted ${taken} times; attempts: ${accepted} accepted, ${inDoubt} in doubt`);
  const expected = state === 'waiting' || state === 'accepted' ? null : state;
  if (mark !== expected) found.push(`${address} is ${state}, and marked ${mark}`);
  return found;
}

function readDeliveries({ db }: Scene, mailingId: number): Promise<DeliveryFacts[]> {
  return sql<DeliveryFacts>`
    select d.address, d.state, m.state as mark, count(*) filter (where a.outcome = 'accepted')::int as accepted,
      count(*) filter (where a.outcome = 'in_doubt')::int as "inDoubt"
    from deliveries d left join attempts a on a.delivery_id = d.id left join delivery_marks m on m.delivery_id = d.id
    where d.mailing_id = ${mailingId} group by d.id, m.state`
    .execute(db)
    .then(({ rows }) => rows);
}

export function countAccepted({ servers }: Scene): Map<string, number> {
  const total = new Map<string, number>();
  for (const { counts } of servers) {
    for (const [address, count] of counts) total.set(address, (total.get(address) ?? 0) + count);
  }
  return total;
}

/** In doubt are at most the letters of leases that were lost, and what was on the wire of connections that were broken. */
async function checkDoubts(scene: Scene, tally: Tally): Promise<string[]> {
  const { owners, db, faults, lettersOnWire } = scene;
  const { rows } = await sql<{ count: number }>`
    select count(*)::int as count from attempts where outcome = 'in_doubt'
      and mailing_id = any(${owners.map(({ mailingId }) => mailingId)}::bigint[])`.execute(db);
  const count = rows[0]?.count ?? 0;
  const most = tally.lettersLost + faults.broken * lettersOnWire;
  return count > most ? [`${count} attempts are in doubt; at most ${most} letters were under way`] : [];
}
