import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import type { LinkAnswer, OneTimeLink } from './one-time-link.js';

interface FormPageProps {
  view: View;
  form: FormState;
}

interface RecoveryPageProps extends FormPageProps {
  /** After a link that does not work: why. */
  fault?: Exclude<LinkAnswer['state'], 'valid'>;
}

export function RecoveryPage({ view, form, fault }: RecoveryPageProps) {
  const { t } = view;
  return (
    <Layout view={view} title={fault ? t(`accounts.recovery.${fault}Title`) : t('accounts.recovery.title')} narrow>
      <p>{fault ? t(`accounts.recovery.${fault}Text`) : t('accounts.recovery.text')}</p>
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
      <FormActions>
        <a class="btn btn-outline-secondary" href="/sign-in">
          {t('accounts.recovery.backToSignIn')}
        </a>
      </FormActions>
    </Layout>
  );
}

interface NewPasswordPageProps extends FormPageProps {
  token: string;
  link: OneTimeLink;
}

export function NewPasswordPage({ view, form, token, link: { purpose, email } }: NewPasswordPageProps) {
  const { t } = view;
  const isReturn = purpose === 'email_return';
  return (
    <Layout view={view} title={t(isReturn ? 'accounts.recovery.returnTitle' : 'accounts.recovery.newTitle')} narrow>
      <p>{isReturn ? t('accounts.recovery.returnText', { email }) : t('accounts.recovery.newText')}</p>
      <form method="post" action={`/recovery/new?token=${encodeURIComponent(token)}`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <input type="hidden" name="username" value={email} autocomplete="username" />
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
