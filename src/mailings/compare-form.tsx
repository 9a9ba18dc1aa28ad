import type { Child } from 'hono/jsx';

import { SelectCell } from '../ui/list.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';
import { FEWEST_COMPARED } from './report.js';

/* Lists of mailings are forms too: what is ticked in them is compared. */

interface CompareFormProps {
  view: View;
  isOffered: boolean;
  /** The table. */
  children: Child;
}

export function CompareForm({ view, isOffered, children }: CompareFormProps) {
  if (!isOffered) return <>{children}</>;
  return (
    <form method="get" action="/mailings/compare" class="list-form">
      {children}
      <div class="list-foot">
        <button class="btn btn-outline-secondary btn-sm" type="submit">
          {view.t('report.compare.submit')}
        </button>
        <span class="list-count compare-hint">{view.t('report.compare.hint')}</span>
      </div>
    </form>
  );
}

/** Before its start a mailing has nothing to compare. */
function isComparable({ status }: Mailing): boolean {
  return status !== 'created';
}

export function canCompare(mailings: Mailing[]): boolean {
  return mailings.filter(isComparable).length >= FEWEST_COMPARED;
}

export function CompareHeader({ view }: { view: View }) {
  return (
    <th scope="col" class="cell-select">
      <span class="visually-hidden">{view.t('report.compare.title')}</span>
    </th>
  );
}

export function CompareCell({ view, mailing }: { view: View; mailing: Mailing }) {
  if (!isComparable(mailing)) return <td class="cell-select"></td>;
  return <SelectCell view={view} id={mailing.id} name={mailing.subject} field="id" />;
}
