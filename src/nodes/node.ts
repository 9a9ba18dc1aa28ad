// pure
import type { NodeRole } from '../lib/schema.js';

/** Whoever has not been seen for so long is gone: three beats and a little. */
export const GONE_AFTER_SECONDS = 20;

/** A process of this installation, as it said of itself when it was last seen. */
export interface Node {
  name: string;
  roles: NodeRole[];
  version: string;
  startedAt: Date;
  seenAt: Date;
  isAlive: boolean;
  /** Undefined when another version of the program wrote what this one cannot read. */
  activity: NodeActivity | undefined;
}

export interface NodeActivity {
  memoryBytes: number;
  /** Of workers alone. */
  sending?: Sending | undefined;
}

export interface Sending {
  /** Tries at a letter with whatever outcome, over the last ten seconds. */
  lettersPerSecond: number;
  /** Since the process began. */
  outcomes: Outcomes;
  onTheWire: number;
  connections: number;
  /** The ids of those that this process sends now. */
  mailings: number[];
}

export interface Outcomes {
  accepted: number;
  deferred: number;
  rejected: number;
  inDoubt: number;
}

export const OUTCOMES = ['accepted', 'deferred', 'rejected', 'inDoubt'] as const satisfies (keyof Outcomes)[];

export function isWorker({ roles }: Pick<Node, 'roles'>): boolean {
  return roles.includes('worker');
}

export function servesPages({ roles }: Pick<Node, 'roles'>): boolean {
  return roles.includes('web');
}

/** Of all processes together. */
export function sumSpeeds(nodes: Node[]): number {
  return nodes.reduce((sum, { activity }) => sum + (activity?.sending?.lettersPerSecond ?? 0), 0);
}
