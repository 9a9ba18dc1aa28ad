import { sumCounters } from '../delivery/delivery-store.js';
import type { Database } from '../lib/database.js';
import { findSubjects } from '../mailings/oversight-mailing-store.js';
import { isWorker, sumSpeeds, type Node } from './node.js';
import { listNodes } from './nodes-store.js';

export interface Nodes {
  live: Node[];
  gone: Node[];
  totals: { lettersPerSecond: number; waiting: number; workers: number };
  /** Of the mailings that are being sent, by id. */
  subjects: Map<number, string>;
}

export async function readNodes(db: Database): Promise<Nodes> {
  const [nodes, { waiting }] = await Promise.all([listNodes(db), sumCounters(db, 'everybody')]);
  const live = nodes.filter(({ isAlive }) => isAlive);
  const sent = new Set(live.flatMap(({ activity }) => activity?.sending?.mailings ?? []));
  return {
    live,
    gone: nodes.filter(({ isAlive }) => !isAlive),
    totals: { lettersPerSecond: sumSpeeds(live), waiting, workers: live.filter(isWorker).length },
    subjects: await findSubjects(db, [...sent]),
  };
}
