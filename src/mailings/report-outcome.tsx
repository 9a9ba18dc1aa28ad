import type { Counters } from '../delivery/delivery.js';
import { formatNumber } from '../ui/format.js';
import { formatShare } from '../ui/share.js';
import type { View } from '../ui/view.js';
import { BalanceBar, toParts, type Part } from './balance.js';

interface OutcomeProps {
  view: View;
  mailingId: number;
  counters: Counters;
}

/** The books of a finished mailing: in a sentence, as a bar, and in figures. */
export function ReportOutcome({ view, mailingId, counters }: OutcomeProps) {
  const { audience } = counters;
  const parts = toParts(counters).filter(({ state, count }) => state === 'accepted' || count > 0);
  return (
    <section class="card card-body report-section">
      <h2>{view.t('report.outcome.title')}</h2>
      <p class="report-lead">{describeOutcome(view, counters)}</p>
      <BalanceBar view={view} parts={parts} audience={audience} />
      <table class="table report-table">
        <thead>
          <tr>
            <th scope="col">{view.t('report.outcome.state')}</th>
            <th scope="col" class="cell-number">
              {view.t('report.outcome.letters')}
            </th>
            <th scope="col" class="cell-number">
              {view.t('report.outcome.share')}
            </th>
          </tr>
        </thead>
        <tbody>
          {parts.map((part) => (
            <OutcomeRow view={view} mailingId={mailingId} part={part} audience={audience} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{view.t('report.outcome.total')}</th>
            <td class="cell-number">{formatNumber(view, audience)}</td>
            <td class="cell-number">{formatShare(view, audience, audience)}</td>
          </tr>
        </tfoot>
      </table>
    </section>
  );
}

interface OutcomeRowProps {
  view: View;
  mailingId: number;
  part: Part;
  audience: number;
}

function OutcomeRow({ view, mailingId, part: { state, count }, audience }: OutcomeRowProps) {
  return (
    <tr>
      <th scope="row" class={`report-part balance-${state}`}>
        {view.t(`mailings.balance.${state}`)}
      </th>
      <td class="cell-number">
        <a href={`/mailings/${mailingId}/deliveries?state=${state}`}>{formatNumber(view, count)}</a>
      </td>
      <td class="cell-number">{formatShare(view, count, audience)}</td>
    </tr>
  );
}

function describeOutcome(view: View, { audience, accepted }: Counters): string {
  if (audience === 0) return view.t('report.outcome.nobody');
  if (accepted === 0) return view.t('report.outcome.none');
  const number = formatNumber(view, audience);
  if (accepted === audience) return view.t('report.outcome.all', { count: audience, number });
  return view.t('report.outcome.some', {
    count: audience,
    number,
    accepted: formatNumber(view, accepted),
    share: formatShare(view, accepted, audience),
  });
}
