import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults } from '../ui/form.js';
import { formatDateTime } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { RateFields } from '../ui/rate.js';
import type { View } from '../ui/view.js';
import type { Mailing } from './mailing.js';

export function RatePage({ view, mailing, form }: { view: View; mailing: Mailing; form: FormState }) {
  const back = `/mailings/${mailing.id}`;
  return (
    <Layout view={view} title={view.t('mailings.rate.pageTitle')} back={{ href: back, label: mailing.subject }} narrow>
      <FormFaults view={view} form={form} />
      <form method="post" action={`${back}/rate`} class="card card-body" novalidate>
        <RateFields
          view={view}
          form={form}
          label={view.t('mailings.rate.label')}
          hint={view.t('mailings.rate.hint')}
          optional
        />
        <p>{view.t('mailings.rate.pageText', { time: formatDateTime(view, mailing.endsAt) })}</p>
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
