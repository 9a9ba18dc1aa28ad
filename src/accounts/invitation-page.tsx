import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, SelectField, TextField } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import type { InvitationFault } from './accept-invitation.js';
import { MAX_PASSWORD, MIN_PASSWORD } from './account.js';
import type { Invitation } from './invitation.js';
import { LinkFaultPage } from './link-fault-page.js';
import { listTimeZones } from './time-zones.js';

interface InvitationPageProps {
  view: View;
  form: FormState;
  invitation: Invitation;
  token: string;
}

export function InvitationPage({ view, form, invitation: { email, role }, token }: InvitationPageProps) {
  const { t } = view;
  return (
    <Layout view={view} title={t('accounts.invitation.title')} narrow>
      <p>{t('accounts.invitation.text', { email, role: t(`accounts.roles.${role}`) })}</p>
      {view.user && (
        <p class="notice notice-warning">{t('accounts.invitation.otherUser', { email: view.user.email })}</p>
      )}
      <form method="post" action={`/invitation?token=${encodeURIComponent(token)}`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <input type="hidden" name="username" value={email} autocomplete="username" />
        <TextField
          view={view}
          form={form}
          name="name"
          label={t('accounts.fields.name')}
          autocomplete="name"
          autofocus
        />
        <TextField
          view={view}
          form={form}
          name="password"
          type="password"
          label={t('accounts.fields.password')}
          hint={t('accounts.fields.passwordHint', { min: MIN_PASSWORD })}
          autocomplete="new-password"
          maxlength={MAX_PASSWORD}
        />
        <SelectField
          view={view}
          form={form}
          name="time_zone"
          label={t('accounts.fields.timeZone')}
          hint={t('accounts.invitation.timeZoneHint')}
          options={listTimeZones(view.now, form.typed['time_zone'])}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {t('accounts.invitation.submit')}
          </button>
        </FormActions>
      </form>
    </Layout>
  );
}

export function InvitationRefusedPage({ view, fault }: { view: View; fault: InvitationFault }) {
  const { t } = view;
  return (
    <LinkFaultPage
      view={view}
      title={t(`accounts.invitation.${fault}Title`)}
      text={t(`accounts.invitation.${fault}Text`)}
      href="/sign-in"
      label={t('accounts.signIn.submit')}
    />
  );
}
