import type { Cache } from '../lib/cache.js';
import type { Database } from '../lib/database.js';
import type { Owners } from '../lib/owners.js';
import { renderPart } from '../ui/render-part.js';
import { visitorOf, type View } from '../ui/view.js';
import { FiguresSection } from './figures-section.js';
import type { Figures } from './figures.js';
import { rangeQuery, type Range } from './range.js';
import { readFigures } from './read-figures.js';

/** Figures of a range as they stand on a page, and what the rest of the page goes by. */
export interface ShownFigures extends Pick<Figures, 'recipients' | 'mailings'> {
  html: string;
}

/** Counted and drawn once for each state of the data; nothing on it tells the time that is left, or who looks. */
export function readShownFigures(
  { db, cache }: { db: Database; cache: Cache },
  view: View,
  owners: Owners,
  range: Range,
): Promise<ShownFigures> {
  const entry = { name: 'figures', visitor: visitorOf(view), owners, params: rangeParams(range) };
  return cache.read(entry, async () => {
    const figures = await readFigures(db, owners, range, view.timeZone);
    const section = <FiguresSection view={view} figures={figures} range={range} hrefs={listHrefs(owners, range)} />;
    return { recipients: figures.recipients, mailings: figures.mailings, html: await renderPart(section) };
  });
}

/** All that depends on a range depends on this. */
export function rangeParams(range: Range): Record<string, string> {
  const { from, until, before, unit } = range;
  const instants = [from, until, before.from, before.until].map((at) => at.toISOString());
  return { unit, chosen: rangeQuery(range), instants: instants.join(' ') };
}

/** Where the lists behind the figures are. */
function listHrefs(owners: Owners, { firstDay, lastDay }: Range) {
  const root = owners === 'everybody' ? '/oversight' : '';
  const days = `from=${firstDay}&until=${lastDay}`;
  return {
    accepted: `${root}/attempts?outcome=accepted&${days}`,
    unsuccessful: `${root}/attempts?outcome=unsuccessful&${days}`,
    mailings: `${root}/mailings`,
    recipients: `${root}/recipients`,
  };
}
