import { formatDateTime } from '../ui/format.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

/* What stands in the way of a mailing, and what to do about it. */

interface NoticeProps {
  view: View;
  mailing: Mailing;
}

export function DisabledNotice({ view, mailing }: NoticeProps) {
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
      {disabledReason && <p>{view.t('mailings.disabled.reason', { reason: disabledReason })}</p>}
      <p>{view.t('mailings.disabled.text')}</p>
    </section>
  );
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
