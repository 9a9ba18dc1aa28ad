import type { Counters } from '../delivery/delivery.js';
import type { AttemptOutcome, DeliveryState } from '../lib/schema-delivery.js';
import { formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';
import { describeMailing, type AudienceSize, type Mailing, type MailingContent, type MailingState } from './mailing.js';

/* What several pages about mailings show. */

export function MailingBadge({ view, mailing }: { view: View; mailing: Mailing }) {
  return <MailingStateBadge view={view} state={describeMailing(mailing)} />;
}

export function MailingStateBadge({ view, state }: { view: View; state: MailingState }) {
  return <span class={`badge-state badge-${state}`}>{view.t(`mailings.states.${state}`)}</span>;
}

export function DeliveryBadge({ view, state }: { view: View; state: DeliveryState }) {
  return <span class={`badge-state badge-${state}`}>{view.t(`mailings.deliveryStates.${state}`)}</span>;
}

export function OutcomeBadge({ view, outcome }: { view: View; outcome: AttemptOutcome }) {
  return <span class={`badge-state badge-${outcome}`}>{view.t(`mailings.outcomes.${outcome}`)}</span>;
}

/** The number, with a plus where more was not counted. */
export function formatAudience(view: View, { count, exact }: AudienceSize): string {
  return exact ? formatNumber(view, count) : `${formatNumber(view, count)}+`;
}

/** How many of the audience a mail server has accepted. */
export function formatAccepted(view: View, { accepted, audience }: Counters): string {
  return view.t('mailings.list.accepted', {
    accepted: formatNumber(view, accepted),
    audience: formatNumber(view, audience),
  });
}

export function SentMessage({ view, content }: { view: View; content: MailingContent }) {
  return (
    <>
      <h2>{view.t('mailings.page.content')}</h2>
      <h3>
        <bdi>{content.subject}</bdi>
      </h3>
      <div class="text-lines">
        <bdi>{content.body}</bdi>
      </div>
    </>
  );
}
