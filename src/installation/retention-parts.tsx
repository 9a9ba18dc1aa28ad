import type { FormState } from '../lib/form.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { formatMonthStart, formatNumber } from '../ui/format.js';
import type { View } from '../ui/view.js';

/* How long attempts are kept: the form among the settings, and the page that says what goes. */

const ACTION = '/oversight/installation/attempts';

interface RetentionFormProps {
  view: View;
  form: FormState;
  keptFrom: Date | null;
}

/** Leads to the page that asks once more. */
export function RetentionForm({ view, form, keptFrom }: RetentionFormProps) {
  const { t } = view;
  return (
    <section>
      <h2>{t('journal.retention.title')}</h2>
      <p class="text-body-secondary">{t('journal.retention.text')}</p>
      <form method="get" action={ACTION} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <TextField
          view={view}
          form={form}
          name="months"
          label={t('journal.retention.label')}
          hint={t('journal.retention.hint')}
          maxlength={3}
          isNumber
          optional
        />
        {keptFrom && (
          <p class="text-body-secondary">{t('journal.removed', { date: formatMonthStart(view, keptFrom) })}</p>
        )}
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('journal.retention.submit')}
          </button>
        </FormActions>
      </form>
    </section>
  );
}

interface RetentionPageProps {
  view: View;
  /** Null: for ever. */
  months: number | null;
  /** What goes at once; null where nothing ever does. */
  going: { months: number; attempts: number } | null;
}

export function RetentionPage({ view, months, going }: RetentionPageProps) {
  const { t } = view;
  const title =
    months === null ? t('journal.retention.pageForever') : t('journal.retention.pageTitle', { count: months });
  return (
    <ConfirmPage
      view={view}
      title={title}
      cancelHref="/oversight/installation"
      action={ACTION}
      submit={t(nameSubmit(going))}
      fields={[['months', months === null ? '' : String(months)]]}
    >
      {going === null ? <p>{t('journal.retention.forever')}</p> : <Going view={view} {...going} />}
    </ConfirmPage>
  );
}

function nameSubmit(going: RetentionPageProps['going']) {
  if (going === null) return 'journal.retention.submitForever';
  return going.months === 0 ? 'common.save' : 'journal.retention.submitKeep';
}

function Going({ view, months, attempts }: { view: View; months: number; attempts: number }) {
  const { t } = view;
  const goes = t('journal.retention.goes', { count: months, attempts: formatNumber(view, attempts) });
  return (
    <>
      <p>{months === 0 ? t('journal.retention.goesNothing') : goes}</p>
      <p>{t('journal.retention.goesOn')}</p>
      <p>{t('journal.retention.stays')}</p>
    </>
  );
}
