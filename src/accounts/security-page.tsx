import { emptyForm, type FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextField } from '../ui/form.js';
import { Icon } from '../ui/icon.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import { EmailChangeForm } from './change-email-page.js';
import { SettingsTabs } from './settings-tabs.js';

interface SecurityPageProps {
  view: View;
  password: FormState;
  email?: FormState;
  /** The address that was asked for and is not confirmed yet. */
  pendingEmail: string | undefined;
}

export function SecurityPage({ view, password, email = emptyForm, pendingEmail }: SecurityPageProps) {
  return (
    <Layout view={view} title={view.t('settings.tabs.security')}>
      <SettingsTabs view={view} />
      <PasswordForm view={view} form={password} />
      <EmailChangeForm view={view} form={email} pending={pendingEmail} />
      <OtherPlaces view={view} />
    </Layout>
  );
}

function PasswordForm({ view, form }: { view: View; form: FormState }) {
  const { t } = view;
  return (
    <form method="post" action="/settings/password" class="card card-body" novalidate>
      <h2>{t('settings.security.password')}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{t('settings.security.passwordText', { email: view.user?.email })}</p>
      <input type="hidden" name="username" value={view.user?.email} autocomplete="username" />
      <TextField
        view={view}
        form={form}
        name="current_password"
        type="password"
        label={t('accounts.fields.currentPassword')}
        autocomplete="current-password"
      />
      <TextField
        view={view}
        form={form}
        name="password"
        type="password"
        label={t('accounts.fields.newPassword')}
        hint={t('accounts.fields.passwordHint', { min: MIN_PASSWORD })}
        autocomplete="new-password"
        maxlength={MAX_PASSWORD}
      />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {t('settings.security.passwordSubmit')}
        </button>
      </FormActions>
    </form>
  );
}

const PLACES = [
  { href: '/settings/sessions', icon: 'laptop', key: 'sessions' },
  { href: '/settings/second-factor', icon: 'shield-lock', key: 'secondFactor' },
] as const;

function OtherPlaces({ view }: { view: View }) {
  return (
    <section>
      <h2>{view.t('settings.security.more')}</h2>
      <ul class="settings-places">
        {PLACES.map(({ href, icon, key }) => (
          <li>
            <Icon name={icon} />
            <div>
              <a href={href}>{view.t(`settings.security.${key}`)}</a>
              <p>{view.t(`settings.security.${key}Text`)}</p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
