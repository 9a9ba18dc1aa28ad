import { may } from '../accounts/permissions.js';
import type { Counters, Delivery } from '../delivery/delivery.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

/* What is in doubt asks for its owner's decision, until there is one. */

interface DoubtsNoticeProps {
  view: View;
  mailing: Mailing;
  counters: Counters;
  /** The newest attempt on the page: what becomes doubtful later is not decided by its buttons. */
  seenAttemptId: number;
}

/** For all of a mailing. */
export function DoubtsNotice({ view, mailing: { id }, counters, seenAttemptId }: DoubtsNoticeProps) {
  const count = counters.inDoubt - counters.inDoubtLeft;
  if (count === 0) return null;
  return (
    <section class="notice notice-warning">
      <h2>{view.t('mailings.inDoubt.title', { count, number: formatNumber(view, count) })}</h2>
      <p>{view.t('mailings.inDoubt.text')}</p>
      <form method="post" action={`/mailings/${id}/in-doubt/leaving`} class="form-actions">
        <input type="hidden" name="seen" value={seenAttemptId} />
        <a class="btn btn-outline-secondary" href={`/mailings/${id}/in-doubt/resending`}>
          {view.t('mailings.inDoubt.resendAll')}
        </a>
        <button class="btn btn-outline-secondary" type="submit">
          {view.t('mailings.inDoubt.leaveAll')}
        </button>
        <a class="btn btn-link" href={`/mailings/${id}/deliveries?state=in_doubt`}>
          {view.t('mailings.inDoubt.show')}
        </a>
      </form>
    </section>
  );
}

interface DoubtNoticeProps {
  view: View;
  mailing: Mailing;
  delivery: Delivery;
  seenAttemptId: number;
}

/** For one delivery. Who has decided to leave it may still send it again. */
export function DoubtNotice({ view, mailing, delivery, seenAttemptId }: DoubtNoticeProps) {
  if (delivery.state !== 'in_doubt' || !may(view.user, 'mailings.send', mailing)) return null;
  const path = `/mailings/${mailing.id}/deliveries/${delivery.id}`;
  return (
    <section class={delivery.leftInDoubt ? 'notice' : 'notice notice-warning'}>
      <h2>{view.t('mailings.inDoubt.oneTitle')}</h2>
      <p>{view.t(delivery.leftInDoubt ? 'mailings.inDoubt.left' : 'mailings.inDoubt.text')}</p>
      <form method="post" action={`${path}/resending`} class="form-actions">
        <input type="hidden" name="seen" value={seenAttemptId} />
        <button class="btn btn-outline-secondary" type="submit">
          {view.t('mailings.inDoubt.resend')}
        </button>
        {!delivery.leftInDoubt && (
          <button class="btn btn-outline-secondary" type="submit" formaction={`${path}/leaving`}>
            {view.t('mailings.inDoubt.leave')}
          </button>
        )}
      </form>
    </section>
  );
}
