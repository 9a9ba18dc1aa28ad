import type { Counters } from '../delivery/delivery.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { RepeatableState } from './mailing.js';

interface RepeatProps {
  view: View;
  mailingId: number;
  counters: Counters;
}

/** Who got nothing, or perhaps nothing, can be written to again by a new mailing. */
export function ReportRepeat({ view, mailingId, counters }: RepeatProps) {
  const { rejected, expired, cancelled, inDoubt, inDoubtLeft } = counters;
  const counts: [RepeatableState, number][] = [
    ['expired', expired],
    ['rejected', rejected],
    ['cancelled', cancelled],
    // What their owner has decided to leave so is not asked about again.
    ['in_doubt', inDoubt - inDoubtLeft],
  ];
  const repeatable = counts.filter(([, count]) => count > 0);
  if (repeatable.length === 0) return null;
  return (
    <section class="card card-body report-section report-again">
      <h2>{view.t('report.again.title')}</h2>
      <p>{view.t('report.again.text')}</p>
      <ul>
        {repeatable.map(([state, count]) => (
          <RepeatLine view={view} mailingId={mailingId} state={state} count={count} />
        ))}
      </ul>
    </section>
  );
}

interface RepeatLineProps {
  view: View;
  mailingId: number;
  state: RepeatableState;
  count: number;
}

function RepeatLine({ view, mailingId, state, count }: RepeatLineProps) {
  const who = `repeat-${state}`;
  return (
    <li>
      <div>
        <strong id={who}>{view.t(`report.again.${state}`, { count, number: formatNumber(view, count) })}</strong>
        <p class={state === 'in_doubt' ? 'report-careful' : 'report-note'}>{view.t(`report.again.${state}Hint`)}</p>
      </div>
      <form method="post" action={`/mailings/${mailingId}/repeat`}>
        <input type="hidden" name="state" value={state} />
        <button class="btn btn-outline-secondary" type="submit" aria-describedby={who}>
          {view.t('report.again.submit')}
        </button>
      </form>
    </li>
  );
}
