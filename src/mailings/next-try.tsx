import type { Delivery } from '../delivery/delivery.js';
import { formatDateTime, formatTimeUntil } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

interface NextTryProps {
  view: View;
  mailing: Mailing;
  delivery: Delivery;
}

/** Before the first try there is no time worth naming: it comes when its turn does. */
export function NextTry({ view, mailing, delivery }: NextTryProps) {
  const { state, attemptCount, nextTryAt } = delivery;
  if (state !== 'waiting' || attemptCount === 0 || mailing.stoppedAt !== null) return <>{view.t('common.none')}</>;
  if (nextTryAt >= mailing.endsAt) return <>{view.t('mailings.nextTry.beyond')}</>;
  if (mailing.pausedAt !== null || mailing.disabledAt !== null) return <>{view.t('mailings.nextTry.paused')}</>;
  if (nextTryAt <= view.now) return <>{view.t('mailings.nextTry.soon')}</>;
  return (
    <time datetime={nextTryAt.toISOString()} title={formatDateTime(view, nextTryAt)}>
      {formatTimeUntil(view, nextTryAt)}
    </time>
  );
}
