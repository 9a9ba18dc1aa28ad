import type { UserDetails } from '../accounts/user.js';
import type { FormState } from '../lib/form.js';
import { FormActions, FormFaults, TextArea } from '../ui/form.js';
import { Layout } from '../ui/layout.js';
import type { View } from '../ui/view.js';
import { nameUser } from './user-parts.js';

interface BlockPageProps {
  view: View;
  user: UserDetails;
  form: FormState;
}

const BLOCK_EFFECTS = ['sessions', 'mailings', 'keeps', 'letter'] as const;
const UNBLOCK_EFFECTS = ['signIn', 'mailings', 'letter'] as const;

/** What it does, and why it is done. */
export function BlockPage({ view, user, form }: BlockPageProps) {
  return (
    <Layout view={view} title={view.t('users.block.title', { name: nameUser(user) })} narrow>
      <form method="post" action={`/oversight/users/${user.id}/block`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <Whom user={user} />
        <ul>
          {BLOCK_EFFECTS.map((effect) => (
            <li>{view.t(`users.block.${effect}`)}</li>
          ))}
        </ul>
        <TextArea
          view={view}
          form={form}
          name="reason"
          label={view.t('users.block.reason')}
          hint={view.t('users.block.reasonHint')}
          rows={3}
        />
        <FormActions>
          <button class="btn btn-danger" type="submit">
            {view.t('users.block.submit')}
          </button>
          <CancelLink view={view} user={user} />
        </FormActions>
      </form>
    </Layout>
  );
}

export function UnblockPage({ view, user, form }: BlockPageProps) {
  return (
    <Layout view={view} title={view.t('users.unblock.title', { name: nameUser(user) })} narrow>
      <form method="post" action={`/oversight/users/${user.id}/unblock`} class="card card-body" novalidate>
        <FormFaults view={view} form={form} />
        <Whom user={user} />
        <ul>
          {UNBLOCK_EFFECTS.map((effect) => (
            <li>{view.t(`users.unblock.${effect}`)}</li>
          ))}
        </ul>
        <TextArea
          view={view}
          form={form}
          name="reason"
          label={view.t('users.unblock.reason')}
          hint={view.t('users.unblock.reasonHint')}
          rows={3}
        />
        <FormActions>
          <button class="btn btn-primary" type="submit">
            {view.t('users.unblock.submit')}
          </button>
          <CancelLink view={view} user={user} />
        </FormActions>
      </form>
    </Layout>
  );
}

function Whom({ user }: { user: UserDetails }) {
  return (
    <p class="text-body-secondary">
      <bdi>{user.email}</bdi>
    </p>
  );
}

function CancelLink({ view, user }: { view: View; user: UserDetails }) {
  return (
    <a class="btn btn-outline-secondary" href={`/oversight/users/${user.id}`}>
      {view.t('common.cancel')}
    </a>
  );
}
