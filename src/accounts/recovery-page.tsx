import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';

interface FormPageProps {
  view: View;
  form: FormState;
}

/** `invalid`: after a link that does not work. */
export function RecoveryPage({ view, form, invalid = false }: FormPageProps & { invalid?: boolean }) {
  const { t } = view;
  return (
    <Layout view={view} title={t(invalid ? 'accounts.recovery.invalidTitle' : 'accounts.recovery.title')} narrow>
      <p>{t(invalid ? 'accounts.recovery.invalidText' : 'accounts.recovery.text')}</p>
      <form method="post" action="/recovery" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <TextField
          view={view}
          form={form}
          name="email"
          type="email"
          label={t('accounts.fields.email')}
          autocomplete="username"
          autofocus
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.recovery.submit')}
          </button>
          <a class="btn btn-link" href="/sign-in">
            {t('accounts.recovery.backToSignIn')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

/** The same for known and unknown addresses. */
export function RecoverySentPage({ view, email, minutes }: { view: View; email: string; minutes: number }) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.recovery.sentTitle')} narrow>
      <p>{t('accounts.recovery.sentText', { email, minutes })}</p>
      <a class="btn btn-outline-secondary" href="/sign-in">
        {t('accounts.recovery.backToSignIn')}
      </a>
    </Layout>
  );
}

export function NewPasswordPage({ view, form, token }: FormPageProps & { token: string }) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.recovery.newTitle')} narrow>
      <p>{t('accounts.recovery.newText')}</p>
      <form method="post" action={`/recovery/new?token=${encodeURIComponent(token)}`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <TextField
          view={view}
          form={form}
          name="password"
          type="password"
          label={t('accounts.fields.newPassword')}
          hint={t('accounts.fields.passwordHint', { min: MIN_PASSWORD })}
          autocomplete="new-password"
          autofocus
          maxlength={MAX_PASSWORD}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.recovery.newSubmit')}
          </button>
        </FormActions>
      </form>
    </Layout>
  );
}
