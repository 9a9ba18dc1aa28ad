import { ROLES, type UserDetails } from '../accounts/user.js';
import type { FormState } from '../lib/form.js';
import type { Role } from '../lib/schema-accounts.js';
import { ConfirmPage } from '../ui/confirm-page.js';
import { ChoiceField, FormActions, FormFaults } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { nameUser } from './user-parts.js';

interface RolePageProps {
  view: View;
  user: UserDetails;
}

/** The choice; the page after it asks once more. */
export function RolePage({ view, user, form }: RolePageProps & { form: FormState }) {
  const path = `/oversight/users/${user.id}`;
  const options = ROLES.filter((role) => role !== user.role).map((role) => ({
    value: role,
    label: view.t(`users.roles.${role}`),
    hint: view.t(`users.roleHints.${role}`),
  }));
  return (
    <Layout
      view={view}
      title={view.t('users.roleChange.title', { name: nameUser(user) })}
      back={{ href: path, label: user.email }}
      narrow
    >
      <form method="get" action={`${path}/role`} class="card card-body">
        <FormFaults view={view} form={form} />
        <p>{view.t('users.roleChange.was', { role: view.t(`users.roles.${user.role}`) })}</p>
        <ChoiceField view={view} form={form} name="role" label={view.t('users.roleChange.choose')} options={options} />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('users.roleChange.next')}
          </button>
          <a class="btn btn-link" href={path}>
            {view.t('common.cancel')}
          </a>
        </FormActions>
      </form>
    </Layout>
  );
}

export function RoleConfirmPage({ view, user, role }: RolePageProps & { role: Role }) {
  return (
    <ConfirmPage
      view={view}
      title={view.t(`users.roleChange.confirm.${role}`, { name: nameUser(user) })}
      cancelHref={`/oversight/users/${user.id}`}
      action={`/oversight/users/${user.id}/role`}
      submit={view.t(`users.roleChange.submit.${role}`)}
      fields={[['role', role]]}
    >
      <p class="text-body-secondary">
        <bdi>{user.email}</bdi>
      </p>
      <p>{view.t('users.roleChange.was', { role: view.t(`users.roles.${user.role}`) })}</p>
      <p>
        <b>{view.t(`users.roles.${role}`)}</b>: {view.t(`users.roleHints.${role}`)}
      </p>
      <p>{view.t('users.roleChange.sessions')}</p>
    </ConfirmPage>
  );
}
