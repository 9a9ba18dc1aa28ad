import { isDeepStrictEqual } from 'node:util';

import type { SmtpGate } from '../lib/smtp/smtp-options.js';
import type { SmtpServerAddress } from '../lib/smtp/smtp-url.js';
import { Pace } from './pace.js';
import type { Pacing } from './pacing.js';
import { Relay, type RelayEvents } from './relay.js';
import { tighter } from './slowing.js';

export interface RouteSettings {
  /** As in relay_states. */
  key: string;
  server: SmtpServerAddress;
  /** How many this process may have; 0 where there are more processes than connections. */
  connections: number;
  weight: number;
  limit: Pacing | null;
}

/** How long a letter that tries a faulty relay holds back the next one, when it is not answered: others may hang with it for minutes. */
const PROBE_MS = 60_000;

/** A mail server with what this process knows of its load: how many letters are under way to it, and how many more it may be given. */
export class Route {
  readonly key: string;
  readonly relay: Relay;
  readonly pace: Pace;
  weight: number;
  /** How many letters it was given, by its share: whose turn it is has the least. */
  turn = 0;
  /** Letters a minute while it is slowed down. */
  slowedTo: number | null = null;
  /** On the clock that is never set: until then its limit is used up. */
  fullUntil = 0;
  #connections: number;
  #limit: Pacing | null;
  #underWay = 0;
  #nextProbeAt = 0;
  readonly #server: SmtpServerAddress;

  constructor({ key, server, connections, weight, limit }: RouteSettings, context: RelayEvents & { gate: SmtpGate }) {
    this.key = key;
    this.#server = server;
    this.weight = weight;
    this.#limit = limit;
    this.#connections = connections;
    this.pace = new Pace(connections);
    this.relay = new Relay({ ...server, connections, ...context });
  }

  /** Whether it is the very same server, by the same login. */
  leadsTo(server: SmtpServerAddress): boolean {
    return isDeepStrictEqual({ ...server, connections: null }, { ...this.#server, connections: null });
  }

  adjust({ connections, weight, limit }: RouteSettings): void {
    // A limit that was changed holds at once, though the one before it was used up for a day.
    if (!isDeepStrictEqual(limit, this.#limit)) this.fullUntil = 0;
    this.weight = weight;
    this.#limit = limit;
    this.#connections = connections;
    this.pace.connections = connections;
    this.relay.connections = connections;
  }

  /** Beside the others; among those of weight 0 all are equal. */
  get share(): number {
    return Math.max(1, this.weight);
  }

  /** What holds for it at present: its own limit, or what it was slowed down to. */
  get pacing(): Pacing | null {
    return tighter(this.#limit, this.slowedTo);
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** How many letters may be claimed for it now. While faults last, one at a time tries whether it is back. */
  get room(): number {
    if (this.#connections === 0 || performance.now() < this.fullUntil) return 0;
    if (this.relay.isFaulty) return performance.now() >= this.#nextProbeAt ? 1 : 0;
    const { lease, capacity } = this.pace;
    return this.#underWay + lease <= capacity ? lease : 0;
  }

  /** Whether they are the ones that try a faulty relay: `giveUp` or `leave` is told. */
  take(letters: number): boolean {
    this.#underWay += letters;
    this.turn += letters / this.share;
    const isProbe = this.relay.isFaulty;
    if (isProbe) this.#nextProbeAt = performance.now() + PROBE_MS;
    return isProbe;
  }

  /** What was taken, and not claimed in the end, is no turn. */
  giveUp(letters: number, isProbe = false): void {
    this.turn -= letters / this.share;
    this.leave(letters, isProbe && letters > 0);
  }

  /** What was under way before the relay failed, and ends now, says nothing of the letter that tries it. */
  leave(letters: number, isProbe = false): void {
    this.#underWay -= letters;
    if (isProbe) this.#nextProbeAt = 0;
  }
}
