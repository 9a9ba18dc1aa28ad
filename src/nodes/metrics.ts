import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import { sumCounters } from '../delivery/delivery-store.js';
import { listRelayRests } from '../delivery/relay-rest-store.js';
import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { countMailingsByStatus } from '../mailings/oversight-mailing-store.js';
import type { Activity } from './activity.js';
import { isWorker, OUTCOMES, servesPages, type Sending } from './node.js';
import { listNodes } from './nodes-store.js';

/* What Prometheus reads: what this process does, and the state of the installation, which every process tells alike. */

export interface Metrics {
  /** What has to be shown to read them. */
  token: string;
  contentType: string;
  /** In Prometheus's text format. Without the database only what this process knows of itself. */
  read(): Promise<string>;
  observeRequest(request: ObservedRequest): void;
}

export interface ObservedRequest {
  method: string;
  /** The pattern, never the path: each label is kept for ever. */
  route: string;
  status: number;
  seconds: number;
}

interface MetricsDeps {
  db: Database;
  log: Log;
  activity: Activity;
  token: string;
}

/** Prometheus gives up after ten seconds unless it is told otherwise. */
const DATABASE_MS = 3_000;
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** One for each application: nothing is kept in the library's global registry. */
export function openMetrics({ db, log, activity, token }: MetricsDeps): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'vestnik_http_request_duration_seconds',
    help: 'How long requests took, by the pattern of their route',
    labelNames: ['method', 'route', 'status'],
    buckets: BUCKETS,
    registers: [registry],
  });
  const tellSending = registerSending(registry);
  const tellInstallation = registerInstallation(registry);
  return {
    token,
    contentType: registry.contentType,
    async read() {
      const installation = await readInstallation(db).catch((error: unknown) => {
        log.warn({ err: error }, 'the metrics are without those of the database');
        return undefined;
      });
      tellSending(activity.read());
      tellInstallation(installation);
      return registry.metrics();
    },
    observeRequest({ method, route, status, seconds }) {
      requests.observe({ method, route, status }, seconds);
    },
  };
}

function registerSending(registry: Registry): (sending: Sending) => void {
  const registers = [registry];
  const letters = new Counter({
    name: 'vestnik_letters_total',
    help: 'Attempts of this process, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const onTheWire = new Gauge({
    name: 'vestnik_letters_on_the_wire',
    help: 'Letters that this process has handed to a mail server and that are not answered yet',
    registers,
  });
  const connections = new Gauge({
    name: 'vestnik_smtp_connections',
    help: 'Connections of this process to mail servers',
    registers,
  });
  const mailings = new Gauge({
    name: 'vestnik_mailings_sending',
    help: 'Mailings that this process sends now',
    registers,
  });
  return (sending) => {
    letters.reset();
    for (const name of OUTCOMES) letters.inc({ outcome: OUTCOME_LABELS[name] }, sending.outcomes[name]);
    onTheWire.set(sending.onTheWire);
    connections.set(sending.connections);
    mailings.set(sending.mailings.length);
  };
}

/** As in the ledger. */
const OUTCOME_LABELS = {
  accepted: 'accepted',
  deferred: 'deferred',
  rejected: 'rejected',
  inDoubt: 'in_doubt',
} as const;

interface Installation {
  waiting: number;
  running: number;
  nodes: Record<'web' | 'worker', number>;
  relays: { key: string; isResting: boolean }[];
}

/** Undefined: not known; then nothing is told, rather than zero. */
function registerInstallation(registry: Registry): (installation: Installation | undefined) => void {
  const registers = [registry];
  const isUp = new Gauge({ name: 'vestnik_database_up', help: '1 while the database answers', registers });
  const waiting = new Gauge({
    name: 'vestnik_deliveries_waiting',
    help: 'Deliveries of the installation that are not settled',
    registers,
  });
  const running = new Gauge({
    name: 'vestnik_mailings_running',
    help: 'Mailings of the installation that are started and not finished',
    registers,
  });
  const nodes = new Gauge({
    name: 'vestnik_nodes_alive',
    help: 'Processes of the installation that are alive, by role',
    labelNames: ['role'],
    registers,
  });
  const resting = new Gauge({
    name: 'vestnik_relay_resting',
    help: '1 while a mail server is left alone after a fault',
    labelNames: ['relay'],
    registers,
  });
  return (installation) => {
    for (const gauge of [nodes, resting]) gauge.reset();
    isUp.set(installation ? 1 : 0);
    if (!installation) {
      waiting.remove();
      running.remove();
      return;
    }
    waiting.set(installation.waiting);
    running.set(installation.running);
    nodes.set({ role: 'web' }, installation.nodes.web);
    nodes.set({ role: 'worker' }, installation.nodes.worker);
    for (const { key, isResting } of installation.relays) resting.set({ relay: key }, isResting ? 1 : 0);
  };
}

async function readInstallation(db: Database): Promise<Installation> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(() => reject(new Error('the database did not answer in time')), DATABASE_MS);
  const read = Promise.all([
    sumCounters(db, 'everybody'),
    countMailingsByStatus(db),
    listNodes(db),
    listRelayRests(db),
  ]);
  try {
    const [{ waiting }, { running }, nodes, relays] = await Promise.race([read, tooLate]);
    const alive = nodes.filter(({ isAlive }) => isAlive);
    const count = { web: alive.filter(servesPages).length, worker: alive.filter(isWorker).length };
    return { waiting, running, nodes: count, relays };
  } finally {
    clearTimeout(limit);
  }
}
