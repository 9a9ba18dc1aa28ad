import type { FormState } from '../lib/form.js';
import { ChoiceField, FormActions, FormFaults, SelectField, TextField, type Option } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { MAX_PASSWORD, MIN_PASSWORD, THEMES } from './account.js';
import { listTimeZones } from './time-zones.js';

interface SettingsPageProps {
  view: View;
  settings: FormState;
  password: FormState;
}

export function SettingsPage({ view, settings, password }: SettingsPageProps) {
  return (
    <Layout view={view} title={view.t('accounts.settings.title')} narrow>
      <ProfileForm view={view} form={settings} />
      <PasswordForm view={view} form={password} />
    </Layout>
  );
}

const LANGUAGES: Option[] = [
  { value: 'ru', label: 'Русский' },
  { value: 'en', label: 'English' },
];

function ProfileForm({ view, form }: { view: View; form: FormState }) {
  const { t } = view;
  const themes = THEMES.map((value) => ({ value, label: t(`accounts.settings.themes.${value}`) }));
  return (
    <form method="post" action="/settings" class="card card-body" novalidate>
      <h2>{t('accounts.settings.profile')}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{view.user?.email}</p>
      <TextField view={view} form={form} name="name" label={t('accounts.fields.name')} autocomplete="name" />
      <SelectField
        view={view}
        form={form}
        name="time_zone"
        label={t('accounts.fields.timeZone')}
        hint={t('accounts.settings.timeZoneHint')}
        options={listTimeZones(view.now, form.typed['time_zone'])}
      />
      <ChoiceField view={view} form={form} name="locale" label={t('accounts.fields.locale')} options={LANGUAGES} />
      <ChoiceField view={view} form={form} name="theme" label={t('accounts.fields.theme')} options={themes} />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {t('common.save')}
        </button>
      </FormActions>
    </form>
  );
}

function PasswordForm({ view, form }: { view: View; form: FormState }) {
  const { t } = view;
  return (
    <form method="post" action="/settings/password" class="card card-body" novalidate>
      <h2>{t('accounts.settings.password')}</h2>
      <FormFaults view={view} form={form} />
      <p class="text-body-secondary">{t('accounts.settings.passwordText')}</p>
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
          {t('accounts.settings.passwordSubmit')}
        </button>
      </FormActions>
    </form>
  );
}
