/**
 * Live pages of running mailings. However many watch a mailing in this process, it is read once a tick, and rendered once for all who see
 * it alike (`LiveLook`); each page is sent the parts that it lacks. The hub works only while somebody watches: the first page begins it, the
 * last one to leave ends it, and no timer is left. A page is ended by the event `done` at the mailing's end, and by `gone` when its
 * session has ended or its user may not see the mailing any more, which is asked for all pages in one query every `sessionMs`: it then
 * loads itself again, and is answered like everybody. At a stop of the process streams just end: browsers come back by themselves.
 */
import { setTimeout as delay } from 'node:timers/promises';

import { ownersSeenBy } from '../accounts/permissions.js';
import { listSessionUsers } from '../accounts/session-store.js';
import type { RelayFault } from '../delivery/delivery.js';
import type { Clock } from '../lib/clock.js';
import type { Database } from '../lib/database.js';
import type { Log } from '../lib/log.js';
import type { SignedInUser } from '../ui/view.js';
import type { Speed } from './live-pace.js';
import { Picture } from './live-picture.js';
import { encodeEvent, HEARTBEAT, LiveStream } from './live-stream.js';
import { nameLook, viewOf, type LiveLook } from './live-view.js';
import { chooseInterval } from './look-interval.js';
import { renderParts } from './mailing-progress.js';
import { findMailing } from './mailing-store.js';
import type { Mailing } from './mailing.js';
import { readProgress, readRelayFault, type Progress } from './read-progress.js';
import { SpeedBook } from './speed-book.js';

interface LiveSettings {
  tickMs: number;
  sessionMs: number;
  heartbeatMs: number;
  /** Whose page has asked for nothing so long is broken off. */
  stallMs: number;
  mostPages: number;
  mostPagesOfUser: number;
}

const SETTINGS: LiveSettings = {
  tickMs: 750,
  sessionMs: 4000,
  heartbeatMs: 15_000,
  stallMs: 60_000,
  mostPages: 3000,
  mostPagesOfUser: 100,
};
/** So many are read at once: of the pool's connections the pages keep the others. */
const LANES = 2;

interface Visit {
  mailing: Pick<Mailing, 'id' | 'ownerId'>;
  userId: number;
  /** The session goes by it in the database. */
  sessionKey: string;
  look: LiveLook;
  /** Breaks the visitor's connection off. */
  abandon: () => void;
}

interface Page extends Visit {
  stream: LiveStream;
  watched: Watched;
  picture: Picture;
}

/** What all see who look alike. */
interface Seen {
  look: LiveLook;
  picture: Picture;
}

interface State {
  mailing: Mailing;
  progress: Progress;
  speed: Speed | null;
}

interface Watched {
  id: number;
  ownerId: number;
  pictures: Map<string, Seen>;
  /** Of the latest look at it. */
  state: State | undefined;
  /** On the clock of `performance.now`. */
  dueAt: number;
}

interface LiveDeps {
  /** One whose queries belong to no request. */
  db: Database;
  clock: Clock;
  log: Log;
}

export class LiveHub {
  readonly speeds = new SpeedBook();
  readonly #deps: LiveDeps;
  readonly #settings: LiveSettings;
  readonly #pages = new Set<Page>();
  readonly #watched = new Map<number, Watched>();
  #fault: { until: number; read: Promise<RelayFault | undefined> } | undefined;
  #running: Promise<void> | undefined;
  #sleep = new AbortController();
  #isClosed = false;
  #isFailing = false;

  constructor(deps: LiveDeps, settings: Partial<LiveSettings> = {}) {
    this.#deps = deps;
    this.#settings = { ...SETTINGS, ...settings };
  }

  /** How many pages are open. */
  get size(): number {
    return this.#pages.size;
  }

  /** False once nobody watches. */
  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** The events for one page; undefined where there are too many pages, which then have to ask by themselves. */
  open(visit: Visit): ReadableStream<Uint8Array> | undefined {
    const { mostPages, mostPagesOfUser } = this.#settings;
    const own = [...this.#pages].filter(({ userId }) => userId === visit.userId).length;
    if (this.#isClosed || this.#pages.size >= mostPages || own >= mostPagesOfUser) return undefined;
    const watched = this.#watch(visit);
    const { picture } = this.#pictureOf(watched, visit.look);
    const stream = new LiveStream({
      onReady: () => picture.bring(stream),
      onClosed: () => this.#leave(page),
      abandon: visit.abandon,
    });
    const page: Page = { ...visit, stream, watched, picture };
    this.#pages.add(page);
    picture.add(stream);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    this.#sleep.abort();
    return stream.readable;
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { stream } of this.#pages) stream.end();
    await this.#running;
  }

  #watch({ mailing: { id, ownerId } }: Visit): Watched {
    const known = this.#watched.get(id);
    if (known) return known;
    const watched: Watched = { id, ownerId, pictures: new Map(), state: undefined, dueAt: 0 };
    this.#watched.set(id, watched);
    return watched;
  }

  #pictureOf(watched: Watched, look: LiveLook) {
    const name = nameLook(look);
    const known = watched.pictures.get(name);
    if (known) return known;
    const made: Seen = { look, picture: new Picture() };
    watched.pictures.set(name, made);
    if (watched.state) this.#draw(watched, made, watched.state);
    return made;
  }

