import type { Child } from 'hono/jsx';

import type { Counters } from '../delivery/delivery.js';
import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextArea } from '../ui/form.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OwnerLink, type OwnerName } from '../ui/owner-notice.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

interface PageProps {
  view: View;
  mailing: Mailing;
  /** Whose it is, where it is not the visitor's own. */
  owner: OwnerName | undefined;
  form: FormState;
}

/** What it does, and why it is done. */
export function DisablingPage({ counters, ...page }: PageProps & { counters: Counters | undefined }) {
  const { view, mailing } = page;
  const isRunning = mailing.status === 'running';
  return (
    <ReasonPage {...page} what="disabling" button="btn-danger">
      <li>{view.t(isRunning ? 'mailings.disabling.stops' : 'mailings.disabling.doesNotStart')}</li>
      {counters && (
        <li>
          {view.t('mailings.disabling.left', {
            count: counters.accepted + counters.inDoubt,
            number: formatNumber(view, counters.accepted + counters.inDoubt),
            audience: formatNumber(view, counters.audience),
          })}
        </li>
      )}
      {isRunning && <li>{view.t('mailings.disabling.end', { time: formatDateTime(view, mailing.endsAt) })}</li>}
      <li>{view.t('mailings.disabling.letter')}</li>
    </ReasonPage>
  );
}

export function EnablingPage(page: PageProps) {
  const { view, mailing } = page;
  return (
    <ReasonPage {...page} what="enabling" button="btn-primary">
      <li>{describeNext(view, mailing)}</li>
      <li>{view.t('mailings.enabling.letter')}</li>
    </ReasonPage>
  );
}

function describeNext(view: View, { status, pausedAt, startFault, firstSendingAt }: Mailing): string {
  if (status === 'running') return view.t(pausedAt ? 'mailings.enabling.staysPaused' : 'mailings.enabling.goesOn');
  if (startFault !== null) return view.t('mailings.enabling.ownerDecides');
  if (firstSendingAt <= view.now) return view.t('mailings.enabling.startsAtOnce');
  return view.t('mailings.enabling.startsAt', { time: formatDateTime(view, firstSendingAt) });
}

interface ReasonPageProps extends PageProps {
  what: 'disabling' | 'enabling';
  button: 'btn-danger' | 'btn-primary';
  /** What it does, as items of a list. */
  children?: Child;
}

function ReasonPage({ view, mailing: { id, subject }, owner, form, what, button, children }: ReasonPageProps) {
  return (
    <Layout view={view} title={view.t(`mailings.${what}.title`, { subject })} overseen={owner !== undefined} narrow>
      <form method="post" action={`/mailings/${id}/${what}`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        {owner && (
          <p class="text-body-secondary">
            {view.t('common.oversight.belongsTo')} <OwnerLink owner={owner} />
          </p>
        )}
        <ul>{children}</ul>
        <TextArea
          view={view}
          form={form}
          name="reason"
          label={view.t('mailings.disabling.reason')}
          hint={view.t('mailings.disabling.reasonHint')}
          rows={3}
        />
        <FormActions>
          <button class={`btn ${button}`} type="submit">
            {view.t(`mailings.${what}.submit`)}
          </button>
          <a class="btn btn-outline-secondary" href={`/mailings/${id}`}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}
