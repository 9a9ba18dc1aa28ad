import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { EmailChangeFault } from './change-email.js';
import { LinkFaultPage } from './link-fault-page.js';

interface EmailChangeFormProps {
  view: View;
  form: FormState;
  /** The address that was asked for and is not confirmed yet. */
  pending?: string | undefined;
}

/** One card of the page on which users see to their security. */
export function EmailChangeForm({ view, form, pending }: EmailChangeFormProps) {
  const { t } = view;
  return (
    <form method="post" action="/settings/email" class="card card-body" novalidate>
      <h2>{t('accounts.emailChange.heading')}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{t('accounts.emailChange.text', { email: view.user?.email })}</p>
      {pending !== undefined && <p>{t('accounts.emailChange.pending', { email: pending })}</p>}
      <TextField
        view={view}
        form={form}
        name="email"
        type="email"
        label={t('accounts.emailChange.newEmail')}
        autocomplete="email"
      />
      <TextField
        view={view}
        form={form}
        name="email_password"
        type="password"
        label={t('accounts.fields.currentPassword')}
        autocomplete="current-password"
      />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {t('accounts.emailChange.submit')}
        </button>
      </FormActions>
    </form>
  );
}

/** What the link of the letter leads to: a mail scanner that opens it changes nothing. */
export function EmailChangePage({ view, email, token }: { view: View; email: string; token: string }) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.emailChange.title')} narrow>
      <form method="post" action={`/email-change?token=${encodeURIComponent(token)}`} class="card card-body">
        <p>{t('accounts.emailChange.confirmText', { from: view.user?.email, to: email })}</p>
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.emailChange.confirm')}
          </button>
          <a class="btn btn-outline-secondary" href="/settings/security">
            {t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

export function EmailChangeRefusedPage({ view, fault }: { view: View; fault: EmailChangeFault }) {
  const { t } = view;
  return (
    <LinkFaultPage
      view={view}
      title={t(`accounts.emailChange.${fault}Title`)}
      text={t(`accounts.emailChange.${fault}Text`)}
      href="/settings/security"
      label={t('accounts.emailChange.toSettings')}
    />
  );
}
