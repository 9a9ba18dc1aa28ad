import type { JSX } from 'hono/jsx/jsx-runtime';

import { timeRendering } from '../lib/timing.js';

/** A part of a page as HTML, for the cache to keep; `raw` puts it into the page. */
export function renderPart(part: JSX.Element): Promise<string> {
  return timeRendering(async () => (await part).toString());
}
