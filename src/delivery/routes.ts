/**
 * The mail servers that this process sends by: those that administrators keep and have enabled, or the one of SMTP_URL while there is none.
 * What is kept is read again every few seconds. Which of them takes the next lease is chosen by their weights among those that are not
 * resting, have room and are within their limit; one of weight 0 stands in while no other takes letters. So weights hold while there is room:
 * where all are full, each gets as many as it takes, and none is held up for the sake of another's share.
 */
import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import { OPEN_GATE, type SmtpGate } from '../lib/smtp/smtp-options.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { listNodes } from '../nodes/nodes-store.js';
import { openRelay } from '../relays/open-relay.js';
import { listRelays } from '../relays/relay-store.js';
import { SMTP_URL_KEY, type RelaySettings } from '../relays/relay.js';
import type { Pacing } from './pacing.js';
import { clearRelayFault, readSlowings, saveRelayFault } from './relay-store.js';
import type { RelayFault } from './relay.js';
import { Route, type RouteSettings } from './route.js';
import { saveSlowing } from './slowing-store.js';
import { effectiveRate, FULL_SPEED, slowDown } from './slowing.js';

interface RoutesDeps {
  db: Database;
  log: Log;
  /** Opens the passwords of relays. */
  secret: string;
  smtp: SmtpServerAddress;
  /** The name of this process. */
  node: string;
  /** Open where left out. */
  gate?: SmtpGate;
}

const DEFAULT_CONNECTIONS = 8;
/** Letters. */
const CATCH_UP = 256;
const UNREADABLE = 'The stored password cannot be opened: the secret of this installation has changed.';
const UNREADABLE_MS = 60_000;
/** Where there is no relay at all at the moment. */
const LONGEST_REST_MS = 5 * 60_000;

export class Routes {
  readonly #deps: RoutesDeps;
  #routes = new Map<string, Route>();
  /** Those that are no longer used, and end their last letters. */
  readonly #leaving = new Set<Promise<void>>();
  /** What is remembered of mail servers, written one after another: the last word must stay the last. */
  #notes = Promise.resolve();
  /** When it was noted last of a relay that its password cannot be opened. */
  readonly #unreadable = new Map<string, number>();
  /** The furthest of those whose turn it was. */
  #turn = 0;
  #isClosed = false;

  constructor(deps: RoutesDeps) {
    this.#deps = deps;
  }

  get all(): Route[] {
    return [...this.#routes.values()];
  }

  /** Milliseconds until some relay takes letters again; 0 while one does. */
  get restMs(): number {
    return Math.min(LONGEST_REST_MS, ...this.all.map((route) => route.relay.restMs));
  }

  /** The one whose turn it is. */
  choose(): Route | undefined {
    return this.rank()[0];
  }

  /** Those that may be given a lease now, the one whose turn it is first. Nothing has been taken yet: see `Route.take`. */
  rank(): Route[] {
    const awake = this.all.filter((route) => !route.relay.isResting);
    const main = awake.filter((route) => route.weight > 0);
    // One that is only being tried again takes no letters yet.
    const isServed = main.some((route) => !route.relay.isFaulty);
    const candidates = (isServed ? main : awake).filter((route) => route.room > 0);
    // One that comes back, or is new, makes up for little of what it has missed.
    for (const route of candidates) route.turn = Math.max(route.turn, this.#turn - CATCH_UP / route.share);
    const ranked = candidates.toSorted((a, b) => a.turn - b.turn);
    this.#turn = Math.max(this.#turn, ranked[0]?.turn ?? 0);
    return ranked;
  }

  /** Reads again what administrators keep, and what was slowed. */
  async refresh(now: Date): Promise<void> {
    const { db } = this.#deps;
    const [relays, slowings, nodes] = await Promise.all([listRelays(db), readSlowings(db), listNodes(db)]);
    const workers = nodes.filter(({ isAlive, roles }) => isAlive && roles.includes('worker')).map(({ name }) => name);
    const wanted = relays.length > 0 ? this.#readSettings(relays, workers) : [this.#fallback()];
    if (this.#isClosed) return;
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, route] of this.#routes) if (!keys.has(key)) this.#dismiss(key, route);
    for (const settings of wanted) this.#keep(settings);
    for (const route of this.all) {
      const slowing = slowings.get(`relay:${route.key}`);
      route.slowedTo = (slowing && effectiveRate(slowing, now)) ?? null;
    }
  }

  /** Lets letters on the wire end within the limit. */
  async close(withinMs: number): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.all.map((route) => route.relay.close(withinMs)), ...this.#leaving]);
    await this.#notes;
  }

  #fallback(): RouteSettings {
    const { smtp } = this.#deps;
    const connections = smtp.connections ?? DEFAULT_CONNECTIONS;
    return { key: SMTP_URL_KEY, server: smtp, connections, weight: 1, limit: null };
  }

