import { may } from '../accounts/permissions.js';
import { formatTimeWithSeconds } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { Fault } from './relay-parts.js';
import type { FailingRelay } from './relay.js';

/** On the first pages that managers and administrators see: what does not work, why, and where to mend it. */
export function RelayNotices({ view, failing }: { view: View; failing: FailingRelay[] }) {
  return (
    <>
      {failing.map((relay) => (
        <RelayNotice view={view} relay={relay} />
      ))}
    </>
  );
}

function RelayNotice({ view, relay: { id, name, fault, since, isLast } }: { view: View; relay: FailingRelay }) {
  const time = formatTimeWithSeconds(view, since);
  return (
    <section class={`notice notice-${isLast ? 'danger' : 'warning'}`}>
      <h2>{view.t('relays.notice.title', { name: name ?? view.t('relays.smtpUrlName') })}</h2>
      <p>{view.t(isLast ? 'relays.notice.since' : 'relays.notice.others', { time })}</p>
      <Fault view={view} fault={fault} />
      {may(view.user, 'mailServers.manage') && (
        <p>
          <a href={id === null ? '/oversight/relays' : `/oversight/relays/${id}`}>{view.t('relays.notice.open')}</a>
        </p>
      )}
    </section>
  );
}
