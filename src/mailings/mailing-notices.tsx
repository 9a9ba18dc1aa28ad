import type { Halt } from '../delivery/delivery.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

/* What stands in the way of a mailing, and what to do about it. */

interface NoticeProps {
  view: View;
  mailing: Mailing;
}

/** Who, when and why; of one that had started, how long it took and what had left, too. */
export function DisabledNotice({ view, mailing, halt }: NoticeProps & { halt?: Halt | undefined }) {
  const { disabledAt, disabledByName, disabledReason } = mailing;
  if (disabledAt === null) return null;
  const time = formatDateTime(view, disabledAt);
  return (
    <section class="notice notice-danger">
      <h2>{view.t('mailings.disabled.title')}</h2>
      <p>
        {disabledByName
          ? view.t('mailings.disabled.by', { name: disabledByName, time })
          : view.t('mailings.disabled.byManager', { time })}
      </p>
      {disabledReason && <p class="text-lines">{view.t('mailings.disabled.reason', { reason: disabledReason })}</p>}
      {halt && <p>{describeHalt(view, halt)}</p>}
      <p>{view.t('mailings.disabled.text')}</p>
    </section>
  );
}

/** How long it took until nothing left any more, and what had left by then. */
export function describeHalt(view: View, { done, seconds, left }: Halt): string {
  const letters = { count: left, number: formatNumber(view, left) };
  if (!done) return view.t('mailings.halt.going', letters);
  if (seconds === null) return view.t('mailings.halt.forgotten', letters);
  if (seconds === 0) return view.t('mailings.halt.atOnce', letters);
  const shown = formatNumber(view, Math.max(0.1, Math.round(seconds * 10) / 10));
  return view.t('mailings.halt.done', { ...letters, seconds: shown });
}

export function StartFaultNotice({ view, mailing: { startFault } }: NoticeProps) {
  if (startFault === null) return null;
  return (
    <section class="notice notice-warning">
      <h2>{view.t('mailings.startFault.title')}</h2>
      <p>{view.t(`mailings.startFault.${startFault}`)}</p>
    </section>
  );
}

export function WindowOverNotice({ view, mailing }: NoticeProps) {
  return (
    <section class="notice notice-warning">
      <h2>{view.t('mailings.start.windowOver')}</h2>
      <p>{view.t('mailings.start.windowOverText', { time: formatDateTime(view, mailing.endsAt) })}</p>
      <a class="btn btn-outline-secondary" href={`/mailings/${mailing.id}/edit`}>
        {view.t('mailings.start.changeTimes')}
      </a>
    </section>
  );
}

export function NoRecipientsNotice({ view, mailing: { id, audience } }: NoticeProps) {
  const isAll = audience === 'all';
  return (
    <section class="notice notice-warning">
      <h2>{view.t('mailings.start.noRecipients')}</h2>
      <p>{view.t(isAll ? 'mailings.start.noRecipientsAll' : 'mailings.start.noRecipientsChosen')}</p>
      <a class="btn btn-primary" href={isAll ? '/recipients/new' : `/mailings/${id}/audience`}>
        {view.t(isAll ? 'mailings.start.addRecipient' : 'mailings.page.chooseRecipients')}
      </a>
    </section>
  );
}
