import type { Attempt } from '../delivery/delivery.js';
import { formatNumber, formatTimeWithSeconds } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { OutcomeBadge } from './mailing-parts.js';

interface AttemptTableProps {
  view: View;
  mailingId: number;
  attempts: Attempt[];
  /** What names the table for screen readers. */
  label: string;
}

/** Every attempt with the server's reply in full. */
export function AttemptTable({ view, mailingId, attempts, label }: AttemptTableProps) {
  if (attempts.length === 0) return <p class="text-body-secondary">{view.t('mailings.attempts.none')}</p>;
  return (
    <div class="table-frame">
      <table class="table list-table attempt-table" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">{view.t('mailings.attempts.time')}</th>
            <th scope="col">{view.t('mailings.attempts.address')}</th>
            <th scope="col">{view.t('mailings.attempts.outcome')}</th>
            <th scope="col">{view.t('mailings.attempts.reply')}</th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => (
            <AttemptRow view={view} mailingId={mailingId} attempt={attempt} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AttemptRow({ view, mailingId, attempt }: { view: View; mailingId: number; attempt: Attempt }) {
  const { deliveryId, address, startedAt, outcome } = attempt;
  return (
    <tr>
      <td data-label={view.t('mailings.attempts.time')} class="cell-time">
        {formatTimeWithSeconds(view, startedAt)}
      </td>
      <td data-label={view.t('mailings.attempts.address')}>
        <a class="row-link" href={`/mailings/${mailingId}/deliveries/${deliveryId}`}>
          <bdi>{address}</bdi>
        </a>
      </td>
      <td data-label={view.t('mailings.attempts.outcome')}>
        <OutcomeBadge view={view} outcome={outcome} />
      </td>
      <td data-label={view.t('mailings.attempts.reply')}>
        <Reply view={view} attempt={attempt} />
      </td>
    </tr>
  );
}

/** What the server said, whose text holds the enhanced code already, where there is one; and by which way the letter went. */
export function Reply({ view, attempt }: { view: View; attempt: Attempt & { tls?: string | null } }) {
  const { outcome, stage, replyCode, reply, relay, tls, durationMs } = attempt;
  const duration = view.t('mailings.attempts.milliseconds', { number: formatNumber(view, durationMs) });
  return (
    <div>
      <bdi class="reply text-lines">
        {replyCode !== null && <strong>{replyCode} </strong>}
        {reply}
      </bdi>
      {outcome !== 'accepted' && (
        <small class="d-block text-body-secondary">{view.t('mailings.attempts.stage', { stage })}</small>
      )}
      <small class="reply-way">
        <bdi>{[relay, tls, duration].filter(Boolean).join(' · ')}</bdi>
      </small>
    </div>
  );
}
