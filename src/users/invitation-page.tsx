import type { Invitation } from '../accounts/invitation.js';
import { ROLES } from '../accounts/user.js';
import type { FormState } from '../lib/form.js';
import { LOCALES } from '../lib/i18n.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { ChoiceField, FormActions, FormFaults, SelectField, TextField } from '../ui/form.js';
import { formatDateTime } from '../ui/format.js';
import { Layout } from '../ui/layout.js';
import { OversightTabs } from '../ui/oversight-tabs.js';
import type { View } from '../ui/view.js';

interface InvitationPageProps {
  view: View;
  form: FormState;
  invitations: Invitation[];
  /** While registration is closed nobody could accept one. */
  isClosed: boolean;
}

export function InvitationPage({ view, form, invitations, isClosed }: InvitationPageProps) {
  return (
    <Layout
      view={view}
      title={view.t('users.invitations.title')}
      back={{ href: '/oversight/users', label: view.t('users.list.title') }}
    >
      <OversightTabs view={view} />
      {isClosed ? <ClosedNotice view={view} /> : <InvitationForm view={view} form={form} />}
      <h2>{view.t('users.invitations.list')}</h2>
      {invitations.length === 0 ? (
        <p class="text-body-secondary">{view.t('users.invitations.none')}</p>
      ) : (
        <InvitationTable view={view} invitations={invitations} isClosed={isClosed} />
      )}
    </Layout>
  );
}

function ClosedNotice({ view }: { view: View }) {
  return (
    <section class="notice notice-warning">
      <p>{view.t('users.invitations.closed')}</p>
      <a class="btn btn-outline-secondary" href="/oversight/installation">
        {view.t('users.invitations.openInstallation')}
      </a>
    </section>
  );
}

const LANGUAGES = { ru: 'Русский', en: 'English' };

function InvitationForm({ view, form }: { view: View; form: FormState }) {
  const roles = ROLES.map((role) => ({
    value: role,
    label: view.t(`users.roles.${role}`),
    hint: view.t(`users.roleHints.${role}`),
  }));
  return (
    <form method="post" action="/oversight/users/invitations" class="card card-body" novalidate>
      <h2>{view.t('users.invitations.formTitle')}</h2>
      <FormFaults view={view} form={form} />
      <p>{view.t('users.invitations.formText')}</p>
      <TextField view={view} form={form} name="email" type="email" label={view.t('users.email')} autocomplete="off" />
      <ChoiceField view={view} form={form} name="role" label={view.t('users.role')} options={roles} />
      <SelectField
        view={view}
        form={form}
        name="locale"
        label={view.t('users.invitations.locale')}
        options={LOCALES.map((value) => ({ value, label: LANGUAGES[value] }))}
      />
      <FormActions>
        <button class="btn btn-primary" type="submit">
          {view.t('users.invitations.submit')}
        </button>
      </FormActions>
    </form>
  );
}

function InvitationTable({ view, invitations, isClosed }: Omit<InvitationPageProps, 'form'>) {
  return (
    <div class="table-frame">
      <table class="table list-table">
        <thead>
          <tr>
            <th scope="col">{view.t('users.email')}</th>
            <th scope="col">{view.t('users.role')}</th>
            <th scope="col">{view.t('users.invitations.invitedBy')}</th>
            <th scope="col">{view.t('users.invitations.invited')}</th>
            <th scope="col">{view.t('users.invitations.expires')}</th>
            <th scope="col">{view.t('users.invitations.actions')}</th>
          </tr>
        </thead>
        <tbody>
          {invitations.map((invitation) => (
            <InvitationRow view={view} invitation={invitation} mayResend={!isClosed} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface InvitationRowProps {
  view: View;
  invitation: Invitation;
  mayResend: boolean;
}

function InvitationRow({ view, invitation, mayResend }: InvitationRowProps) {
  const { id, email, role, invitedBy, createdAt } = invitation;
  return (
    <tr>
      <td data-label={view.t('users.email')}>
        <bdi>{email}</bdi>
      </td>
      <td data-label={view.t('users.role')}>{view.t(`users.roles.${role}`)}</td>
      <td data-label={view.t('users.invitations.invitedBy')}>
        <bdi>{invitedBy ?? view.t('common.none')}</bdi>
      </td>
      <td data-label={view.t('users.invitations.invited')}>{formatDateTime(view, createdAt)}</td>
      <td data-label={view.t('users.invitations.expires')}>{describeExpiry(view, invitation)}</td>
      <td data-label={view.t('users.invitations.actions')}>
        <form method="post" action={`/oversight/users/invitations/${id}/letter`} class="row-actions">
          {mayResend && (
            <button class="btn btn-outline-secondary btn-sm" type="submit">
              {view.t('users.invitations.resend')}
            </button>
          )}
          <a class="btn btn-outline-danger btn-sm" href={`/oversight/users/invitations/${id}/revocation`}>
            {view.t('users.invitations.revoke')}
          </a>
        </form>
      </td>
    </tr>
  );
}

function describeExpiry(view: View, { isExpired, expiresAt }: Invitation): string {
  if (isExpired || expiresAt === null) return view.t('users.invitations.expired');
  return formatDateTime(view, expiresAt);
}

export function RevocationPage({ view, invitation }: { view: View; invitation: Invitation }) {
  const { id, email } = invitation;
  return (
    <ConfirmPage
      view={view}
      title={view.t('users.invitations.revokeTitle', { email })}
      cancelHref="/oversight/users/invitations"
      action={`/oversight/users/invitations/${id}/revocation`}
      submit={view.t('users.invitations.revokeSubmit')}
    >
      <p>{view.t('users.invitations.revokeText')}</p>
    </ConfirmPage>
  );
}