  #leave(page: Page): void {
    const { watched, picture, stream, look } = page;
    this.#pages.delete(page);
    picture.remove(stream);
    if (picture.size === 0) watched.pictures.delete(nameLook(look));
    if (watched.pictures.size === 0) this.#watched.delete(watched.id);
    if (this.#pages.size === 0) this.#sleep.abort();
  }

  async #run(): Promise<void> {
    const { sessionMs, heartbeatMs } = this.#settings;
    let sessionsAt = performance.now() + sessionMs;
    let beatAt = performance.now() + heartbeatMs;
    while (this.#pages.size > 0) {
      const now = performance.now();
      if (now >= beatAt) {
        this.#beat();
        beatAt = now + heartbeatMs;
      }
      if (now >= sessionsAt) {
        await this.#attempt(() => this.#checkSessions());
        sessionsAt = performance.now() + sessionMs;
      }
      await this.#refreshDue();
      await this.#sleepUntil(Math.min(beatAt, sessionsAt, ...[...this.#watched.values()].map(({ dueAt }) => dueAt)));
    }
  }

  /** Or until a page comes, or the last one goes. */
  async #sleepUntil(time: number): Promise<void> {
    if (this.#pages.size === 0) return;
    this.#sleep = new AbortController();
    await delay(Math.max(0, time - performance.now()), undefined, { signal: this.#sleep.signal }).catch(() => {});
  }

  async #refreshDue(): Promise<void> {
    const now = performance.now();
    const due = [...this.#watched.values()].filter(({ dueAt }) => dueAt <= now).toSorted((a, b) => a.dueAt - b.dueAt);
    const lane = async () => {
      for (let watched = due.shift(); watched; watched = due.shift()) await this.#refresh(watched);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
  }

  async #refresh(watched: Watched): Promise<void> {
    const begun = performance.now();
    await this.#attempt(() => this.#look(watched));
    const tookMs = performance.now() - begun;
    watched.dueAt = begun + chooseInterval({ tickMs: this.#settings.tickMs, tookMs, watched: this.#watched.size });
  }

  async #look(watched: Watched): Promise<void> {
    const { db, clock } = this.#deps;
    const { id, ownerId } = watched;
    const mailing = await findMailing(db, ownerId, id);
    if (!mailing || mailing.status === 'created') return this.#end(watched, 'gone');
    const relayFault = () => this.#readRelayFault();
    const progress = await readProgress(db, mailing, { before: watched.state?.progress, relayFault });
    const speed = progress.counters ? this.speeds.note(id, progress.counters, clock.now()) : null;
    const state = { mailing, progress, speed };
    watched.state = state;
    for (const seen of watched.pictures.values()) this.#draw(watched, seen, state);
    if (mailing.status === 'finished') this.#end(watched, 'done');
  }

  /** The same for all mailings: once a tick. */
  async #readRelayFault(): Promise<RelayFault | undefined> {
    const now = performance.now();
    if (!this.#fault || now >= this.#fault.until) {
      this.#fault = { until: now + this.#settings.tickMs, read: readRelayFault(this.#deps.db) };
    }
    return this.#fault.read;
  }

  #draw({ ownerId }: Watched, { look, picture }: Seen, { mailing, progress, speed }: State): void {
    const view = viewOf(look, ownerId, this.#deps.clock.now());
    picture.draw(renderParts({ view, mailing, ...progress, speed }));
  }

  #end(watched: Watched, event: 'done' | 'gone'): void {
    for (const page of this.#pages) if (page.watched === watched) this.#dismiss(page, event);
  }

  /** One that does not read would not read this either. */
  #dismiss({ stream }: Page, event: 'done' | 'gone'): void {
    if (stream.busyFor() > this.#settings.heartbeatMs) stream.abandon();
    else stream.end(encodeEvent(event));
  }

  async #checkSessions(): Promise<void> {
    const keys = new Set([...this.#pages].map(({ sessionKey }) => sessionKey));
    const users = await listSessionUsers(this.#deps.db, [...keys]);
    for (const page of this.#pages) {
      // What came meanwhile was let in by its own session just now.
      if (keys.has(page.sessionKey) && !maySee(users.get(page.sessionKey), page)) this.#dismiss(page, 'gone');
    }
  }

  #beat(): void {
    for (const { stream } of this.#pages) {
      if (stream.isReady) stream.send(HEARTBEAT);
      else if (stream.busyFor() > this.#settings.stallMs) stream.abandon();
    }
  }

  /** While the database is away pages keep what they show. */
  async #attempt(action: () => Promise<void>): Promise<void> {
    try {
      await action();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#deps.log.warn({ err: error }, 'live pages could not be refreshed');
      this.#isFailing = true;
    }
  }
}

/** Who has another role now sees another page. */
function maySee(user: Pick<SignedInUser, 'id' | 'role'> | undefined, { userId, look, watched }: Page): boolean {
  if (!user || user.id !== userId || user.role !== look.role) return false;
  const owners = ownersSeenBy(user);
  return owners === 'everybody' || owners === watched.ownerId;
}
