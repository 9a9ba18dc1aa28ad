import type { Database } from '../lib/database.js';
import { isWorker, servesPages, sumSpeeds } from '../nodes/node.js';
import { listNodes } from '../nodes/nodes-store.js';
import { readRelayOverview } from '../relays/read-relays.js';
import type { Machinery } from './machinery.js';

/** Read anew each time: neither raises a data version. */
export async function readMachinery(db: Database, secret: string, now: Date): Promise<Machinery> {
  const [{ relays, smtpUrl }, nodes] = await Promise.all([readRelayOverview({ db, secret }, now), listNodes(db)]);
  const live = nodes.filter(({ isAlive }) => isAlive);
  const shown = relays.map(({ relay: { id, name }, condition }) => ({
    name,
    href: `/oversight/relays/${id}`,
    condition,
  }));
  const hasEnabled = relays.some(({ relay }) => relay.isEnabled);
  return {
    // By SMTP_URL, or into the built-in inbox, goes what no relay takes.
    relays: hasEnabled ? shown : [...shown, { name: null, href: '/oversight/relays', condition: smtpUrl }],
    nodes: {
      pages: live.filter(servesPages).length,
      workers: live.filter(isWorker).length,
      gone: nodes.length - live.length,
      lettersPerSecond: sumSpeeds(live),
    },
  };
}
