import type { FormState } from '../lib/form.js';
import { toRate } from '../lib/rate.js';
import { ChoiceField, ConflictNotice, FormActions, FormFaults, SelectField, TextField } from '../ui/form.js';
import { formatDateTime, formatNumber } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { formatLimit, RateFields } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import { formatAudience } from './mailing-parts.js';
import type { AudienceSize, Mailing } from './mailing.js';

interface MailingFormProps {
  view: View;
  form: FormState;
  /** What can be chosen. */
  messages: { id: number; subject: string }[];
  recipientCount: number;
  /** The mailing that is changed, with how many are chosen for it; absent for a new one. */
  mailing?: Mailing;
  chosen?: AudienceSize;
  /** True when it was saved elsewhere after this form was opened. */
  conflict?: boolean;
}

export function MailingFormPage(props: MailingFormProps) {
  const { view, form, mailing, conflict = false } = props;
  const back = mailing ? `/mailings/${mailing.id}` : '/mailings';
  return (
    <Layout
      view={view}
      title={view.t(mailing ? 'mailings.form.change' : 'mailings.form.add')}
      back={{ href: back, label: mailing?.subject ?? view.t('mailings.list.title') }}
      narrow
    >
      {conflict && mailing ? <Conflict view={view} mailing={mailing} /> : <FormFaults view={view} form={form} />}
      <form method="post" action={back} class="card card-body" novalidate data-confirm-leave>
        <input type="hidden" name="version" value={form.typed['version'] ?? ''} />
        <MessageField {...props} />
        <TimeFields {...props} />
        <AudienceField {...props} />
        <RateFields
          view={view}
          form={form}
          label={view.t('mailings.rate.label')}
          hint={view.t('mailings.rate.hint')}
          optional
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('common.save')}
          </button>
          <a class="btn btn-link" href={back}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

function MessageField({ view, form, messages }: MailingFormProps) {
  return (
    <>
      <SelectField
        view={view}
        form={form}
        name="messageId"
        label={view.t('mailings.message')}
        placeholder={view.t('mailings.form.choose')}
        options={messages.map(({ id, subject }) => ({ value: String(id), label: subject }))}
        {...(messages.length === 0 ? { hint: view.t('mailings.form.noMessages') } : {})}
      />
      <p class="form-text">
        <a href="/messages/new">{view.t('mailings.form.newMessage')}</a>
      </p>
    </>
  );
}

function TimeFields({ view, form }: MailingFormProps) {
  const timeZone = view.timeZone;
  return (
    <>
      <TextField
        view={view}
        form={form}
        name="firstSendingAt"
        type="datetime-local"
        label={view.t('mailings.firstSending')}
        hint={view.t('mailings.form.startHint', { timeZone })}
      />
      <TextField
        view={view}
        form={form}
        name="endsAt"
        type="datetime-local"
        label={view.t('mailings.end')}
        hint={view.t('mailings.form.endHint', { timeZone })}
      />
    </>
  );
}

function AudienceField({ view, form, recipientCount, chosen }: MailingFormProps) {
  const all = {
    value: 'all',
    label: view.t('mailings.form.all', { number: formatNumber(view, recipientCount) }),
    hint: view.t('mailings.form.allHint'),
  };
  const some = {
    value: 'chosen',
    label: view.t('mailings.form.chosen'),
    hint:
      chosen && chosen.count > 0
        ? view.t('mailings.form.chosenCount', { count: chosen.count, number: formatAudience(view, chosen) })
        : view.t('mailings.form.chosenHint'),
  };
  return (
    <ChoiceField
      view={view}
      form={form}
      name="audience"
      label={view.t('mailings.form.audience')}
      options={[all, some]}
    />
  );
}

function Conflict({ view, mailing }: { view: View; mailing: Mailing }) {
  return (
    <ConflictNotice view={view}>
      <dt>{view.t('mailings.message')}</dt>
      <dd>
        <bdi>{mailing.subject}</bdi>
      </dd>
      <dt>{view.t('mailings.firstSending')}</dt>
      <dd>{formatDateTime(view, mailing.firstSendingAt)}</dd>
      <dt>{view.t('mailings.end')}</dt>
      <dd>{formatDateTime(view, mailing.endsAt)}</dd>
      <dt>{view.t('mailings.audience')}</dt>
      <dd>{view.t(mailing.audience === 'all' ? 'mailings.audiencePage.everybody' : 'mailings.form.chosen')}</dd>
      <dt>{view.t('mailings.rate.title')}</dt>
      <dd>{formatLimit(view, toRate(mailing))}</dd>
    </ConflictNotice>
  );
}
