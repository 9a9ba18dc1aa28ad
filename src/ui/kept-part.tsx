import { raw } from 'hono/html';
import type { JSX } from 'hono/jsx/jsx-runtime';

import type { Cache } from '../lib/cache.js';
import type { Keep, View } from './view.js';

export function keepIn(cache: Cache): Keep {
  return async (name, input, render) =>
    raw(await cache.derive({ name: `part ${name}`, input }, async () => (await render()).toString()));
}

interface KeptPartProps {
  view: View;
  name: string;
  /** All that the part shows, but for the words of the language. */
  input: unknown;
  render: () => JSX.Element;
}

/** A large part that follows from `input`, the language and the time zone alone. Not what tells the time that is left, or who looks. */
export function KeptPart({ view, name, input, render }: KeptPartProps) {
  return view.keep ? view.keep(name, [view.locale, view.timeZone, input], render) : render();
}
