import type { FormState } from '../lib/form.js';
import { ChoiceField, FormActions, FormFaults, SelectField, TextField, type Option } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { THEMES } from './account.js';
import { SettingsTabs } from './settings-tabs.js';
import { listTimeZones } from './time-zones.js';

interface SettingsPageProps {
  view: View;
  form: FormState;
}

const LANGUAGES: Option[] = [
  { value: 'ru', label: 'Русский' },
  { value: 'en', label: 'English' },
];

export function SettingsPage({ view, form }: SettingsPageProps) {
  const { t } = view;
  const themes = THEMES.map((value) => ({ value, label: t(`settings.profile.themes.${value}`) }));
  return (
    <Layout view={view} title={t('settings.tabs.profile')}>
      <SettingsTabs view={view} />
      <form method="post" action="/settings" class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <TextField view={view} form={form} name="name" label={t('accounts.fields.name')} autocomplete="name" />
        <div class="field">
          <div class="form-label">{t('settings.profile.email')}</div>
          <div class="settings-email">{view.user?.email}</div>
          <div class="form-text">
            <a href="/settings/security">{t('settings.profile.changeEmail')}</a>
          </div>
        </div>
        <SelectField
          view={view}
          form={form}
          name="time_zone"
          label={t('accounts.fields.timeZone')}
          hint={t('settings.profile.timeZoneHint')}
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
    </Layout>
  );
}