  /** One whose password cannot be opened is left out; its page says so. */
  #readSettings(relays: RelaySettings[], workers: string[]): RouteSettings[] {
    return relays.flatMap((relay): RouteSettings[] => {
      const opened = openRelay(relay, this.#deps.secret);
      if (!opened.ok) {
        this.#noteUnreadable(String(relay.id));
        return [];
      }
      const { lettersLimit: letters, limitSeconds: seconds, weight } = relay;
      const limit: Pacing | null = letters === null || seconds === null ? null : { letters, seconds };
      const connections = shareConnections(relay.connections, workers, this.#deps.node);
      return [{ key: String(relay.id), server: opened.server, connections, weight, limit }];
    });
  }

  #noteUnreadable(key: string): void {
    const now = performance.now();
    if (now - (this.#unreadable.get(key) ?? -Infinity) < UNREADABLE_MS) return;
    this.#unreadable.set(key, now);
    this.#note(() => saveRelayFault(this.#deps.db, key, UNREADABLE, UNREADABLE_MS));
  }

  #keep(settings: RouteSettings): void {
    const known = this.#routes.get(settings.key);
    if (known?.leadsTo(settings.server)) return known.adjust(settings);
    if (known) this.#dismiss(settings.key, known);
    const { key } = settings;
    const route: Route = new Route(settings, {
      gate: this.#deps.gate ?? OPEN_GATE,
      onFault: (fault) => this.#noteFault(route, fault),
      onRecovery: () => this.#note(() => clearRelayFault(this.#deps.db, key)),
    });
    this.#routes.set(key, route);
  }

  #dismiss(key: string, route: Route): void {
    this.#routes.delete(key);
    const leaving = route.relay.close().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }

  #noteFault(route: Route, { said, restMs, asksForPatience }: RelayFault): void {
    const { db, log } = this.#deps;
    const { key } = route;
    log.warn({ relay: key, fault: said, restMs }, 'the mail server failed; it is tried again later');
    this.#note(() => saveRelayFault(db, key, said, restMs));
    if (!asksForPatience) return;
    // Before the first lease has ended nobody knows how fast it was.
    const before = route.pace.rate > 0 ? Math.min(route.pace.rate * 60, FULL_SPEED) : FULL_SPEED;
    route.slowedTo = slowDown(route.slowedTo ?? before);
    const { slowedTo } = route;
    this.#note(() => saveSlowing(db, `relay:${key}`, slowedTo));
  }

  #note(save: () => Promise<void>): void {
    this.#notes = this.#notes
      .then(save)
      .catch((error: unknown) =>
        this.#deps.log.error({ err: error }, 'the state of the mail server could not be saved'),
      );
  }
}

/**
 * Which part of a relay's connections a worker has: together they have all of them and no more, so that of many workers some have none, and leave
 * this relay to the others. One that is not among the living, as it could not say so lately, counts as another one.
 */
function shareConnections(connections: number, workers: string[], node: string): number {
  const names = [...new Set([...workers, node])].toSorted();
  const hasOneMore = names.indexOf(node) < connections % names.length;
  return Math.floor(connections / names.length) + (hasOneMore ? 1 : 0);
}
