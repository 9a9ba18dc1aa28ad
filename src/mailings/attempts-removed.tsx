import { formatMonthStart } from '../ui/format.js';
import type { View } from '../ui/view.js';

/** Where attempts were removed by the setting of how long they are kept, a page that shows attempts says so. */
export function AttemptsRemoved({ view, keptFrom }: { view: View; keptFrom: Date | null }) {
  if (!keptFrom) return null;
  return <p class="journal-removed">{view.t('journal.removed', { date: formatMonthStart(view, keptFrom) })}</p>;
}
