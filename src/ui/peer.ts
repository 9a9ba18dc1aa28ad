import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context } from 'hono';

import type { WebEnv } from './view.js';

/** The address at the other end of the connection; undefined where there is none, as in tests that pass none. */
export function findPeer(c: Context<WebEnv>): string | undefined {
  const bindings = c.env as object | undefined;
  return bindings && 'incoming' in bindings ? getConnInfo(c).remote.address : undefined;
}
